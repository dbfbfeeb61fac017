"""Creates and deletes a local cluster."""

from __future__ import annotations

import importlib
import shutil
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.clusters.local import compaction, snapshots
from harness.clusters.local import components as processes
from harness.clusters.local.components import ASSETS, BINARIES, Component, component_environment
from harness.clusters.local.description import describe
from harness.clusters.local.layout import (
    create_command,
    new_paths,
    own_client,
    paths_of,
    write_files,
)
from harness.clusters.local.ports import reserve
from harness.clusters.local.readiness import CREATE, Boot, forget_leases
from harness.clusters.state import remember
from harness.errors import ApiError, ClusterError, HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from harness.assets import AssetSet
    from harness.assets import Component as AssetComponent
    from harness.clusters.local.configuration import Paths
    from harness.clusters.local.ports import Ports
    from harness.evidence.folder import RunFolder
    from harness.guard import Guard
    from harness.manifests.objects import Object
    from harness.model.cluster import Cluster
    from harness.model.installation import InstallWay
    from harness.model.target import Target
    from harness.settings import Settings

__all__ = ["LocalProvider"]

_PKI = "harness.clusters.local.pki"
_API_SERVER = "kube-apiserver"
_KWOK = "kwok-controller"
_CONTROLLER_MANAGER = "kube-controller-manager"

_ROOM_MIB = 200  # etcd claims 128 MiB before it begins
_DELETE_S = 15.0
_START_S = 60.0


