"""Takes a cluster that is there, and gives it back as it was."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from harness.assets import Component
from harness.clusters.existing import auditlog
from harness.clusters.existing.claim import Claim
from harness.clusters.existing.cleanup import clean, sweep_claims
from harness.clusters.existing.collection import await_collector
from harness.clusters.existing.conflicts import conflicts
from harness.clusters.existing.demands import Demands
from harness.clusters.existing.description import describe
from harness.clusters.existing.permissions import missing_rights
from harness.clusters.existing.presence import absences
from harness.clusters.existing.selection import described, flattened, select
from harness.clusters.state import remember
from harness.command import environment
from harness.errors import ApiError, ClusterError, UsageError
from harness.kube.client import KubeClient
from harness.kube.connection import Connection
from harness.model.installation import InstallWay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.assets import AssetSet
    from harness.evidence.folder import RunFolder
    from harness.guard import Guard
    from harness.manifests.objects import Object
    from harness.model.cluster import Cluster
    from harness.model.target import Target
    from harness.settings import Settings

__all__ = ["ExistingProvider"]

_FORBIDDEN = 403
_GRACE_S = 5.0
_FAREWELL = "existing"
_FAREWELL_S = 180.0


class ExistingProvider:
    """The provider `existing`.

    Args:
        settings: Of which it reads `kubeconfig`, `context`, `audit_log` and `timeouts`.
    """

    needed_assets = (Component.KUBECTL,)
    disposable = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self) -> None:
        """Refuses a context that isn't named, and an audit log that can't be read."""
        select(self._settings)
        if self._settings.audit_log:
            auditlog.check_readable(Path(self._settings.audit_log))

    def admit(
        self,
        target: Target,
        manifests: Sequence[Object],
        way: InstallWay,
        *,
        on_progress: Callable[[str], None] | None = None,
    ) -> None:
        """Refuses what the cluster doesn't allow, or has already; see `Provider.admit`."""
        tell = on_progress or _tell_nobody
        access = select(self._settings)
        tell(f"On the cluster of\n{described(access)}")
        for sentence in sweep_claims(access.server):
            tell(sentence)
        client = KubeClient(Connection(access.credentials))
        try:
            demands = Demands(client, target, manifests, way).all()
            _refuse_missing(missing_rights(client, demands, manifests), access.context)
            if way is InstallWay.PRESENT:
                _refuse_absences(absences(client, target), target)
            else:
                _refuse_conflicts(conflicts(client, manifests, way), target)
        finally:
            client.connection.close()

    def create(
        self,
        *,
        name: str,
        run: RunFolder | None,
        assets: AssetSet,  # noqa: ARG002 - other providers need it
        guard: Guard,
        state_dir: Path,
        on_progress: Callable[[str], None] | None = None,
    ) -> Cluster:
        """Makes nothing but a claim, in which is written down what will be made."""
        tell = on_progress or _tell_nobody
        access = select(self._settings)
        claim = Claim.begin(
            kubeconfig=flattened(self._settings),
            context=access.context,
            server=access.server,
            state_dir=state_dir,
        )
        try:
            tell(f"context {access.context}, server {access.server}")
            guard.on_end(_FAREWELL, _cleanup(claim), env=_environment(), timeout=_FAREWELL_S)
            client = KubeClient.from_kubeconfig(claim.kubeconfig)
            audit_log = self._follow(client, guard, state_dir, run)
            cluster = describe(
                name=name,
                claim=claim,
                access=access,
                client=client,
                state_dir=state_dir,
                audit_log=audit_log,
            )
            client.connection.close()
            remember(cluster, state_dir)
        except BaseException:
            claim.release()  # nothing was made yet
            guard.forget_end(_FAREWELL)
            raise
        return cluster

    def _follow(
        self, client: KubeClient, guard: Guard, state_dir: Path, run: RunFolder | None
    ) -> Path | None:
        if not self._settings.audit_log or run is None:
            return None
        source = Path(self._settings.audit_log).absolute()
        log = state_dir / "audit-log.log"
        auditlog.follow(source, run.audit_log, client=client, guard=guard, log=log)
        return run.audit_log

    def delete(self, cluster: Cluster, guard: Guard) -> None:
        """Removes all that was made there and is left, and nothing else."""

        def end_processes() -> None:
            for process in guard.processes():
                if process.running:
                    guard.stop(process.name, grace_s=_GRACE_S)

        patience = self._settings.timeouts.delete
        removed = clean(Claim.of(cluster), patience=patience, before_rest=end_processes)
        guard.forget_end(_FAREWELL)
        if removed.left:
            raise ClusterError(
                "Not all that was made in the cluster could be removed:\n"
                + "\n".join(f"  {line}" for line in removed.left),
                hint="The next run with this context tries again, and so does "
                "`harness cluster down --all`.",
            )

    def processes(self, cluster: Cluster) -> dict[str, int]:  # noqa: ARG002 - others need it
        """Returns none; see `Provider.processes`."""
        return {}

    def learn_kinds(self, cluster: Cluster, guard: Guard) -> None:  # noqa: ARG002 - others need it
        """Waits until its garbage collector has learnt by itself; see `Provider.learn_kinds`."""
        ledger = Claim.of(cluster).ledger
        if ledger is None:
            return
        client = KubeClient.from_kubeconfig(Path(cluster.kubeconfig))
        try:
            await_collector(client, ledger.read())
        except ApiError as error:
            if error.status != _FORBIDDEN:  # then it's not to be asked, and learns by itself
                raise
        finally:
            client.connection.close()

    def load_image(self, cluster: Cluster, guard: Guard, archive: Path) -> None:  # noqa: ARG002 - other providers need them
        """Refuses; see `Provider.load_image`."""
        raise ClusterError(
            f"Images can't be brought to the nodes of {cluster.name}: it isn't ours.",
            hint="Push the image to a registry that its nodes can reach: workloads[].image.",
        )

    def save_logs(self, cluster: Cluster, guard: Guard) -> tuple[Path, ...]:  # noqa: ARG002 - other providers need them
        """Does nothing: the logs of a cluster that isn't ours aren't ours either."""
        return ()

    def stop_component(
        self,
        cluster: Cluster,
        guard: Guard,  # noqa: ARG002 - other providers need it
        name: str,
        *,
        sig: int = signal.SIGTERM,  # noqa: ARG002 - likewise
    ) -> None:
        """Refuses; see `Provider.stop_component`."""
        _not_ours(cluster, f"{name} isn't stopped")

    def start_component(self, cluster: Cluster, guard: Guard, name: str) -> None:  # noqa: ARG002 - as above
        """Refuses; see `Provider.start_component`."""
        _not_ours(cluster, f"{name} isn't started")

    def snapshot(self, cluster: Cluster, guard: Guard, name: str) -> None:  # noqa: ARG002 - as above
        """Refuses; see `Provider.snapshot`."""
        _not_ours(cluster, "its objects aren't kept")

    def compact(self, cluster: Cluster, guard: Guard) -> None:  # noqa: ARG002 - as above
        """Refuses; see `Provider.compact`."""
        _not_ours(cluster, "its etcd isn't compacted")

    def restore(self, cluster: Cluster, guard: Guard, name: str) -> None:  # noqa: ARG002 - as above
        """Refuses; see `Provider.restore`."""
        _not_ours(cluster, "its objects aren't put back")


