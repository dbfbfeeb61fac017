"""Creates and deletes a kind cluster."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.assets import Component
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.clusters.kind import components, farewell
from harness.clusters.kind.calls import Calls
from harness.clusters.kind.cluster import HarnessKindCluster
from harness.clusters.kind.configuration import CLUSTER_PREFIX, Wish, read_kind_config
from harness.clusters.kind.description import Made, describe
from harness.clusters.kind.engine import ask_info, remove
from harness.clusters.kind.exports import export_logs
from harness.clusters.kind.images import choose, pull, require_workers
from harness.clusters.kind.layout import (
    name_of,
    new_paths,
    own_client,
    paths_of,
    server_of,
    write_files,
)
from harness.clusters.kind.preflight import check_host
from harness.clusters.kind.readiness import await_ready, await_server, check_audit
from harness.clusters.kind.reuse import borrow, find, is_borrowed
from harness.clusters.state import remember
from harness.errors import ClusterError, HarnessError, Interrupted
from harness.evidence.ndjson import NdjsonWriter
from harness.model.records import StageRecord
from harness.model.resource import Resource
from harness.model.time import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from harness.assets import AssetSet
    from harness.clusters.kind.configuration import Paths
    from harness.clusters.kind.images import NodeImage
    from harness.evidence.folder import RunFolder
    from harness.guard import Guard
    from harness.manifests.objects import Object
    from harness.model.cluster import Cluster
    from harness.model.installation import InstallWay
    from harness.model.target import Target
    from harness.settings import Settings

__all__ = ["KindProvider"]

_SLOWNESS = 4.0  # a node boots, and kubeadm runs in it: so much longer than on `local`
_SERVER_S = 60.0
_STEP = ("•", "*")  # before each step that kind begins
_API_SERVER = "kube-apiserver"
_CONTROLLER_MANAGER = "kube-controller-manager"
_NODES = Resource(group="", version="v1", plural="nodes", kind="Node", namespaced=False)


class KindProvider:
    """The provider `kind`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def needed_assets(self) -> tuple[Component, ...]:
        """kind, and a kubectl."""
        return (Component.KIND, Component.KUBECTL)

    @property
    def disposable(self) -> bool:
        """No: that the operator can be uninstalled is part of what is judged."""
        return False

    def check(self) -> None:
        """Looks at Docker, the node image and what the settings ask for; see `Provider.check`."""
        settings = self._settings
        extra = read_kind_config(Path(settings.kind_config)) if settings.kind_config else {}
        calls = Calls("harness")
        check_host(ask_info(calls))
        if settings.kind_cluster and find(calls, settings.kind_cluster):
            return
        image = choose(calls, image=settings.kind_image, kubernetes=settings.kubernetes_version)
        require_workers(image, settings.kind_workers + max(0, len(extra.get("nodes", ())) - 1))

    def admit(
        self,
        target: Target,
        manifests: Sequence[Object],
        way: InstallWay,
        *,
        on_progress: Callable[[str], None] | None = None,
    ) -> None:
        """Refuses nothing: the cluster is ours; see `Provider.admit`."""

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
        guard.owns(state_dir)
        tell = _Teller(on_progress)
        calls = Calls(self._name(state_dir), state=state_dir, guard=guard)
        paths = new_paths(state_dir, run)
        with _recorded(calls, run, "create"):
            if self._settings.kind_cluster and (found := find(calls, self._settings.kind_cluster)):
                calls.name = found
                tell(f"using the kind cluster {found}")
                cluster = borrow(calls, paths, run=run, name=name, assets=assets)
            else:
                cluster = self._make(calls, paths, name, assets, tell)
            remember(cluster, state_dir)
        return cluster

    def _name(self, state_dir: Path) -> str:
        return self._settings.kind_cluster or f"{CLUSTER_PREFIX}{state_dir.name}"

    def _make(
        self, calls: Calls, paths: Paths, name: str, assets: AssetSet, tell: _Teller
    ) -> Cluster:
        settings = self._settings
        info = ask_info(calls)
        image = pull(
            calls,
            choose(calls, image=settings.kind_image, kubernetes=settings.kubernetes_version),
            tell,
        )
        wish = self._wish(calls.name, image)
        write_files(paths, wish, assets)
        deadline = Deadline(settings.timeouts.cluster * _SLOWNESS)
        if calls.guard is not None:
            farewell.promise(calls, calls.guard)
        kind = _cluster(calls, paths)
        try:
            kind.create(paths.configuration, timeout=deadline.remaining, on_line=tell.step)
            tell("waiting for nodes, DNS and storage")
            server = server_of(paths)
            _write_kubeconfig(paths, server, name)
            await_ready(calls, f"{calls.name}-control-plane", deadline)
            check_audit(paths)
            made = _look(paths, calls, server, name, info.server, durable=settings.durable)
        except BaseException as error:
            if isinstance(error, HarnessError) and not isinstance(error, Interrupted):
                tell("saving the logs of nodes and pods")
                export_logs(kind, paths)
            _give_up(calls)
            raise
        tell("cluster ready")
        return describe(made, paths=paths, image=image, assets=assets)

    def _wish(self, kind_name: str, image: NodeImage) -> Wish:
        settings = self._settings
        extra = read_kind_config(Path(settings.kind_config)) if settings.kind_config else {}
        require_workers(image, settings.kind_workers + max(0, len(extra.get("nodes", ())) - 1))
        return Wish(
            name=kind_name,
            image=image.reference,
            workers=settings.kind_workers,
            own_network=image.has_network,
            durable=settings.durable,
            extra=extra,
        )

    def delete(self, cluster: Cluster, guard: Guard) -> None:
        """Removes the nodes, the network and the private files; see `Provider.delete`.

        A cluster that was there before the run stays.
        """
        paths = paths_of(cluster)
        calls = _calls(cluster, guard)
        with _recorded(calls, _run_of(cluster), "delete"):
            if not is_borrowed(paths):
                _cluster(calls, paths).delete()
                guard.forget_end(calls.name)
            for file in (paths.kubeconfig, paths.kind_kubeconfig, *paths.pki.glob("*")):
                file.unlink(missing_ok=True)

    def handle(self, cluster: Cluster, guard: Guard) -> HarnessKindCluster:
        """Returns a cluster as pytest-kind's users know it."""
        return _cluster(_calls(cluster, guard), paths_of(cluster))

    def save_logs(self, cluster: Cluster, guard: Guard) -> tuple[Path, ...]:
        """Saves the logs of nodes and pods as evidence; for runs that fail. Never raises.

        Returns:
            The files.
        """
        with suppress(HarnessError):
            paths = paths_of(cluster)
            return export_logs(_cluster(_calls(cluster, guard), paths), paths)
        return ()

    def load_image(self, cluster: Cluster, guard: Guard, archive: Path) -> None:
        """Brings the images of an archive to the nodes; see `Provider.load_image`."""
        _cluster(_calls(cluster, guard), paths_of(cluster)).load_archive(archive)

    def stop_component(
        self, cluster: Cluster, guard: Guard, name: str, *, sig: int = signal.SIGTERM
    ) -> None:
        """Ends one component; see `Provider.stop_component`."""
        calls = _calls(cluster, guard)
        components.stop(calls, f"{calls.name}-control-plane", name, sig=sig)

    def start_component(self, cluster: Cluster, guard: Guard, name: str) -> None:
        """Starts a stopped component again; see `Provider.start_component`."""
        calls = _calls(cluster, guard)
        components.start(calls, f"{calls.name}-control-plane", name)
        self._await_server(cluster)

    def processes(self, cluster: Cluster) -> dict[str, int]:  # noqa: ARG002 - others need it
        """Returns none; see `Provider.processes`."""
        return {}

    def learn_kinds(self, cluster: Cluster, guard: Guard) -> None:
        """Has the kubelet start kube-controller-manager anew; see `Provider.learn_kinds`."""
        calls = _calls(cluster, guard)
        components.restart(calls, f"{calls.name}-control-plane", _CONTROLLER_MANAGER)

    def snapshot(self, cluster: Cluster, guard: Guard, name: str) -> None:  # noqa: ARG002
        """Raises: a kind cluster can't be set back."""
        raise _no_snapshots()

    def compact(self, cluster: Cluster, guard: Guard) -> None:  # noqa: ARG002
        """Raises: no tool of etcd's is in reach."""
        raise _no_snapshots()

    def restore(self, cluster: Cluster, guard: Guard, name: str) -> None:  # noqa: ARG002
        """Raises: a kind cluster can't be set back."""
        raise _no_snapshots()

    def _await_server(self, cluster: Cluster) -> None:
        client = own_client(paths_of(cluster), cluster.server)
        try:
            await_server(client, Deadline(_SERVER_S))
        finally:
            client.connection.close()