class LocalProvider:
    """The provider `local`.

    Args:
        settings: Of which it reads `durable`, `audit_bodies` and `timeouts.cluster`.
    """

    disposable = True

    def __init__(self, settings: Settings) -> None:
        self._durable = settings.durable
        self._audit_bodies = settings.audit_bodies
        self._timeout = settings.timeouts.cluster

    @property
    def needed_assets(self) -> tuple[AssetComponent, ...]:
        """All binaries of a control plane; see `Provider.needed_assets`."""
        from harness.assets import Component as AssetComponent  # noqa: PLC0415 - slow to import

        return tuple(AssetComponent(name) for name in ASSETS)

    def check(self) -> None:
        """Refuses nothing: what it needs are its binaries; see `Provider.check`.

        Begins to load what `create` makes keys with, which takes as long as the guard's start.
        """
        threading.Thread(target=importlib.import_module, args=(_PKI,)).start()

    def admit(
        self,
        target: Target,
        manifests: Sequence[Object],
        way: InstallWay,
        *,
        on_progress: Callable[[str], None] | None = None,
    ) -> None:
        """Refuses nothing: the cluster is new, and all ours; see `Provider.admit`."""

    def create(
        self,
        *,
        name: str,
        run: RunFolder | None,
        assets: AssetSet,
        guard: Guard,
        state_dir: Path,
        on_progress: Callable[[str], None] | None = None,
    ) -> Cluster:
        """Makes a cluster and waits until it's ready; see `Provider.create`."""
        deadline = Deadline(self._timeout)
        tell = _Teller(on_progress)
        guard.owns(state_dir)
        _check_room(state_dir)
        paths = new_paths(state_dir, run)
        binaries = {asset: assets.path(asset) for asset in ASSETS}
        reservation = reserve()
        try:
            write_files(
                paths,
                reservation.ports,
                binaries,
                durable=self._durable,
                name=name,
                audit_bodies=self._audit_bodies,
            )
            tell("starting etcd, API server, controller-manager, scheduler and kwok")
            version = _boot_up(
                paths, reservation.ports, binaries, guard, deadline=deadline, tell=tell
            )
            cluster = describe(
                name=name,
                paths=paths,
                ports=reservation.ports,
                assets=assets,
                version=version,
                durable=self._durable,
                audit_bodies=self._audit_bodies,
            )
            remember(cluster, state_dir)
        except BaseException:
            _end_all(paths, guard)
            raise
        finally:
            reservation.release()
        return cluster

    def delete(self, cluster: Cluster, guard: Guard) -> None:
        """Ends a cluster and removes its data; see `Provider.delete`.

        By SIGKILL, as kwokctl does it, but it's waited until each process is gone.
        """
        paths = paths_of(cluster)
        if paths.work.exists():
            _end_all(paths, guard)
        left = [part.name for part in _known(paths) if part.is_running()]
        if left:
            raise ClusterError(
                f"Parts of cluster {cluster.name} can't be ended: {', '.join(left)}."
            )
        shutil.rmtree(paths.work, ignore_errors=True)
        for file in (paths.kubeconfig, paths.kwokctl_kubeconfig):
            file.unlink(missing_ok=True)

    def load_image(self, cluster: Cluster, guard: Guard, archive: Path) -> None:  # noqa: ARG002 - other providers need them
        """Refuses; see `Provider.load_image`."""
        raise ClusterError(
            f"Cluster {cluster.name} runs no containers: its pods are simulated.",
            hint="Install by process here, or take --cluster kind.",
        )

    def save_logs(self, cluster: Cluster, guard: Guard) -> tuple[Path, ...]:  # noqa: ARG002 - other providers need them
        """Does nothing: the components write their logs into the evidence themselves."""
        return ()

    def stop_component(
        self,
        cluster: Cluster,
        guard: Guard,  # noqa: ARG002 - other providers need it
        name: str,
        *,
        sig: int = signal.SIGTERM,
    ) -> None:
        """Ends one component; see `Provider.stop_component`."""
        processes.stop(processes.find_component(paths_of(cluster).work, name), sig=sig)

    def start_component(self, cluster: Cluster, guard: Guard, name: str) -> None:
        """Starts a stopped component again; see `Provider.start_component`."""
        paths = paths_of(cluster)
        component = processes.find_component(paths.work, name)
        if component.is_running():
            return
        server = processes.find_component(paths.work, _API_SERVER)
        boot = _boot(paths, guard, Deadline(_START_S), (component, server))
        client = own_client(paths, cluster.server)
        try:
            if component.name == _KWOK:
                with suppress(ApiError):  # the server is down too, perhaps
                    forget_leases(client)
            processes.start(component, guard, state=paths.state)
            boot.await_server(client)
            boot.await_serving(client)
        finally:
            client.connection.close()

    def processes(self, cluster: Cluster) -> dict[str, int]:
        """Returns those of all components; see `Provider.processes`."""
        return processes.pids(paths_of(cluster).work)

    def learn_kinds(self, cluster: Cluster, guard: Guard) -> None:
        """Starts kube-controller-manager anew; see `Provider.learn_kinds`."""
        self.stop_component(cluster, guard, _CONTROLLER_MANAGER)
        self.start_component(cluster, guard, _CONTROLLER_MANAGER)

    def snapshot(
        self,
        cluster: Cluster,
        guard: Guard,  # noqa: ARG002 - other providers need it
        name: str,
    ) -> None:
        """Keeps all objects under a name; see `Provider.snapshot`."""
        paths = paths_of(cluster)
        snapshots.save(paths, processes.find_component(paths.work, "etcd"), name)

    def compact(self, cluster: Cluster, guard: Guard) -> None:  # noqa: ARG002 - other providers need it
        """Has etcd forget the history of all objects; see `Provider.compact`."""
        paths = paths_of(cluster)
        etcd = processes.find_component(paths.work, "etcd")
        compaction.compact(paths, etcd, processes.argument(etcd, "advertise-client-urls"))

    def restore(self, cluster: Cluster, guard: Guard, name: str) -> None:
        """Puts all objects back; see `Provider.restore`.

        Everything ends by SIGKILL, clients first: an API server that is asked to end waits up to
        a minute for its open watches, and what it would still write is thrown away.
        """
        paths = paths_of(cluster)
        parts = processes.components_of(paths.work)
        file = snapshots.find(paths, name)
        for part in reversed(parts.values()):
            processes.stop(part, sig=signal.SIGKILL)
        try:
            snapshots.restore(paths, parts["etcd"], file)
        finally:
            _start_again(paths, cluster.server, parts, guard)


