"""Stage 5, SOA-110: what a soak leaves in the cluster, by exact inventories before and after."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from harness.analysis.leftovers import LEASES, Leftovers
from harness.analysis.writes import audit_gap, call_ref
from harness.model.findings import EvidenceRef
from harness.model.soakresult import InventoryChange, LeftKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.analysis.case import Case
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.inventory import Inventory, InventoryEntry
    from harness.model.records import ApiCall

__all__ = ["inventory_changes", "left_behind", "nothing_is_left"]

_CLUSTERS = frozenset({"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"})
"""Field managers of what a cluster makes by itself in every namespace."""

_OURS = "operator-harness"
_MOST_NAMES = 5
_UNLISTED = 5


def left_behind(evidence: Evidence) -> tuple[LeftKind, ...]:
    """Returns what the operator left that its soak made, by kind and cause; the most first."""
    return evidence.derived(_left_behind)


def inventory_changes(evidence: Evidence) -> tuple[InventoryChange, ...] | None:
    """Returns which resources the two inventories of a soak differ in; None without them."""
    begin, end = evidence.soak_inventory("begin"), evidence.soak_inventory("end")
    if begin is None or end is None:
        return None
    before, after = _uids(begin), _uids(end)
    return tuple(
        InventoryChange(
            resource=resource,
            before=len(old),
            after=len(new),
            came=len(new - old),
            went=len(old - new),
        )
        for resource in sorted({*before, *after} - {*begin.unlisted, *end.unlisted})
        if (old := before[resource]) != (new := after[resource])
    )


def _uids(inventory: Inventory) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for entry in inventory.entries:
        found[entry.key.resource].add(entry.key.uid)
    return found


def nothing_is_left(case: Case) -> CheckOutcome:
    """SOA-110: objects, custom resources that a finalizer holds, Events that are renewed."""
    evidence = case.evidence
    begin, end = evidence.soak_inventory("begin"), evidence.soak_inventory("end")
    if begin is None or end is None:
        return case.undecided(_why_not(evidence, begin))
    findings = [_finding(case, kind) for kind in left_behind(evidence)]
    if end.old_events and not begin.old_events:
        findings.append(_events(case, end))
    if findings:
        return case.failed(*findings)
    unlisted = sorted(set(end.unlisted))
    if unlisted:
        more = f" and {len(unlisted) - _UNLISTED} more" if len(unlisted) > _UNLISTED else ""
        names = ", ".join(unlisted[:_UNLISTED])
        return case.undecided(f"it may not be seen whether {names}{more} stay")
    gap = audit_gap(evidence)
    unsure = [entry for entry in Leftovers(evidence, begin, end).new if _unsure(entry)]
    if gap and unsure:
        return case.undecided(f"{gap}, and {len(unsure)} new objects could be anybody's")
    return case.passed()


def _why_not(evidence: Evidence, begin: Inventory | None) -> str:
    if not evidence.plateaus():
        return "there was no soak, or it was stopped before its first cycle was over"
    if begin is None:
        return "the cluster could not be listed before the soak"
    return "the soak did not come to its end, so that what it left was not listed"


def _left_behind(evidence: Evidence) -> tuple[LeftKind, ...]:
    begin, end = evidence.soak_inventory("begin"), evidence.soak_inventory("end")
    if begin is None or end is None:
        return ()
    left = Leftovers(evidence, begin, end)
    present = {entry.key.uid for entry in end.entries}
    groups: dict[tuple[str, str], list[tuple[InventoryEntry, str]]] = defaultdict(list)
    for entry in left.new:
        how = _how(evidence, left, entry)
        if how and not present.intersection(entry.owners):  # what is owned goes with its owner
            groups[entry.key.resource, _cause(entry)].append((entry, how))
    kinds = [_kind(group, cause, left) for (_, cause), group in groups.items()]
    return tuple(sorted(kinds, key=lambda kind: (-kind.count, kind.resource)))


def _how(evidence: Evidence, left: Leftovers, entry: InventoryEntry) -> str:
    """Returns how it is known that an object is the operator's, or that it holds it."""
    if entry.key.resource in {kind.resource for kind in evidence.target.kinds}:
        # One that nobody deleted is the load's own.
        return "it was deleted, and is held" if entry.deleted else ""
    if left.is_ours(entry):
        return ""
    how = left.how(entry)
    if how:
        return how
    plan = evidence.load_plan
    others = sorted(set(entry.managers) - _CLUSTERS - {_OURS})
    if plan is not None and others and entry.key.namespace in plan.namespaces:
        return f"it lies in a namespace of the load, and its field manager is {others[0]}"
    return ""