class _Teller:
    """Tells progress with the seconds since the start."""

    def __init__(self, on_progress: Callable[[str], None] | None) -> None:
        self._tell = on_progress
        self._start = SYSTEM_CLOCK.now()

    def __call__(self, text: str) -> None:
        seconds = (SYSTEM_CLOCK.now().mono_ns - self._start.mono_ns) / 1e9
        if self._tell is not None:
            self._tell(f"{text} ({seconds:.1f} s)")

    def step(self, line: str) -> None:
        """Tells a line of kind's if a step begins with it, without its ornaments."""
        if line.strip().startswith(_STEP):
            plain = "".join(sign for sign in line if sign.isascii())
            self(" ".join(plain.split()).rstrip(" ."))


@contextmanager
def _recorded(calls: Calls, run: RunFolder | None, name: str) -> Generator[None]:
    """Writes down as evidence how long all took, and each call of kind and docker in it."""
    start, outcome = SYSTEM_CLOCK.now(), "failed"
    try:
        yield
        outcome = "done"
    finally:
        whole = StageRecord(
            name=name, span=Span(start=start, end=SYSTEM_CLOCK.now()), outcome=outcome
        )
        if run is not None:
            writer = NdjsonWriter(run.cluster_calls_file)
            try:
                for record in (*calls.records, whole):
                    writer.write(record)
            finally:
                writer.close()


