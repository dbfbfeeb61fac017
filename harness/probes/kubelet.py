"""Stage 4b: CPU time and memory of the operator's containers, from the kubelets of their nodes."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from harness.clock import Deadline
from harness.errors import EvidenceError
from harness.evidence.columns import ColumnWriter
from harness.kube.status import api_error
from harness.probes.processes import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.kube.client import KubeClient
    from harness.model.installation import Workload
    from harness.model.time import Stamp
    from harness.probes.notes import Notes

__all__ = ["KubeletSampler", "Usage", "later_usage", "usages"]

Json = dict[str, Any]  # any JSON object

_OK = 200
_NS = 1_000_000_000
_UNKNOWN = -1
_JOIN_S = 5.0
_TIMEOUT_S = 10.0
_FRESH_S = 25.0  # a kubelet measures every 10 to 15 s by itself
_AGAIN_S = 1.0


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a container has used, as a kubelet measured it.

    Attributes:
        pod: Name of its Pod.
        time_ns: Wall clock of the measurement, by the node.
        started_s: Seconds since the epoch at its start; it tells one start from another.
        cpu_ns: CPU time since then.
        rss_bytes: Anonymous memory; where the kubelet doesn't tell, the working set.
        working_set_bytes: What can't be taken from it without harm: anonymous memory and file pages
            in use; by it a kubelet evicts.
    """

    pod: str
    time_ns: int
    started_s: int
    cpu_ns: int
    rss_bytes: int
    working_set_bytes: int = _UNKNOWN


def usages(summary: Json, workloads: Sequence[Workload]) -> Iterator[Usage]:
    """Yields the operator's containers in a kubelet's summary.

    Args:
        summary: Answer of `/stats/summary`.
        workloads: The operator's.
    """
    for pod in summary.get("pods") or ():
        place = pod.get("podRef") or {}
        name = str(place.get("name"))
        for workload in workloads:
            ours = place.get("namespace") == workload.namespace
            if not ours or not name.startswith(f"{workload.name}-"):
                continue
            for container in pod.get("containers") or ():
                cpu, memory = container.get("cpu") or {}, container.get("memory") or {}
                used = cpu.get("usageCoreNanoSeconds")
                if container.get("name") != workload.container or not used or not cpu.get("time"):
                    continue
                working = memory.get("workingSetBytes")
                held = memory.get("rssBytes") or working
                yield Usage(
                    pod=name,
                    time_ns=_ns(cpu["time"]),
                    started_s=_ns(container.get("startTime") or "") // _NS,
                    cpu_ns=int(used),
                    rss_bytes=int(held) if held is not None else _UNKNOWN,
                    working_set_bytes=int(working) if working is not None else _UNKNOWN,
                )


def later_usage(
    client: KubeClient, workload: Workload, *, than: Stamp, clock: Clock
) -> Usage | None:
    """Waits for a kubelet's next measurement of a workload's container.

    Args:
        client: May list Pods, and read `nodes/proxy`.
        workload: Whose.
        than: The measurement is later than this.
        clock: To wait by.

    Returns:
        That of the container that was started last; None if none comes in 25 s.

    Raises:
        ApiError: The API server or the kubelet can't be asked.
    """
    deadline = Deadline(_FRESH_S, clock=clock)
    while True:
        found = [
            usage
            for node in _nodes(client, workload)
            for usage in usages(_summary(client, node), (workload,))
            if usage.time_ns > than.wall_ns
        ]
        if found:
            return max(found, key=lambda usage: usage.started_s)
        if deadline.passed:
            return None
        clock.sleep(_AGAIN_S)


def _nodes(client: KubeClient, workload: Workload) -> set[str]:
    pods = client.list(client.resource("pods"), workload.namespace).items
    ours = (pod for pod in pods if pod["metadata"]["name"].startswith(f"{workload.name}-"))
    return {node for pod in ours if (node := pod.get("spec", {}).get("nodeName"))}


def _summary(client: KubeClient, node: str) -> Json:
    path = f"/api/v1/nodes/{node}/proxy/stats/summary"
    answer = client.raw("GET", path, query={"only_cpu_and_memory": "true"}, timeout=_TIMEOUT_S)
    if answer.status != _OK:
        raise api_error("GET", path, answer.status, answer.body)
    return msgspec.json.decode(answer.body, type=Json)


def _ns(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1e9)
    except ValueError:
        return 0


class KubeletSampler:
    """Writes a row for each new measurement to evidence/samples/process-<pod>.i64.

    The columns are those of processes of this machine; what a kubelet doesn't tell is -1.

    Args:
        run: The run folder.
        client: May read `nodes/proxy`.
        workloads: The operator's.
        nodes: Returns where its Pods run now.
        notes: Where what can't be sampled is told, each reason once.
        clock: Gives the stamps.
        period_s: In seconds; a kubelet measures every ten by itself, and more often when asked.
    """

    def __init__(
        self,
        *,
        run: RunFolder,
        client: KubeClient,
        workloads: Sequence[Workload],
        nodes: Callable[[], Sequence[str]],
        notes: Notes,
        clock: Clock,
        period_s: float = 1.0,
    ) -> None:
        self._run_folder = run
        self._client = client
        self._workloads = tuple(workloads)
        self._nodes = nodes
        self._notes = notes
        self._clock = clock
        self._period_s = period_s
        self._writers: dict[str, ColumnWriter] = {}
        self._last: dict[str, int] = {}
        self._told: set[str] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet-samples", daemon=True)

    def start(self) -> None:
        """Takes the first samples at once and then one a period."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it and closes the files."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)
        for writer in self._writers.values():
            writer.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            for node in self._nodes():
                try:
                    self._sample(node)
                except Exception as error:  # noqa: BLE001 - a probe never ends the run
                    self._tell(node, error)
            self._stopped.wait(self._period_s)

    def _sample(self, node: str) -> None:
        for usage in usages(_summary(self._client, node), self._workloads):
            if self._last.get(usage.pod, -1) < usage.time_ns:
                self._last[usage.pod] = usage.time_ns
                self._write(usage)

    def _write(self, usage: Usage) -> None:
        if usage.pod not in self._writers:
            path = self._run_folder.samples / f"process-{usage.pod}.i64"
            self._writers[usage.pod] = ColumnWriter(path, COLUMNS)
        now = self._clock.now()
        late_ns = max(0, now.wall_ns - usage.time_ns)
        row = {
            "mono_ns": now.mono_ns - late_ns,
            "cpu_ns": usage.cpu_ns,
            "rss_bytes": usage.rss_bytes,
            "pid": usage.started_s,
        }
        self._writers[usage.pod].append(*(row.get(column, _UNKNOWN) for column in COLUMNS))

    def _tell(self, node: str, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        if f"{node} {reason}" in self._told or self._stopped.is_set():
            return
        self._told.add(f"{node} {reason}")
        now = self._clock.now()
        with suppress(EvidenceError):  # a full disk is told by those who can still tell
            self._notes.gap(f"samples of node {node}", reason, start=now, end=now)