def _unsure(entry: InventoryEntry) -> bool:
    """Whether an object is nobody's that is known."""
    return not set(entry.managers) & (_CLUSTERS | {_OURS})


def _cause(entry: InventoryEntry) -> str:
    if entry.deleted:
        return f"held by its finalizer {', '.join(entry.finalizers) or 'that is gone by now'}"
    if entry.key.resource == LEASES:
        return "a Lease that nobody removes"
    if "webhookconfigurations." in entry.key.resource:
        return "a webhook configuration that nobody removes"
    if entry.owners:
        return "an orphan whose owner is gone, and which garbage collection did not take"
    return "an orphan without an owner"


def _kind(group: Sequence[tuple[InventoryEntry, str]], cause: str, left: Leftovers) -> LeftKind:
    first, how = group[0]
    resource = first.key.resource
    creates = [call for (of, _, _), call in left.creates.items() if of == resource]
    call = _call(first, left)
    return LeftKind(
        kind=first.kind,
        resource=resource,
        count=len(group),
        names=tuple(_name(entry) for entry, _ in group[:_MOST_NAMES]),
        cause=cause,
        how=how,
        created=len(creates),
        write=f"{call.verb} {call.uri}" if call else "",
        line=call.line if call else 0,
    )


def _call(entry: InventoryEntry, left: Leftovers) -> ApiCall | None:
    return left.creates.get((entry.key.resource, entry.key.namespace, entry.key.name))


def _name(entry: InventoryEntry) -> str:
    key = entry.key
    return f"{key.namespace}/{key.name}" if key.namespace else key.name


def _finding(case: Case, kind: LeftKind) -> Finding:
    begin, end = case.evidence.soak_inventory("begin"), case.evidence.soak_inventory("end")
    left = Leftovers(case.evidence, begin, end)
    calls = [
        call
        for entry in left.new
        if entry.key.resource == kind.resource and (call := _call(entry, left))
    ]
    more = f"\nand {kind.count - len(kind.names)} more" if kind.count > len(kind.names) else ""
    many, each = (
        ("1 object", ":") if kind.count == 1 else (f"{kind.count} objects", ", each of them")
    )
    made = f"The operator created {kind.created} of them in the run." if kind.created else ""
    return case.finding(
        f"{many} of kind {kind.kind} stayed after the soak{each} {kind.cause}",
        subject=kind.resource,
        detail="\n".join(
            part
            for part in (
                "\n".join(kind.names) + more,
                f"That it is the operator's is known by this: {kind.how}.",
                made,
            )
            if part
        ),
        evidence=[
            *(call_ref(case.evidence, call) for call in calls[:_MOST_NAMES]),
            EvidenceRef(
                file=case.evidence.place(case.evidence.run.soak_inventory_file),
                excerpt=kind.names[0],
            ),
        ],
    )


def _events(case: Case, end: Inventory) -> Finding:
    names = [f"{key.namespace}/{key.name}" for key in end.old_events]
    return case.finding(
        f"{len(names)} Events or more are older than the cluster keeps Events",
        subject="events",
        detail="Somebody writes to them again and again, which keeps them:\n" + "\n".join(names),
        evidence=[EvidenceRef(file=case.evidence.place(case.evidence.run.soak_inventory_file))],
    )