def _calls(cluster: Cluster, guard: Guard) -> Calls:
    return Calls(name_of(cluster), state=Path(cluster.state_dir), guard=guard)


def _cluster(calls: Calls, paths: Paths) -> HarnessKindCluster:
    return HarnessKindCluster(
        calls,
        kind_path=paths.tools / "kind",
        kubectl_path=paths.tools / "kubectl",
        kubeconfig=paths.kubeconfig,
        kind_kubeconfig=paths.kind_kubeconfig,
    )


def _run_of(cluster: Cluster) -> RunFolder | None:
    """Returns the run folder that a cluster's evidence goes to; None where it's kept privately."""
    from harness.evidence.folder import RunFolder  # noqa: PLC0415 - only here

    paths = paths_of(cluster)
    if paths.audit_log.is_relative_to(paths.state):
        return None
    return RunFolder(paths.audit_log.parent.parent)


def _give_up(calls: Calls) -> None:
    """Removes what there is of a cluster that couldn't be made; what stays, the guard tries."""
    with suppress(HarnessError):
        remove(calls, calls.name, settle_s=0.5)
        if calls.guard is not None:
            calls.guard.forget_end(calls.name)


def _write_kubeconfig(paths: Paths, server: str, name: str) -> None:
    from harness.clusters.local.pki import write_kubeconfig  # noqa: PLC0415 - slow to import

    write_kubeconfig(
        paths.kubeconfig, server=server, pki=paths.pki, identity="harness", name=f"harness-{name}"
    )


def _look(
    paths: Paths, calls: Calls, server: str, name: str, engine: str, *, durable: bool
) -> Made:
    """Asks a new cluster for what is said about it."""
    client = own_client(paths, server)
    try:
        return Made(
            name=name,
            kind_name=calls.name,
            server=server,
            version=client.version(),
            engine=engine,
            nodes=tuple(client.list(_NODES).items),
            durable=durable,
        )
    finally:
        client.connection.close()


def _no_snapshots() -> ClusterError:
    return ClusterError(
        "A kind cluster can't be set back to a snapshot.", hint="`--cluster local` can."
    )
