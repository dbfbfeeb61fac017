"""Stage 5, SCO-103: whether the operator works with rights in its namespaces alone."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from harness.analysis.logs import last_words
from harness.analysis.scope.declared import Declared
from harness.analysis.scope.deprived import stretch_of
from harness.analysis.writes import audit_gap, call_ref, operator_calls

if TYPE_CHECKING:
    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.records import ApiCall

__all__ = ["works_confined"]

_MAX_REFS = 10
_MAX_FINDINGS = 10


def works_confined(case: WindowCase) -> CheckOutcome:
    """SCO-103: the window's facts hold when the rights were taken, and whether it was ready."""
    if Declared(case.evidence).is_unlimited:
        return case.inapplicable("the operator serves all namespaces (AllNamespaces)")
    stretch = stretch_of(case.phase)
    if stretch is None:
        reason = str(case.phase.facts.get("reason") or "its rights were not narrowed")
        return case.undecided(reason)
    findings = [*_not_ready(case), *_denied(case, stretch), *_unmet(case)]
    gap = audit_gap(case.evidence, case.span)
    if gap and not findings:
        return case.undecided(gap)
    return case.decided(findings)


def _not_ready(case: WindowCase) -> list[Finding]:
    facts = case.phase.facts
    if facts.get("ready", True):
        return []
    reason = str(facts.get("reason") or "it didn't answer its probes")
    first = reason.strip().splitlines()[0].rstrip(".")
    return [
        case.finding(
            f"With rights in its namespaces alone the operator doesn't become ready: {first}",
            detail="\n".join([reason, *_given(case), *last_words(case.evidence, case.span)]),
        )
    ]


def _denied(case: WindowCase, stretch: tuple[int, int]) -> list[Finding]:
    groups: dict[tuple[str, ...], list[ApiCall]] = defaultdict(list)
    for call in operator_calls(case.evidence).between(*stretch):
        if call.decision == "forbid":
            scope = call.namespace and "namespaced"
            groups[call.verb, call.resource, call.subresource, scope].append(call)
    return [_finding(case, calls) for calls in list(groups.values())[:_MAX_FINDINGS]]


def _finding(case: WindowCase, calls: list[ApiCall]) -> Finding:
    first = calls[0]
    what = f"{first.resource}/{first.subresource}" if first.subresource else first.resource
    what = what or first.uri.partition("?")[0]
    where = f"in {first.namespace}" if first.namespace else "in all namespaces"
    times = "once" if len(calls) == 1 else f"{len(calls)} times"
    return case.finding(
        f"With rights in its namespaces alone the operator was denied {first.verb} {what} "
        f"{where} {times}",
        subject=f"{first.verb} {what}",
        detail="\n".join([f"Identity: {first.user}", *_given(case)]),
        evidence=[call_ref(case.evidence, call) for call in calls[:_MAX_REFS]],
    )


def _unmet(case: WindowCase) -> list[Finding]:
    return [
        case.finding(
            f"With rights in its namespaces alone {wait.subject.name} was not {wait.awaited} "
            f"after {wait.timeout_s:g} s",
            subject=str(wait.subject),
            detail="\n".join([wait.difference, *_given(case)]).strip(),
        )
        for wait in case.evidence.waits()
        if not wait.met
        and wait.awaited.startswith("ready")
        and case.span.start.mono_ns <= wait.span.start.mono_ns <= case.span.end.mono_ns
    ]


def _given(case: WindowCase) -> list[str]:
    facts = case.phase.facts
    lines = [
        f"{title}: {', '.join(map(str, facts[name]))}"
        for name, title in (
            ("suspended", "Suspended"),
            ("namespaces", "Rights in namespaces"),
            ("kept", "Kept cluster-wide, since it can't be namespaced"),
            ("groups", "Not taken, since a group has it"),
        )
        if facts.get(name)
    ]
    return lines or ["It has no rights beyond its namespaces at all."]
