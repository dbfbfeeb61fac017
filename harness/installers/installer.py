"""Stage 3: what every way of installing an operator can do, and how it's handled afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.assets import AssetSet
    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.guard import Guard
    from harness.guard.protocol import ProcessStatus
    from harness.kube.client import KubeClient
    from harness.manifests.objects import Object
    from harness.model.cluster import Cluster
    from harness.model.installation import Installation
    from harness.model.target import Target
    from harness.settings import Timeouts

__all__ = ["Control", "Installer", "NotReady", "Rotation"]


class NotReady(Exception):
    """The operator isn't ready; the message is the reason.

    Attributes:
        process: Which process or Pod.
        exit_code: Of one that ended; None where it runs.
    """

    def __init__(self, reason: str, *, process: str, exit_code: int | None = None) -> None:
        super().__init__(reason)
        self.process = process
        self.exit_code = exit_code


class Installer(Protocol):
    """Installs one operator in one cluster, and removes it again.

    Args:
        target: What is installed.
        cluster: Where.
        client: The harness's own identity.
        guard: Under which processes run.
        run: Where logs go.
        assets: Binaries: kubectl, and helm where the target is a chart.
        timeouts: Limits in seconds.
        on_progress: Called with what is being done, in words.
        on_kinds: Called once, when the operator's CRDs are established.
        load_image: Brings an archive of images to the cluster's nodes.
        clock: For pauses where there is nothing to watch.
    """

    def __init__(
        self,
        *,
        target: Target,
        cluster: Cluster,
        client: KubeClient,
        guard: Guard,
        run: RunFolder,
        assets: AssetSet,
        timeouts: Timeouts,
        on_progress: Callable[[str], None],
        on_kinds: Callable[[], None] | None = None,
        load_image: Callable[[Path], None] | None = None,
        clock: Clock = ...,
    ) -> None: ...

    @staticmethod
    def preflight(target: Target, manifests: Sequence[Object]) -> None:
        """Refuses, before there is a cluster, what could never be installed this way.

        Raises:
            TargetError: Says which part of the target or of its manifests, and why.
        """

    def install(self, manifests: Sequence[Object]) -> Installation:
        """Installs the operator and waits until it's ready.

        Args:
            manifests: As `render` returned them.

        Raises:
            InstallFault: The API server refuses a manifest (INS-001), or the operator ends at
                start or doesn't become ready (INS-002).
            TargetError: A kind isn't known; nothing has been applied.
            BuildError: The operator's program isn't there; nothing has been applied.
            ClusterError: Cluster or machine stand in the way.
        """

    def so_far(self) -> Installation | None:
        """Returns what is known of an install that failed half-way; None before it began."""

    def uninstall(self) -> None:
        """Removes all that `install` made, also where it failed half-way, and nothing else.

        Custom resources must be gone already. What can't be deleted doesn't stop the rest.

        Raises:
            ClusterError: Some objects could not be deleted; all of them are named.
        """


class Rotation(Protocol):
    """Replaces the operator's token by a new one, and revokes the old one."""

    def begin(self) -> None:
        """Starts it again, with a token that can be revoked.

        Raises:
            NotVerified: It has no token.
            HarnessError: It can't be started.
        """

    def replace(self) -> None:
        """Replaces the token where it reads it; the old one stays valid."""

    def revoke(self, *, timeout: float) -> float:
        """Has the old token end; returns when the API server no longer takes it.

        Args:
            timeout: In seconds.

        Returns:
            Seconds that it took.

        Raises:
            ClusterError: The API server still takes it.
        """


class Control(Protocol):
    """Handles an installed operator, from any process of the run.

    What one way of installing can't do raises NotVerified with the reason.
    """

    def restart(self) -> None:
        """Ends it as a rolling update would, and starts it again."""

    def stop(self) -> None:
        """Ends it gracefully; it stays down until `start`."""

    def kill(self) -> None:
        """Ends it at once; it stays down until `start`."""

    def start(self) -> None:
        """Starts what was stopped or killed; what runs is left alone."""

    def pause(self) -> None:
        """Freezes it."""

    def resume(self) -> None:
        """Lets it go on."""

    def start_replica(self) -> str:
        """Starts a second copy of the first workload; returns its name, for `stop_replica`."""

    def stop_replica(self, name: str) -> None:
        """Ends a copy."""

    def rotation(self) -> Rotation:
        """Returns what rotates its token."""

    def await_ready(self, *, timeout: float) -> None:
        """Waits until its probes answer and, with leader election, it leads.

        Raises:
            NotReady: It ended, or time is over.
        """

    def leases(self) -> tuple[str, ...]:
        """Returns "namespace/name" of the Leases that it's known to hold."""

    def find_leases(self) -> tuple[str, ...]:
        """Looks for Leases that it holds."""

    def holder(self) -> str:
        """Returns the name of the process or Pod that leads; empty where none does."""

    def status(self) -> tuple[ProcessStatus, ...]:
        """Returns how each of its processes is; empty where they aren't on this machine."""

    def log_tail(self, lines: int = 40) -> tuple[str, ...]:
        """Returns its last lines, by time, without known secrets."""
