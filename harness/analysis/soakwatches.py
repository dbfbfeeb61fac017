"""Stage 5, SOA-111: watches that an operator has open, from the audit log alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from harness.analysis.writes import audit_gap, call_ref, operator_calls
from harness.model.soak import API_SERVER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from harness.analysis.case import Case
    from harness.evidence.calllog import CallLog, CallShape
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome
    from harness.model.records import ApiCall

__all__ = ["kills", "no_watch_is_leaked", "open_at", "watches"]

_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
_NS = 1_000_000_000
_BACK_S = 12.0
"""After which informers have come back to a resource that is served anew: they retry with a
back-off that doubles from 0.8 s."""
_SHOWN = 5
_REFUSED = 300
_BEGUN = "ResponseStarted"


def watches(evidence: Evidence) -> CallLog:
    """Returns the operator's watches, those that are still open included."""
    return operator_calls(evidence).where(_is_watch)


def kills(evidence: Evidence) -> tuple[int, ...]:
    """Returns when the soak killed the API server, which logs no end of its watches then."""
    return tuple(
        item.span.start.wall_ns
        for item in evidence.disturbances
        if item.tried and item.name == API_SERVER
    )


def open_at(
    calls: Iterable[ApiCall], wall_ns: int, *, kills: Collection[int] = ()
) -> list[ApiCall]:
    """Returns those of some watches that were open at an instant of the wall clock.

    Args:
        calls: Watches.
        wall_ns: The instant.
        kills: When the API server was killed; what was open then ended.
    """
    last = max((kill for kill in kills if kill <= wall_ns), default=0)
    return [
        call
        for call in calls
        if last <= call.received_ns <= wall_ns and (call.stage == _BEGUN or call.done_ns > wall_ns)
    ]


def no_watch_is_leaked(case: Case) -> CheckOutcome:
    """SOA-111: as many watches of a kind after its definition was made anew as before."""
    evidence = case.evidence
    gap = audit_gap(evidence)
    if gap:
        return case.undecided(gap)
    anew = _made_anew(evidence)
    if not anew:
        return case.undecided("the soak made no CustomResourceDefinition anew")
    made, killed = watches(evidence), kills(evidence)
    findings = []
    for deleted, created in anew:
        instant = _settled(evidence, created)
        if instant is None:
            return case.undecided(
                f"the run ended before its watches could be back, {_BACK_S:g} s after the "
                f"definition of {created.name} was made anew"
            )
        of = created.name  # a definition's name is that of its resource, with the group
        mine = [call for call in made if call.resource == of]
        before = open_at(mine, deleted.received_ns, kills=killed)
        after = open_at(mine, instant, kills=killed)
        if len(after) > len(before):
            agents = Counter(call.user_agent for call in after)
            rows = [f"{call.uri} since line {call.line}" for call in after[:_SHOWN]]
            findings.append(
                case.finding(
                    f"{len(after)} watches of {of} are open after its definition was made anew, "
                    f"and {len(before)} were before",
                    subject=of,
                    detail="\n".join([*rows, *(f"{n} by {agent}" for agent, n in agents.items())]),
                    evidence=[call_ref(evidence, call) for call in after[:_SHOWN]],
                )
            )
    return case.decided(findings)


def _is_watch(shape: CallShape) -> bool:
    return shape.verb == "watch" and shape.decision != "forbid" and shape.code < _REFUSED


def _is_definition(shape: CallShape) -> bool:
    return shape.resource == _DEFINITIONS and not shape.subresource and 0 < shape.code < _REFUSED


def _made_anew(evidence: Evidence) -> list[tuple[ApiCall, ApiCall]]:
    """Returns deletions of the target's definitions, each with the creation that came after."""
    kinds = {kind.resource for kind in evidence.target.kinds}
    deleted: dict[str, ApiCall] = {}
    found: list[tuple[ApiCall, ApiCall]] = []
    for call in sorted(evidence.calls().where(_is_definition), key=lambda call: call.received_ns):
        if call.name not in kinds:
            continue
        if call.verb == "delete":
            deleted[call.name] = call
        elif call.verb in {"create", "patch"} and call.name in deleted:
            found.append((deleted.pop(call.name), call))
    return found


def _settled(evidence: Evidence, created: ApiCall) -> int | None:
    """Returns an instant at which watches are back, while the operator still runs."""
    instant = created.done_ns + round(_BACK_S * _NS)
    later = [
        phase.span.end.wall_ns
        for phase in evidence.phases()
        if phase.span.start.wall_ns <= created.received_ns <= phase.span.end.wall_ns
    ]
    if later and max(later) > instant:
        return max(later)
    return instant if evidence.calls().last_ns >= instant else None