def _cleanup(claim: Claim) -> tuple[str, ...]:
    """Returns the command that cleans up after a run that was killed."""
    return (sys.executable, "-P", "-m", "harness.clusters.existing.cleanup", str(claim.folder))


def _environment() -> dict[str, str]:
    """Returns the environment of that command; exec plugins need ours."""
    package = str(Path(__file__).resolve().parents[3])
    return environment({"PYTHONPATH": package})


def _not_ours(cluster: Cluster, what: str) -> NoReturn:
    raise ClusterError(f"Cluster {cluster.name} isn't ours: {what}.")


def _tell_nobody(_: str) -> None:
    pass


def _refuse_missing(missing: Sequence[str], context: str) -> None:
    if missing:
        raise UsageError(
            f"The identity of context {context} may not do all that a run needs; nothing was "
            "applied. It lacks:\n" + "\n".join(f"  {line}" for line in missing),
            hint="Have these granted, or name a context of another user.",
        )


def _refuse_absences(found: Sequence[str], target: Target) -> None:
    if found:
        raise UsageError(
            f"The target says that {target.name} is present in this cluster (install.present), "
            "but:\n" + "\n".join(f"  {line}" for line in found),
            hint="Mend the target definition, or name another --context.",
        )


def _refuse_conflicts(found: Sequence[str], target: Target) -> None:
    if found:
        raise UsageError(
            f"Objects of {target.name} are in this cluster already; nothing was applied:\n"
            + "\n".join(f"  {line}" for line in found),
            hint="If the operator runs there, watch it by `install: {present: true}`. Else remove "
            "them first; a run takes over and removes nothing that it didn't make.",
        )
