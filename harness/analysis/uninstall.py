"""Stage 5, LIF-009: an operator that is uninstalled leaves nothing behind."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from harness.analysis.writes import call_ref, operator_calls
from harness.model.findings import EvidenceRef, Severity
from harness.model.installation import InstallWay

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.evidence.calllog import CallShape
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.inventory import InventoryEntry, Stuck
    from harness.model.records import ApiCall
    from harness.model.resource import ObjectKey

__all__ = ["nothing_made_is_left", "uninstall_leaves_nothing"]

_CREATED = 201
_LEASES = "leases.coordination.k8s.io"
_LEASE_REMEDY = (
    "Say in the instructions for the uninstall that the Lease is to be deleted, or let the "
    "operator own it by its Deployment."
)
_HARNESS = "operator-harness"
_SHORTEST = 4
"""Characters of a name that says something: "app" is in many."""
_MAX_FINDINGS = 20
_SHOWN = 5


def uninstall_leaves_nothing(case: Case) -> CheckOutcome:
    """LIF-009: by the inventories before the install and after the uninstall."""
    evidence = case.evidence
    installation = evidence.installation
    if installation is not None and installation.way is InstallWay.PRESENT:
        return case.inapplicable("the operator was there before the run, and stays")
    after = evidence.inventory("after")
    if evidence.inventory("before") is None or after is None:
        return case.undecided(_why_not(evidence))
    if installation is None:
        return case.undecided("the operator was never installed")
    stuck = evidence.uninstalled.stuck if evidence.uninstalled else ()
    left = _Leftovers(evidence)
    findings = [_held(case, item) for item in stuck]
    findings += [_left(case, entry, how, left) for entry, how in left.found]
    if findings:
        return case.failed(*findings[:_MAX_FINDINGS], *_rest(case, findings[_MAX_FINDINGS:]))
    if after.unlisted:
        names = sorted(after.unlisted)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return case.undecided(f"it may not be seen whether {', '.join(names[:_SHOWN])}{more} stay")
    return case.passed()


def nothing_made_is_left(case: Case) -> CheckOutcome:
    """SCO-106: by the same inventories; a Lease isn't counted."""
    evidence = case.evidence
    installation = evidence.installation
    if installation is not None and installation.way is InstallWay.PRESENT:
        return case.inapplicable("the operator was there before the run, and stays")
    if evidence.inventory("before") is None or evidence.inventory("after") is None:
        return case.undecided(_why_not(evidence))
    if installation is None:
        return case.undecided("the operator was never installed")
    left = _Leftovers(evidence)
    found = [(entry, how) for entry, how in left.found if entry.key.resource != _LEASES]
    return case.decided([_left(case, entry, how, left) for entry, how in found])


def _why_not(evidence: Evidence) -> str:
    ended = [stage for stage in evidence.stages() if stage.name == "uninstall"]
    if ended and ended[-1].outcome != "done":
        return "the uninstall did not come to its end"
    if not ended:
        return "the operator was not uninstalled"
    return "the cluster could not be listed before the install, or after the uninstall"


def _made(call: CallShape) -> bool:
    return call.code == _CREATED and not call.subresource and not call.dry_run


class _Leftovers:
    """New objects that are known to be the operator's.

    Args:
        evidence: With both inventories.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.creates: dict[tuple[str, str, str], ApiCall] = {
            (call.resource, call.namespace, call.name): call
            for call in operator_calls(evidence).where(_made)
            if call.name
        }

    @cached_property
    def found(self) -> list[tuple[InventoryEntry, str]]:
        """Each with how that is known, in the order of their names."""
        before, after = self._evidence.inventory("before"), self._evidence.inventory("after")
        old = {entry.key.uid for entry in before.entries} if before else set()
        new = [entry for entry in (after.entries if after else ()) if entry.key.uid not in old]
        marked = ((entry, self._how(entry)) for entry in sorted(new, key=lambda item: item.key))
        return [(entry, how) for entry, how in marked if how]

    def _how(self, entry: InventoryEntry) -> str:
        key = entry.key
        if self._is_ours(entry):
            return ""
        if key.resource in {kind.resource for kind in self._evidence.target.kinds}:
            return "it is a custom resource of the operator"
        call = self.creates.get((key.resource, key.namespace, key.name))
        if call is not None:
            return f"the audit log: {call.user} sent {call.verb} {call.uri} (line {call.line})"
        if key.resource == _LEASES:
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

    def _is_ours(self, entry: InventoryEntry) -> bool:
        """Whether the harness made it: what of that can't be removed is an error of the run."""
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


def _held(case: Case, item: Stuck) -> Finding:
    finalizers = ", ".join(item.finalizers)
    return case.finding(
        f"{_label(item.key)} kept its finalizer {finalizers} for {item.seconds:.0f} s after its "
        "deletion",
        subject=str(item.key),
        detail="The operator ran, and did not remove it. Its CRD can't be deleted before; the "
        "harness took the finalizer away then.",
        evidence=[EvidenceRef(file=case.evidence.place(case.evidence.run.uninstall_file))],
    )


def _left(case: Case, entry: InventoryEntry, how: str, left: _Leftovers) -> Finding:
    key = entry.key
    call = left.creates.get((key.resource, key.namespace, key.name))
    place = f" in namespace {key.namespace}" if key.namespace else ""
    refs = [call_ref(case.evidence, call)] if call else []
    return case.finding(
        f"{entry.kind} {key.name}{place} is left after the uninstall",
        subject=str(key),
        severity=Severity.MINOR if key.resource == _LEASES else None,
        remedy=_LEASE_REMEDY if key.resource == _LEASES else "",
        detail="\n".join(
            [
                "It wasn't there before the install, and all that was installed is gone.",
                f"That it is the operator's is known by this: {how}.",
                f"created: {entry.created}",
                f"finalizers: {', '.join(entry.finalizers) or 'none'}",
                "It isn't removed by the harness: kubectl delete "
                f"{key.resource} {key.name}{f' -n {key.namespace}' if key.namespace else ''}",
            ]
        ),
        evidence=[
            *refs,
            EvidenceRef(
                file=case.evidence.place(case.evidence.run.inventory_file), excerpt=str(key)
            ),
        ],
    )


def _rest(case: Case, findings: list[Finding]) -> list[Finding]:
    if not findings:
        return []
    rows = "\n".join(f"  {finding.title}" for finding in findings)
    return [case.finding(f"{len(findings)} more objects are left", detail=rows)]


def _label(key: ObjectKey) -> str:
    place = f"{key.namespace}/" if key.namespace else ""
    return f"{key.resource.partition('.')[0]} {place}{key.name}"
