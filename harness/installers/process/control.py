"""Stage 3: restarts, pauses and awaits the operator's processes, from any process of the run."""

from __future__ import annotations

import signal
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ClusterError, HarnessError
from harness.evidence.ndjson import read_ndjson
from harness.installers.installer import NotReady
from harness.installers.process import launcher
from harness.installers.process.alone import stands_alone
from harness.installers.process.cgroups import remove
from harness.installers.process.files import LaunchFile, read_launch_file, write_launch_file
from harness.installers.process.health import probe
from harness.installers.process.launching import Launching, refresher_name
from harness.installers.process.leadership import LEASES, holder_of, lease_name, other_holder
from harness.installers.process.ports import PortPlan, free_port
from harness.installers.process.rotation import TokenRotation
from harness.kube.watch import Watch
from harness.model.records import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.clock import Clock
    from harness.guard import Guard, ProcessStatus
    from harness.installers.process.plan import Instance
    from harness.kube.client import KubeClient
    from harness.model.cluster import Cluster
    from harness.model.installation import Installation

__all__ = ["OperatorControl", "copy_of", "refuse_fixed"]

_POLL_S = 0.05
_DEATH_LOOK_S = 0.25
_SETTLE_S = 1.0
_POD_S = 60.0
_KILL_S = 10.0
_REFRESHER_GRACE_S = 2.0
_PREFERENCE = ("readinessProbe", "startupProbe", "livenessProbe")
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


