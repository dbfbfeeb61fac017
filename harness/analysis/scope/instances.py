"""Stage 5, SCO-003: whether two instances in two namespaces disturb each other."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from harness.analysis.scope.declared import Declared
from harness.analysis.writes import audit_gap, call_ref
from harness.evidence.writes import is_write
from harness.model.trials import SecondInstance

if TYPE_CHECKING:
    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.records import ApiCall

__all__ = ["instances_leave_each_other_alone"]

_REFUSED = 400
_MAX_REFS = 10


def instances_leave_each_other_alone(case: WindowCase) -> CheckOutcome:
    """SCO-003: by the window's facts, its waits, and the audit log of both identities."""
    if Declared(case.evidence).is_unlimited:
        return case.inapplicable("the operator serves all namespaces (AllNamespaces)")
    facts: Any = case.phase.facts.get("second")
    if not facts:
        return case.undecided(str(case.phase.facts.get("reason") or "no second instance ran"))
    second = msgspec.convert(facts, SecondInstance)
    findings = [*_not_ready(case, second), *_unmet(case), *_crossed(case, second)]
    gap = audit_gap(case.evidence, case.span)
    return case.undecided(gap) if gap and not findings else case.decided(findings)


def _not_ready(case: WindowCase, second: SecondInstance) -> list[Finding]:
    if second.ready:
        return []
    first = second.reason.strip().splitlines()[0].rstrip(".") if second.reason else "no answer"
    return [
        case.finding(
            f"A second instance in namespace {second.namespace} doesn't become ready: {first}",
            subject=second.identity,
            detail="\n".join([second.reason, *second.log]),
        )
    ]


def _unmet(case: WindowCase) -> list[Finding]:
    return [
        case.finding(
            f"With two instances {wait.subject.name} in namespace {wait.subject.namespace} was "
            f"not {wait.awaited} after {wait.timeout_s:g} s",
            subject=str(wait.subject),
            detail=wait.difference,
        )
        for wait in case.evidence.waits()
        if not wait.met
        and wait.awaited.startswith("ready")
        and case.span.start.mono_ns <= wait.span.start.mono_ns <= case.span.end.mono_ns
    ]


def _crossed(case: WindowCase, second: SecondInstance) -> list[Finding]:
    """Writes of one into the other's namespaces, and objects that both wrote."""
    installation = case.evidence.installation
    if installation is None:
        return []
    declared = Declared(case.evidence)
    homes = {True: declared.own | declared.served, False: frozenset({second.namespace})}
    writers: dict[tuple[str, str, str], dict[bool, list[ApiCall]]] = defaultdict(
        lambda: defaultdict(list)
    )
    span = case.span
    for call in case.evidence.calls().between(span.start.wall_ns, span.end.wall_ns):
        ours = call.user in installation.identities
        if (ours or call.user == second.identity) and _wrote(case, call):
            place = declared.place_of(call.resource, call.namespace)
            writers[call.resource, place, call.name][ours].append(call)
    findings = []
    for (resource, place, name), calls in writers.items():
        label = f"{resource} {'/'.join(filter(None, (place, name)))}"
        both = len(calls) > 1
        strayed = [
            call
            for ours, sent in calls.items()
            for call in sent
            if place in homes[not ours] - homes[ours]
        ]
        if not both and not strayed:
            continue
        chosen = strayed or [call for sent in calls.values() for call in sent]
        title = (
            f"Both instances write {label}"
            if both
            else f"One instance writes {label}, in the other's namespace"
        )
        findings.append(
            case.finding(
                title,
                subject=label,
                detail="\n".join(
                    f"{sent[0].user}: {len(sent)} writes" for sent in calls.values() if sent
                ),
                evidence=[call_ref(case.evidence, call) for call in chosen[:_MAX_REFS]],
            )
        )
    return findings


def _wrote(case: WindowCase, call: ApiCall) -> bool:
    return (
        is_write(call.verb, call.resource, call.subresource)
        and not call.dry_run
        and 0 < call.code < _REFUSED
        and case.span.holds_wall(call.received_ns)
    )
