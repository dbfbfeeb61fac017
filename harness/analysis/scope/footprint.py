"""Stage 5, SCO-105: which kinds the operator wrote, held against those that it declares."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from harness.analysis.objects import timeline_ref
from harness.analysis.scope.declared import Declared
from harness.analysis.writes import audit_gap, call_ref, operator_calls
from harness.evidence.writes import is_write
from harness.model.findings import EvidenceRef

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.evidence.calllog import CallLog, CallShape
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome

__all__ = ["writes_only_declared_kinds"]

_REFUSED = 400
_SHOWN = 5
_UNCOUNTED = ("events", "events.events.k8s.io", "leases.coordination.k8s.io")
_OTHERS = ("kube-", "operator-harness", "kubectl", "helm", "kwok")
"""Starts of field managers that are never the operator's."""


def writes_only_declared_kinds(case: Case) -> CheckOutcome:
    """SCO-105: by the audit log, and by the field manager that writes the operator's status."""
    declared = Declared(case.evidence)
    gap = audit_gap(case.evidence)
    sent = operator_calls(case.evidence).where(_wrote)
    positions: dict[str, list[int]] = defaultdict(list)
    for row in () if gap else sent.rows():
        if row.shape.resource not in declared.writes:
            positions[row.shape.resource].append(row.position)
    written = {resource: sent.pick(held) for resource, held in positions.items()}
    marked = _marked(case.evidence, declared) if gap else {}  # names of managers may be shared
    findings = [
        case.finding(
            f"The operator writes {resource}, which scope.owns doesn't name",
            subject=resource,
            detail="\n".join(
                [
                    f"It sent {', '.join(sorted({shape.verb for shape in calls.shapes()}))}, "
                    f"{len(calls)} in all.",
                    f"Objects: {_names(calls)}",
                    f"scope.owns: {', '.join(case.evidence.target.scope.owns) or 'nothing'}",
                ]
            ),
            evidence=[call_ref(case.evidence, call) for call in calls[:_SHOWN]],
        )
        for resource, calls in written.items()
    ]
    findings += [
        case.finding(
            f"The operator's field manager stands in {resource}, which scope.owns doesn't name",
            subject=resource,
            detail=f"{ref.excerpt}\nscope.owns: "
            f"{', '.join(case.evidence.target.scope.owns) or 'nothing'}",
            evidence=[ref],
        )
        for resource, ref in marked.items()
    ]
    if findings or not gap:
        return case.decided(findings)
    return case.undecided(gap)


def _wrote(call: CallShape) -> bool:
    return (
        is_write(call.verb, call.resource, call.subresource)
        and not call.dry_run
        and call.decision != "forbid"
        and 0 < call.code < _REFUSED
    )


def _marked(evidence: Evidence, declared: Declared) -> dict[str, EvidenceRef]:
    """Returns undeclared resources that bear the manager which writes the status of ours."""
    ours = {
        manager.split("/")[0]
        for resource in declared.customs
        for event in evidence.timeline(resource)
        for manager in event.managers
        if manager.endswith("/status") and not manager.startswith(_OTHERS)
    }
    found: dict[str, EvidenceRef] = {}
    for resource, events in evidence.timelines().items():
        if resource in declared.writes or resource in _UNCOUNTED:
            continue
        for line, event in enumerate(events, start=1):
            theirs = {manager.split("/")[0] for manager in event.managers} & ours
            if theirs:
                text = f"{event.key} has the field manager {sorted(theirs)[0]}"
                found.setdefault(resource, timeline_ref(evidence, resource, line, text))
    return found


def _names(calls: CallLog) -> str:
    found = {"/".join(filter(None, (row.shape.namespace, row.name))) for row in calls.rows()}
    names = sorted(found - {""})
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
