"""The cluster's whole state, kept and put back in the middle of a suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.clusters import provider
from harness.errors import NotVerified
from harness.model.cluster import Capability
from harness.model.records import Action, Stimulus
from harness.settings import Settings

if TYPE_CHECKING:
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.operator import Operator

__all__ = ["ClusterSnapshots"]

_DEFAULT = "default"


class ClusterSnapshots:
    """Takes snapshots of all objects and goes back to them.

    Args:
        context: The suite's view of the run.
        operator: Stopped while the cluster is restored.
    """

    def __init__(self, context: Context, operator: Operator) -> None:
        self._context = context
        self._operator = operator
        self._provider = provider(Settings(cluster=context.cluster.provider))

    def take(self, name: str = _DEFAULT) -> None:
        """Keeps all objects as they are now, in place of what the name held.

        Raises:
            NotVerified: This kind of cluster has no snapshots.
            ClusterError: It can't be taken.
        """
        self._need()
        self._provider.snapshot(self._context.cluster, self._context.guard, name)

    def restore(self, name: str = _DEFAULT) -> None:
        """Goes back to a snapshot; returns when the operator is ready again.

        The operator is stopped before, and started with a fresh token after. Where it elects a
        leader, the restored Lease may name the process that ended: the new one waits until that
        runs out. Timelines hold a GAP. Objects that were made since are gone, their deletion
        isn't seen, and the resources in your hands are out of date: `refresh()` them.

        Raises:
            NotVerified: This kind of cluster has no snapshots.
            ClusterError: There is no such snapshot, or the cluster doesn't come back.
            AssertionError: The operator doesn't get ready again.
        """
        self._need()
        self._operator.stop()
        try:
            self._go_back(name)
        finally:
            self._operator.start()
        state = self._operator.readiness()
        if not state["ready"]:
            raise AssertionError(
                f"After the cluster went back to its snapshot {name!r}, the operator didn't get "
                f"ready: {state['reason']}"
            )

    def _go_back(self, name: str) -> None:
        clock = self._context.clock
        sent = clock.now()
        self._provider.restore(self._context.cluster, self._context.guard, name)
        self._context.record(
            Stimulus(
                action=Action.RESTORE,
                intended=sent,
                sent=sent,
                acknowledged=clock.now(),
                detail=name,
            )
        )

    def _need(self) -> None:
        cluster = self._context.cluster
        if Capability.SNAPSHOT not in cluster.capabilities:
            raise NotVerified(f"a cluster of kind {cluster.provider} has no snapshots")
