"""Stage 5: which new objects of a cluster are the operator's, and how that is known."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from harness.analysis.writes import operator_calls

if TYPE_CHECKING:
    from harness.evidence.calllog import CallShape
    from harness.evidence.reader import Evidence
    from harness.model.inventory import Inventory, InventoryEntry
    from harness.model.records import ApiCall

__all__ = ["LEASES", "Leftovers"]

LEASES = "leases.coordination.k8s.io"
_CREATED = 201
_HARNESS = "operator-harness"
_SHORTEST = 4
"""Characters of a name that says something: "app" is in many."""


def _made(call: CallShape) -> bool:
    return call.code == _CREATED and not call.subresource and not call.dry_run


class Leftovers:
    """Objects of the later of two inventories that are known to be the operator's.

    Args:
        evidence: Of the run.
        before: The earlier one; None for nothing.
        after: The later one, with details of what is new.

    Attributes:
        creates: The operator's requests that made an object, by resource, namespace and name.
    """

    def __init__(
        self, evidence: Evidence, before: Inventory | None, after: Inventory | None
    ) -> None:
        self._evidence = evidence
        self._before = before
        self._after = after
        self.creates: dict[tuple[str, str, str], ApiCall] = {
            (call.resource, call.namespace, call.name): call
            for call in operator_calls(evidence).where(_made)
            if call.name
        }

    @cached_property
    def found(self) -> list[tuple[InventoryEntry, str]]:
        """Each with how that is known, in the order of their names."""
        marked = ((entry, "" if self.is_ours(entry) else self.how(entry)) for entry in self.new)
        return [(entry, how) for entry, how in marked if how]

    @cached_property
    def new(self) -> list[InventoryEntry]:
        """What the earlier one didn't hold, in the order of their names."""
        old = {entry.key.uid for entry in self._before.entries} if self._before else set()
        entries = self._after.entries if self._after else ()
        new = (entry for entry in entries if entry.key.uid not in old)
        return sorted(new, key=lambda entry: entry.key)

    def how(self, entry: InventoryEntry) -> str:
        """Returns how it is known that an object is the operator's; empty where it isn't."""
        key = entry.key
        if key.resource in {kind.resource for kind in self._evidence.target.kinds}:
            return "it is a custom resource of the operator"
        call = self.creates.get((key.resource, key.namespace, key.name))
        if call is not None:
            return f"the audit log: {call.user} sent {call.verb} {call.uri} (line {call.line})"
        if key.resource == LEASES:
            held = f"{key.namespace}/{key.name}" in self._leases
            return "the operator held it to elect its leader" if held else ""
        return self._by_signs(entry)

    def _by_signs(self, entry: InventoryEntry) -> str:
        if set(entry.owners) & self._family:
            return "its ownerReferences"
        name = self._named_by(entry)
        shared = sorted(set(entry.managers) & self._managers)
        if name and shared:
            return f"its field manager {shared[0]}, and that it speaks of {name}"
        return ""

    def is_ours(self, entry: InventoryEntry) -> bool:
        """Whether the harness made it: if that can't be removed, it is an error of the run."""
        return (
            entry.managers == (_HARNESS,)
            or entry.key.uid in self._installed
            or entry.key.namespace.startswith(f"harness-{self._run}-")
            or entry.key.name.startswith(f"harness-{self._run}-")
            or entry.key.name.endswith(f"-{self._run}")
        )

    @cached_property
    def _run(self) -> str:
        return self._evidence.run.id.rsplit("-", 1)[-1]

    @cached_property
    def _installed(self) -> frozenset[str]:
        installation = self._evidence.installation
        return (
            frozenset(item.key.uid for item in installation.objects)
            if installation
            else frozenset()
        )

    @cached_property
    def _leases(self) -> frozenset[str]:
        installation = self._evidence.installation
        workloads = installation.workloads if installation else ()
        return frozenset(lease for workload in workloads for lease in workload.leases)

    @cached_property
    def _family(self) -> frozenset[str]:
        """Uids of custom resources, and of what was installed."""
        kinds = {kind.resource for kind in self._evidence.target.kinds}
        seen = {
            event.key.uid
            for kind in kinds
            for event in self._evidence.timeline(kind)
            if event.key.uid
        }
        return frozenset(seen | self._installed)

    @cached_property
    def _managers(self) -> frozenset[str]:
        """Field managers of custom resources, other than ours."""
        return frozenset(
            str(manager).split("/", maxsplit=1)[0]
            for kind in self._evidence.target.kinds
            for event in self._evidence.timeline(kind.resource)
            for manager in event.managers
        ) - {_HARNESS}

    def _named_by(self, entry: InventoryEntry) -> str:
        """Returns which of the operator's names an object speaks of; empty for none."""
        texts = [entry.key.name, entry.key.namespace, *entry.labels.values()]
        for name in self._names:
            if any(name in text for text in texts):
                return name
        return ""

    @cached_property
    def _names(self) -> tuple[str, ...]:
        evidence = self._evidence
        names = {evidence.target.name}
        if evidence.installation:
            names |= {workload.name for workload in evidence.installation.workloads}
            names |= {
                item.key.name for item in evidence.installation.objects if item.kind == "Namespace"
            }
        for kind in evidence.target.kinds:
            names |= {event.key.name for event in evidence.timeline(kind.resource)}
        return tuple(sorted(name for name in names if len(name) >= _SHORTEST))
