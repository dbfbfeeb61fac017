"""Stage 5, LIF-009: an operator that is uninstalled leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.leftovers import LEASES, Leftovers
from harness.analysis.writes import call_ref
from harness.model.findings import EvidenceRef, Severity
from harness.model.installation import InstallWay

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.inventory import InventoryEntry, Stuck
    from harness.model.resource import ObjectKey

__all__ = ["nothing_made_is_left", "uninstall_leaves_nothing"]

_LEASE_REMEDY = (
    "Say in the instructions for the uninstall that the Lease is to be deleted, or let the "
    "operator own it by its Deployment."
)
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
    left = _leftovers(evidence)
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
    left = _leftovers(evidence)
    found = [(entry, how) for entry, how in left.found if entry.key.resource != LEASES]
    return case.decided([_left(case, entry, how, left) for entry, how in found])


def _leftovers(evidence: Evidence) -> Leftovers:
    return Leftovers(evidence, evidence.inventory("before"), evidence.inventory("after"))


def _why_not(evidence: Evidence) -> str:
    ended = [stage for stage in evidence.stages() if stage.name == "uninstall"]
    if ended and ended[-1].outcome != "done":
        return "the uninstall did not come to its end"
    if not ended:
        return "the operator was not uninstalled"
    return "the cluster could not be listed before the install, or after the uninstall"


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


def _left(case: Case, entry: InventoryEntry, how: str, left: Leftovers) -> Finding:
    key = entry.key
    call = left.creates.get((key.resource, key.namespace, key.name))
    place = f" in namespace {key.namespace}" if key.namespace else ""
    refs = [call_ref(case.evidence, call)] if call else []
    return case.finding(
        f"{entry.kind} {key.name}{place} is left after the uninstall",
        subject=str(key),
        severity=Severity.MINOR if key.resource == LEASES else None,
        remedy=_LEASE_REMEDY if key.resource == LEASES else "",
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