def _check_room(state: Path) -> None:
    free = shutil.disk_usage(state).free >> 20
    if free < _ROOM_MIB:
        raise ClusterError(
            f"A cluster needs {_ROOM_MIB} MiB in {state.parent}, and {free} MiB are left there.",
            hint="Make room, or name another folder by XDG_STATE_HOME.",
        )


class _Teller:
    """Tells progress with the seconds since the start."""

    def __init__(self, on_progress: Callable[[str], None] | None) -> None:
        self._tell = on_progress
        self._start = SYSTEM_CLOCK.now()

    def __call__(self, text: str) -> None:
        seconds = (SYSTEM_CLOCK.now().mono_ns - self._start.mono_ns) / 1e9
        if self._tell is not None:
            self._tell(f"{text} ({seconds:.1f} s)")


def _boot_up(
    paths: Paths,
    ports: Ports,
    binaries: Mapping[str, Path],
    guard: Guard,
    *,
    deadline: Deadline,
    tell: _Teller,
) -> str:
    """Starts all components, waits until the cluster is ready; returns the server's version."""
    guard.spawn(
        CREATE,
        create_command(paths, binaries["kwokctl"]),
        env=component_environment(paths.state),
        cwd=paths.state,
        log=paths.kwokctl_log,
    )
    client = own_client(paths, f"https://127.0.0.1:{ports.apiserver}")
    try:
        parts = [
            Component(name=part, binary=binaries[asset], work=paths.work)
            for part, asset in BINARIES.items()  # kwokctl writes down more of them, later
        ]
        boot = _boot(paths, guard, deadline, parts)
        boot.await_started(client)
        boot.await_answer(client)
        version = client.version()
        boot.furnish(client, kubelet_port=ports.kwok, version=version)
        boot.await_server(client)
        tell("API server ready")
        boot.await_furnished(client)
        boot.describe(processes.components_of(paths.work).values())
        boot.await_serving(client)
        tell("nodes ready")
    finally:
        client.connection.close()
    return version


def _start_again(paths: Paths, server: str, parts: Mapping[str, Component], guard: Guard) -> None:
    """Starts all components of a cluster that has its objects, and waits until it's ready."""
    boot = _boot(paths, guard, Deadline(_START_S), parts.values())
    client = own_client(paths, server)
    first = ("etcd", _API_SERVER)
    try:
        for name in first:
            processes.start(parts[name], guard, state=paths.state)
        boot.await_server(client)
        forget_leases(client)
        for part in parts.values():
            processes.start(part, guard, state=paths.state)
        boot.await_serving(client)
        boot.await_furnished(client)
    finally:
        client.connection.close()


def _boot(paths: Paths, guard: Guard, deadline: Deadline, parts: Iterable[Component]) -> Boot:
    return Boot(
        parts=parts,
        guard=guard,
        state=paths.state,
        log=paths.kwokctl_log,
        deadline=deadline,
    )


def _known(paths: Paths) -> tuple[Component, ...]:
    try:
        return tuple(processes.components_of(paths.work).values())
    except ClusterError:
        return ()  # it never got that far


def _end_all(paths: Paths, guard: Guard) -> None:
    """Kills all components, the clients of others first."""
    try:
        if guard.status(CREATE).running:
            guard.signal(CREATE, signal.SIGKILL)
            guard.wait(CREATE, timeout=_DELETE_S)
    except HarnessError:
        pass  # it was never started, or the guard is gone and ends all by itself
    for part in reversed(_known(paths)):
        processes.stop(part, sig=signal.SIGKILL)
