"""What a soak leaves in the cluster: inventories before its first cycle and after its last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.clock import Deadline
from harness.errors import ApiError
from harness.evidence.ndjson import NdjsonWriter
from harness.probes.inventory import count_events, take_inventory

if TYPE_CHECKING:
    from harness.model.inventory import Inventory
    from harness.pytest_plugin.context import Context

__all__ = ["Leftovers"]

_PAUSE_S = 2.0
_EVENTS_KEPT_S = {"local": 300.0, "kind": 300.0}
"""By provider, as our clusters are set up; elsewhere Kubernetes's default."""
_DEFAULT_KEPT_S = 3600.0


class Leftovers:
    """Lists the cluster before and after a soak; where it can't be listed, that isn't judged.

    Args:
        context: The suite's view of the run.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._before: Inventory | None = None

    def begin(self) -> None:
        """Lists what is there once the load's namespaces are, and nothing else of it."""
        self._before = self._taken("begin")
        if self._before is not None:
            self._write(self._before)

    def end(self) -> None:
        """Lists what is new, as soon as garbage collection has had its time with it.

        That is over when two listings are the same and nothing in them waits to be collected, or
        after the time that deletions are given.
        """
        if self._before is None:
            return
        clock = self._context.clock
        limit = Deadline(self._context.timeouts.delete, clock=clock)
        last: frozenset[str] | None = None
        while (found := self._taken("end")) is not None:
            new = self._new(found)
            settled = new == last and not self._awaits_collection(found, new)
            if settled or limit.passed:
                break
            last = new
            clock.sleep(_PAUSE_S)
        if found is not None:
            self._write(found)

    def _new(self, found: Inventory) -> frozenset[str]:
        known = {entry.key.uid for entry in self._before.entries} if self._before else set()
        return frozenset(entry.key.uid for entry in found.entries) - known

    def _awaits_collection(self, found: Inventory, new: frozenset[str]) -> bool:
        present = {entry.key.uid for entry in found.entries}
        return any(
            entry.deleted or (entry.owners and not present.intersection(entry.owners))
            for entry in found.entries
            if entry.key.uid in new
        )

    def _taken(self, name: str) -> Inventory | None:
        context = self._context
        kept_s = _EVENTS_KEPT_S.get(context.cluster.provider, _DEFAULT_KEPT_S)
        try:
            taken = take_inventory(context.client, name, clock=context.clock, before=self._before)
        except ApiError:
            return None
        return count_events(context.client, taken, kept_s=kept_s)

    def _write(self, taken: Inventory) -> None:
        writer = NdjsonWriter(self._context.run.soak_inventory_file)
        writer.write(taken)
        writer.close()
