"""Stage 5, SCO-102: objects of the same names in a foreign namespace, which must stay untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.analysis.writes import audit_gap, call_ref, operator_calls
from harness.evidence.writes import is_write
from harness.model.trials import SentinelWatch

if TYPE_CHECKING:
    from harness.analysis.case import WindowCase
    from harness.evidence.calllog import CallShape
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.records import ApiCall
    from harness.model.trials import Sentinel

__all__ = ["sentinels_stay_untouched"]

_BUILT_IN = ("kube-", "kubelet", "kwok", "operator-harness")
"""Starts of field managers of Kubernetes itself, of simulated nodes, and of the harness."""
_CONTROLLERS = ("-controller", "-scheduler", "kubelet", "controllermanager")
"""Ends of the names under which Kubernetes' own controllers write Events."""


def sentinels_stay_untouched(case: WindowCase) -> CheckOutcome:
    """SCO-102: the window's facts hold the sentinels before and after."""
    facts: Any = case.phase.facts.get("sentinels")
    if not facts:
        return case.undecided("no sentinel was planted")
    watched = msgspec.convert(facts, SentinelWatch)
    calls = _calls(case, watched)
    findings = [
        _touched(case, sentinel, how, calls)
        for sentinel in watched.sentinels
        if (how := _change(sentinel)) and _is_the_operators(case, sentinel, calls)
    ]
    findings += [
        case.finding(
            f"{entry} appeared in namespace {watched.namespace}, which isn't the operator's",
            subject=entry,
            detail="Beside the sentinels there was nothing of that name before.",
        )
        for entry in watched.appeared
    ]
    findings += [
        case.finding(
            f"An Event {event.reason} speaks of {event.subject}, a sentinel",
            subject=event.subject,
            detail=f"{event.source} in namespace {watched.namespace}: {event.message}",
        )
        for event in watched.events
        if not event.source.endswith(_CONTROLLERS)
    ]
    return case.decided(findings)


def _calls(case: WindowCase, watched: SentinelWatch) -> dict[tuple[str, str], list[ApiCall]]:
    """Returns the operator's writes in the foreign namespace, by object."""
    found: dict[tuple[str, str], list[ApiCall]] = {}
    for call in operator_calls(case.evidence).where(_writes):
        if call.namespace == watched.namespace:
            found.setdefault((call.resource, call.name), []).append(call)
    return found


def _writes(call: CallShape) -> bool:
    return is_write(call.verb, call.resource)


def _change(sentinel: Sentinel) -> str:
    """Returns what became of a sentinel; empty for nothing that matters."""
    before, after = sentinel.before, sentinel.after
    if after is None:
        return "was deleted"
    if after.uid != before.uid:
        return "was replaced by another object"
    if after.deleting and not before.deleting:
        return "is being deleted"
    changed = sorted(
        name.split("/")[0]
        for name in {*after.managers, *before.managers}
        if after.managers.get(name) != before.managers.get(name) and not name.startswith(_BUILT_IN)
    )
    if changed:
        return f"was changed by {', '.join(dict.fromkeys(changed))}"
    same = after.version == before.version or after.managers != before.managers
    return "" if same else "was changed"


def _is_the_operators(
    case: WindowCase, sentinel: Sentinel, calls: dict[tuple[str, str], list[ApiCall]]
) -> bool:
    """Whether the operator did it: in a shared cluster others may act on anything.

    Without an audit log nobody else is known.
    """
    wrote = bool(calls.get((sentinel.resource, sentinel.name)))
    if wrote or audit_gap(case.evidence, case.span):
        return True
    own = {shape.user for shape in operator_calls(case.evidence).shapes()}
    return not any(
        call.user not in own
        and is_write(call.verb, call.resource)
        and case.span.holds_wall(call.received_ns)
        and call.received_ns > sentinel.planted_ns
        for call in case.evidence.calls().of(sentinel.resource, sentinel.namespace, sentinel.name)
    )


def _touched(
    case: WindowCase,
    sentinel: Sentinel,
    how: str,
    calls: dict[tuple[str, str], list[ApiCall]],
) -> Finding:
    after = sentinel.after
    sent = calls.get((sentinel.resource, sentinel.name), [])
    return case.finding(
        f"{sentinel.kind} {sentinel.name} in the foreign namespace {sentinel.namespace} {how}",
        subject=f"{sentinel.resource} {sentinel.namespace}/{sentinel.name}",
        detail="\n".join(
            [
                f"It stands for somebody else's object; the operator serves "
                f"{sentinel.served or 'another namespace'}.",
                f"resourceVersion: {sentinel.before.version} -> "
                f"{after.version if after else 'gone'}",
                *(f"The audit log: {call.user} sent {call.verb} {call.uri}" for call in sent[:3]),
            ]
        ),
        evidence=[call_ref(case.evidence, call) for call in sent[:10]],
    )