class OperatorControl:
    """The operator's processes; what isn't said otherwise acts on its primaries, not on replicas.

    Args:
        installation: As the installer made it.
        cluster: Where it's installed.
        client: The harness's own identity.
        guard: Under which its processes run.
        clock: For pauses between probes, which have no watch.
    """

    def __init__(
        self,
        *,
        installation: Installation,
        cluster: Cluster,
        client: KubeClient,
        guard: Guard,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not installation.launch_file:
            raise HarnessError("This operator isn't run by the harness, so it can't be handled.")
        self._file = Path(installation.launch_file)
        self._cluster = cluster
        self._client = client
        self._guard = guard
        self._clock = clock

    # What is done to it

    def restart(self) -> None:
        """Ends each process by SIGTERM and starts it again: same Pod, fresh token.

        Raises:
            InstallFault: What its Pod refers to is gone.
            HarnessError: It can't be started.
        """
        self.stop()
        self.start()

    def stop(self) -> None:
        """Ends each process by SIGTERM, by SIGKILL after its Pod's grace period."""
        for instance in self._primaries():
            self._guard.stop(instance.process, grace_s=instance.grace_s)

    def kill(self) -> None:
        """Ends each process by SIGKILL."""
        for instance in self._primaries():
            self._guard.signal(instance.process, signal.SIGKILL)
            self._guard.wait(instance.process, timeout=_KILL_S)

    def start(self) -> None:
        """Starts what was stopped or killed; what runs is left alone. Errors as `restart`."""
        for instance in self._primaries():
            if not self._guard.status(instance.process).running:
                self._keep(self._launching().start(instance))

    def pause(self) -> None:
        """Freezes each process by SIGSTOP."""
        for instance in self._primaries():
            self._guard.signal(instance.process, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets frozen processes go on."""
        for instance in self._primaries():
            self._guard.signal(instance.process, signal.SIGCONT)

    def start_replica(self) -> str:
        """Starts a second copy of the first workload, for a Pod of its own.

        Returns:
            The copy's name, for `stop_replica`.

        Raises:
            ClusterError: It listens on a port that can't be moved, or there is no second Pod.
        """
        launch = self._read()
        primary = self._primaries()[0]
        refuse_fixed(primary)
        copies = [item for item in launch.instances if item.primary == primary.process]
        name = f"{primary.process}-replica-{len(copies) + 1}"
        self._scale(primary, len(copies) + 2)
        copy = self._launching().adopt(
            copy_of(primary, name, launch),
            taken={item.pod_uid for item in launch.instances},
            timeout=_POD_S,
        )
        self._keep(self._launching().start(copy))
        return name

    def stop_replica(self, name: str) -> None:
        """Ends a copy, and the Pod that it stood for.

        Raises:
            HarnessError: There is no copy of that name.
        """
        launch = self._read()
        copy = next((item for item in launch.instances if item.process == name), None)
        if copy is None or not copy.primary:
            raise HarnessError(f"There is no replica {name!r}.")
        self._end(copy)
        rest = tuple(item for item in launch.instances if item.process != name)
        write_launch_file(self._file, msgspec.structs.replace(launch, instances=rest))
        if copy.pod_uid:
            cost = {"metadata": {"annotations": {_DELETION_COST: "-1"}}}
            pods = self._client.resource("pods")
            self._client.patch(pods, copy.pod, cost, namespace=copy.namespace)
        copies = [item for item in rest if item.primary == copy.primary]
        self._scale(copy, len(copies) + 1)

    def end(self) -> None:
        """Ends every process, replicas and refreshers included; for an uninstall."""
        for instance in self._read().instances:
            self._end(instance)

    def rotation(self) -> TokenRotation:
        """Returns what rotates the tokens of all processes."""
        return TokenRotation(
            launch_file=self._file, client=self._client, restart=self.restart, clock=self._clock
        )

    # How it is

    def await_ready(self, *, timeout: float) -> None:
        """Waits until all probes answer and, with leader election, one of the processes leads.

        Args:
            timeout: In seconds.

        Raises:
            NotReady: It ended, its probes don't answer, or it doesn't lead.
        """
        deadline = Deadline(timeout, clock=self._clock)
        launch = self._read()
        for instance in launch.instances:
            self._await_probes(instance, deadline)
        held = {self._await_leader(group, launch, deadline) for group in _elections(launch)}
        if held - set(launch.leases):
            leases = tuple(sorted(held | set(launch.leases)))
            write_launch_file(self._file, msgspec.structs.replace(self._read(), leases=leases))

    def leases(self) -> tuple[str, ...]:
        """Returns "namespace/name" of Leases that its processes are known to hold."""
        return self._read().leases

    def find_leases(self) -> tuple[str, ...]:
        """Looks for Leases that its processes hold, asked for by arguments or not."""
        launch = self._read()
        held = self._client.list(self._client.resource(LEASES)).items
        found = {lease_name(lease) for lease in held if holder_of(lease, launch.instances)}
        leases = tuple(sorted(found | set(launch.leases)))
        write_launch_file(self._file, msgspec.structs.replace(launch, leases=leases))
        return leases

    def holder(self) -> str:
        """Returns the name of the running process that leads; empty where none does."""
        launch = self._read()
        alive = {item.name for item in self.status() if item.running}
        running = [item for item in launch.instances if item.process in alive]
        resource = self._client.resource(LEASES)
        for name in launch.leases:
            namespace, _, lease = name.partition("/")
            found = self._client.find(resource, lease, namespace)
            if found is not None and (holder := holder_of(found, running)):
                return holder
        return ""

    def status(self) -> tuple[ProcessStatus, ...]:
        """Returns how each process of the operator is, replicas included."""
        names = {instance.process for instance in self._read().instances}
        return tuple(item for item in self._guard.processes() if item.name in names)

    def log_tail(self, lines: int = 40) -> tuple[str, ...]:
        """Returns the last lines of all processes, by time, without known secrets."""
        found: list[LogLine] = []
        for instance in self._read().instances:
            found += list(read_ndjson(Path(instance.log), LogLine))[-lines:]
        found.sort(key=lambda line: line.stamp.mono_ns)
        return tuple(line.text for line in found[-lines:])

    # Inside

    def _read(self) -> LaunchFile:
        return read_launch_file(self._file)

    def _primaries(self) -> tuple[Instance, ...]:
        return tuple(item for item in self._read().instances if not item.primary)

    def _keep(self, instance: Instance) -> None:
        """Writes an instance into the launch file, in place of its older self."""
        launch = self._read()
        names = [item.process for item in launch.instances]
        instances = list(launch.instances)
        if instance.process in names:
            instances[names.index(instance.process)] = instance
        else:
            instances.append(instance)
        write_launch_file(self._file, msgspec.structs.replace(launch, instances=tuple(instances)))

    def _launching(self) -> Launching:
        return Launching(
            cluster=self._cluster, client=self._client, guard=self._guard, path=self._read().path
        )

    def _scale(self, instance: Instance, replicas: int) -> None:
        if stands_alone(self._cluster):  # no Pod is wanted
            return
        self._client.patch(
            self._client.resource("deployments.apps"),
            instance.deployment,
            {"spec": {"replicas": replicas}},
            namespace=instance.namespace,
            subresource="scale",
        )

    def _end(self, instance: Instance) -> None:
        known = {item.name for item in self._guard.processes() if item.running}
        if instance.process in known:
            self._guard.stop(instance.process, grace_s=instance.grace_s)
        if refresher_name(instance.process) in known:
            self._guard.stop(refresher_name(instance.process), grace_s=_REFRESHER_GRACE_S)
        remove(instance)

    def _alive(self, instance: Instance) -> None:
        status = self._guard.status(instance.process)
        if status.running:
            return
        code = status.exit_code
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        if code == launcher.FAILED and self._launcher_said(instance):
            raise ClusterError(
                f"{instance.process} can't be shown its pod: {self._launcher_said(instance)}",
                hint="This machine refused a mount; `dmesg` may say more.",
            )
        asked = " when it was asked to" if status.asked else " by itself"
        why = f" ({status.reason}: it needed more than its memory limit)" if status.reason else ""
        raise NotReady(
            f"{instance.process} ended{asked}, {how}{why}",
            process=instance.process,
            exit_code=code,
        )

    def _launcher_said(self, instance: Instance) -> str:
        lines = [line.text for line in read_ndjson(Path(instance.log), LogLine)]
        last = lines[-1] if lines else ""
        return last.removeprefix(launcher.PREFIX) if last.startswith(launcher.PREFIX) else ""

    def _await_probes(self, instance: Instance, deadline: Deadline) -> None:
        name = next((item for item in _PREFERENCE if item in instance.health), "")
        url = instance.health.get(name, "")
        if not url:  # nothing tells when it's ready, but it must not end at once
            self._guard.wait(instance.process, timeout=_SETTLE_S)
            self._alive(instance)
            return
        while True:
            self._alive(instance)
            answer = probe(url)
            if not answer:
                return
            if deadline.passed:
                raise NotReady(
                    f"the {name} of {instance.process} at {url} says: {answer} "
                    f"(after {deadline.seconds:g} s)",
                    process=instance.process,
                )
            self._clock.sleep(_POLL_S)

    def _await_leader(
        self, instances: Sequence[Instance], launch: LaunchFile, deadline: Deadline
    ) -> str:
        """Returns the Lease that one of the instances holds, renewed since its start."""
        resource = self._client.resource(LEASES)
        watch = Watch(self._client.connection, resource)
        others = ""
        with (
            self._unless_dead(instances) as dead,
            closing(watch.events(deadline=deadline, stop=dead)) as events,
        ):
            for event in events:
                if event.type not in ("LISTED", "ADDED", "MODIFIED"):
                    continue
                if holder_of(event.object, instances):
                    return lease_name(event.object)
                others = other_holder(event.object, launch.leases) or others
        for instance in instances:
            self._alive(instance)
        names = ", ".join(item.process for item in instances)
        raise NotReady(
            f"no Lease is held by {names} after {deadline.seconds:g} s{others}",
            process=instances[0].process,
        )

    @contextmanager
    def _unless_dead(self, instances: Sequence[Instance]) -> Iterator[threading.Event]:
        """Yields an event that is set when a process ends."""
        dead, over = threading.Event(), threading.Event()

        def look() -> None:
            while not over.wait(_DEATH_LOOK_S):
                if not all(self._guard.status(item.process).running for item in instances):
                    dead.set()
                    return

        thread = threading.Thread(target=look, name="operator-death", daemon=True)
        thread.start()
        try:
            yield dead
        finally:
            over.set()
            thread.join()


def _elections(launch: LaunchFile) -> list[tuple[Instance, ...]]:
    """Returns the processes of each Deployment that elects a leader.

    Where none asks for it by its arguments and Leases are known, all processes are one group.
    """
    groups: dict[tuple[str, str], list[Instance]] = {}
    for item in launch.instances:
        if item.elects:
            groups.setdefault((item.namespace, item.deployment), []).append(item)
    if not groups and launch.leases:
        return [launch.instances]
    return [tuple(group) for group in groups.values()]


def refuse_fixed(primary: Instance) -> None:
    """Refuses a second process of one that listens on a port that can't be moved.

    Raises:
        ClusterError: It does.
    """
    if primary.ports.fixed:
        ports = ", ".join(f"{port} ({what})" for port, what in primary.ports.fixed.items())
        raise ClusterError(
            f"{primary.deployment} can't run twice on this machine: no flag of its manifests "
            f"moves port {ports}.",
            hint="Give the operator flags for its ports.",
        )


def copy_of(primary: Instance, name: str, launch: LaunchFile) -> Instance:
    """Returns a second instance: other folder, log, control groups and ports.

    Args:
        primary: What it is a copy of.
        name: Of its process.
        launch: All that run, whose ports are taken.
    """
    taken = [port for item in launch.instances for port in item.ports.moved.values()]
    moved: dict[int, int] = {}
    for port in primary.ports.moved:
        moved[port] = free_port([*taken, *moved.values()])
    opened = {primary.ports.moved[port]: new for port, new in moved.items()}
    return msgspec.structs.replace(
        primary,
        process=name,
        primary=primary.process,
        folder=str(Path(primary.folder).with_name(name)),
        log=str(Path(primary.log).with_name(f"{name}.ndjson")),
        cgroups=tuple(f"{path}-{name.rpartition('-')[2]}" for path in primary.cgroups),
        ports=PortPlan(moved=moved, open=tuple(opened[port] for port in primary.ports.open)),
        pod="",
        pod_uid="",
    )
