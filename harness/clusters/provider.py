"""Stage 2: what every cluster provider can do."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.assets import AssetSet, Component
    from harness.evidence.folder import RunFolder
    from harness.guard import Guard
    from harness.manifests.objects import Object
    from harness.model.cluster import Cluster
    from harness.model.installation import InstallWay
    from harness.model.target import Target

__all__ = ["Provider"]


class Provider(Protocol):
    """Makes clusters of one kind. All that it starts is under the guard.

    Made from the settings, of which each provider reads its own.
    """

    @property
    def needed_assets(self) -> tuple[Component, ...]:
        """The binaries that `create` wants."""

    @property
    def disposable(self) -> bool:
        """Whether a cluster vanishes with its guard, and everything in it.

        From any other one the operator is uninstalled, and it is deleted, when a run ends.
        """

    def check(self) -> None:
        """Refuses what can't work before a run begins; cheap.

        Raises:
            UsageError: What the settings ask for can't be had.
            ClusterError: Something that clusters of this kind need isn't there.
        """

    def admit(
        self,
        target: Target,
        manifests: Sequence[Object],
        way: InstallWay,
        *,
        on_progress: Callable[[str], None] | None = None,
    ) -> None:
        """Refuses a target that the cluster has no room for, before anything is applied.

        Args:
            target: What is to be installed.
            manifests: As rendered; empty where the operator is there already.
            way: How it's installed.
            on_progress: Told what stays on the screen: which cluster it is.

        Raises:
            UsageError: Rights are missing, or something of that name is there.
            ApiError: The cluster doesn't answer.
        """

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
        """Makes a cluster and waits until it's ready.

        Args:
            name: What people call it.
            run: Where audit and component logs go; None to keep them in the state folder.
            assets: Binaries.
            guard: Starts and ends the processes; it owns the state folder from now on.
            state_dir: Private folder, from `new_state_dir`; its name is the cluster's id.
            on_progress: Told what goes on, a short line each.

        Raises:
            ClusterError: It doesn't get ready; says which component failed, with its last lines.
        """

    def delete(self, cluster: Cluster, guard: Guard) -> None:
        """Ends a cluster and removes its data; logs in a run folder stay.

        Raises:
            ClusterError: Something of it can't be ended.
        """

    def load_image(self, cluster: Cluster, guard: Guard, archive: Path) -> None:
        """Brings the images of an archive (as `docker save` writes it) to the cluster's nodes.

        Raises:
            ClusterError: It can't, or the cluster has no nodes that run containers.
        """

    def save_logs(self, cluster: Cluster, guard: Guard) -> tuple[Path, ...]:
        """Saves logs of the cluster that aren't evidence yet, since a run failed. Never raises.

        Returns:
            The files.
        """

    def stop_component(
        self, cluster: Cluster, guard: Guard, name: str, *, sig: int = signal.SIGTERM
    ) -> None:
        """Ends one component, for example "kube-apiserver"; SIGKILL as a fault.

        Raises:
            ClusterError: There is no such component, or it doesn't end.
        """

    def start_component(self, cluster: Cluster, guard: Guard, name: str) -> None:
        """Starts a stopped component again, as it was started first, and waits until it serves.

        Raises:
            ClusterError: There is no such component, or it ends again.
        """

    def processes(self, cluster: Cluster) -> dict[str, int]:
        """Returns the process ids of the components that run as processes of this machine."""

    def learn_kinds(self, cluster: Cluster, guard: Guard) -> None:
        """Makes the cluster's controllers know kinds that were installed just now.

        The garbage collector looks for new kinds every 30 s. Until then it can't tell whether a
        custom resource that owns something is still there, and it asks again at growing intervals:
        what a custom resource of the first minute leaves behind may stay for a minute more.

        Raises:
            ClusterError: The controllers don't come back.
        """

    def snapshot(self, cluster: Cluster, guard: Guard, name: str) -> None:
        """Keeps all objects of a running cluster under a name, in place of what it held.

        Only where the cluster has `Capability.SNAPSHOT`; the same goes for `restore`.

        Raises:
            ClusterError: The name can't be used, or the data can't be read.
        """

    def compact(self, cluster: Cluster, guard: Guard) -> None:
        """Has etcd forget the history of all objects: watches can't go on from where they were.

        Only where the cluster has `Capability.SNAPSHOT`; the API server may be stopped.

        Raises:
            ClusterError: etcd doesn't answer.
        """

    def restore(self, cluster: Cluster, guard: Guard, name: str) -> None:
        """Puts all objects back as a snapshot has them, and waits until the cluster is ready.

        The whole control plane ends meanwhile. It's the caller's duty to stop the operator and
        its own watchers before: what they remember isn't true any more. Resource versions go on,
        they never repeat; a watch that was open gets 410 Gone. Tokens must be minted anew
        afterwards: they may be bound to a Pod or ServiceAccount that isn't there any more, or
        is there again.

        Raises:
            ClusterError: There is no such snapshot, it can't be read, or the cluster doesn't come
                back. Where only the data couldn't be put back, the cluster runs as before.
        """
