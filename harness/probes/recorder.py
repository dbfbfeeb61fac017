"""Stage 4b: everything that is watched while a suite runs.

One thread a resource writes its timeline, one samples the processes. None of them can end the
run: what goes wrong is told in evidence/probes.ndjson, and the judges see the gap.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.kube.client import KubeClient
from harness.kube.secrecy import Cleaner
from harness.probes.kubelet import KubeletSampler
from harness.probes.notes import Notes
from harness.probes.podlogs import Logs
from harness.probes.pods import PodWatch
from harness.probes.processes import ProcessSampler
from harness.probes.redaction import Redactor
from harness.probes.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.kube.connection import Connection
    from harness.model.installation import Workload
    from harness.model.resource import Resource

__all__ = ["Recorder"]

_BEGIN_S = 10.0
_NOTHING: Mapping[str, Callable[[], Mapping[str, int]]] = MappingProxyType({})


class Recorder:
    """Records timelines and process samples from `start` to `stop`.

    Args:
        run: The run folder.
        connection: Server and identity; the harness's own.
        resources: What to watch from the beginning, in all namespaces.
        processes: Returns the pids of the operator's processes, by name; asked once a second.
        beside: Returns the same of others of which only themselves are sampled, by their kind.
        clock: Gives the stamps.
        ours: Whether a namespace is the run's; of objects in others only the identity is kept.
        in_pods: The operator's workloads that run in Pods: their containers, logs and use are
            recorded, too.
    """

    def __init__(
        self,
        *,
        run: RunFolder,
        connection: Connection,
        resources: Sequence[Resource],
        processes: Callable[[], Mapping[str, int]],
        clock: Clock = SYSTEM_CLOCK,
        ours: Callable[[str], bool] = lambda _: True,
        in_pods: Sequence[Workload] = (),
        beside: Mapping[str, Callable[[], Mapping[str, int]]] = _NOTHING,
    ) -> None:
        self._run = run
        self._ours = ours
        self._connection = connection
        self._clock = clock
        self._first = tuple(resources)
        self._redactor = Redactor()
        self._notes = Notes(run)
        self._lock = threading.Lock()
        self._timelines: dict[str, Timeline] = {}
        self._stopped = False
        self._samplers = [
            ProcessSampler(run=run, processes=processes, notes=self._notes, clock=clock),
            *(
                ProcessSampler(
                    run=run, processes=of, notes=self._notes, clock=clock, kind=kind, alone=True
                )
                for kind, of in beside.items()
            ),
        ]
        self._pods: PodWatch | None = None
        self._kubelets: KubeletSampler | None = None
        if in_pods:
            self._watch_pods(in_pods)

    @property
    def recorded(self) -> tuple[str, ...]:
        """Keys of the resources that have a timeline."""
        with self._lock:
            return tuple(self._timelines)

    def start(self) -> None:
        """Starts all probes; returns when each resource has been listed, or refused, once."""
        for sampler in self._samplers:
            sampler.start()
        if self._pods is not None and self._kubelets is not None:
            self._pods.start()
            self._kubelets.start()
        self.add(self._first)

    def add(self, resources: Iterable[Resource]) -> None:
        """Records further resources; returns as `start` does. Known ones are passed over."""
        added: list[Timeline] = []
        with self._lock:
            for resource in resources:
                if self._stopped or resource.key in self._timelines:
                    continue
                timeline = self._timeline(resource)
                self._timelines[resource.key] = timeline
                timeline.start()
                added.append(timeline)
        deadline = Deadline(_BEGIN_S, clock=self._clock)
        for timeline in added:
            timeline.await_begun(deadline.remaining)

    def stop(self) -> None:
        """Stops all probes and closes their files; a second call does nothing."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            timelines = tuple(self._timelines.values())
        for timeline in timelines:
            timeline.stop()
        for sampler in self._samplers:
            sampler.stop()
        if self._pods is not None and self._kubelets is not None:
            self._kubelets.stop()
            self._pods.stop()
        self._notes.close()

    def _watch_pods(self, workloads: Sequence[Workload]) -> None:
        client = KubeClient(self._connection, clock=self._clock)
        cleaner = Cleaner(client, (item.namespace for item in workloads))
        self._pods = PodWatch(
            run=self._run,
            connection=self._connection,
            pods=client.resource("pods"),
            workloads=workloads,
            logs=Logs(
                run=self._run,
                connection=self._connection,
                cleaner=cleaner,
                notes=self._notes,
                clock=self._clock,
            ),
            notes=self._notes,
            clock=self._clock,
        )
        self._kubelets = KubeletSampler(
            run=self._run,
            client=client,
            workloads=workloads,
            nodes=self._pods.nodes,
            notes=self._notes,
            clock=self._clock,
        )

    def _timeline(self, resource: Resource) -> Timeline:
        return Timeline(
            run=self._run,
            connection=self._connection,
            resource=resource,
            redactor=self._redactor,
            notes=self._notes,
            clock=self._clock,
            ours=self._ours,
        )
