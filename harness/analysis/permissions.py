"""Stage 5, RBA: what the operator was denied."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from harness.analysis.writes import audit_gap, call_ref, operator_calls
from harness.clock import utc
from harness.model.time import Stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.analysis.case import Case
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.records import ApiCall

__all__ = ["nothing_denied"]

_MAX_REFS = 3


def nothing_denied(case: Case) -> CheckOutcome:
    """RBA-004: no decision "forbid" under the operator's identities."""
    gap = audit_gap(case.evidence)
    if gap:
        return case.undecided(gap)
    calls = operator_calls(case.evidence)
    last_allowed: dict[tuple[str, ...], int] = {}
    for call in calls:
        if call.decision == "allow":
            what = _request(call)
            last_allowed[what] = max(call.received_ns, last_allowed.get(what, 0))
    groups: dict[tuple[str, ...], list[ApiCall]] = defaultdict(list)
    for call in calls:
        lag = last_allowed.get(_request(call), 0) > call.received_ns
        if call.decision == "forbid" and not lag:
            groups[_rule_of(call)].append(call)
    return case.decided([_denied(case, group) for group in groups.values()])


def _request(call: ApiCall) -> tuple[str, ...]:
    """What the authorizer is asked, without the time; it doesn't know what a create will name."""
    path = "" if call.resource else _path(call)
    name = "" if call.verb == "create" else call.name
    return (call.user, call.verb, call.resource, call.subresource, call.namespace, name, path)


def _rule_of(call: ApiCall) -> tuple[str, ...]:
    """Denials that one rule would allow."""
    path = "" if call.resource else _path(call)
    return (call.user, call.verb, call.resource, call.subresource, call.namespace, path)


def _path(call: ApiCall) -> str:
    return call.uri.partition("?")[0]


def _denied(case: Case, calls: Sequence[ApiCall]) -> Finding:
    first = calls[0]
    what = _what(first)
    times = "once" if len(calls) == 1 else f"{len(calls)} times"
    scope = f"in namespace {first.namespace}" if first.namespace else "cluster-wide"
    at = utc(Stamp(mono_ns=0, wall_ns=first.received_ns)).strftime("%H:%M:%S.%f")[:-3]
    names = sorted({call.name for call in calls if call.name})
    detail = [
        f"Denied: {first.verb} {what} {scope}, {times}, first at {at} UTC.",
        *([f"Objects: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"] if names else []),  # noqa: PLR2004 - enough
        f"Identity: {first.user}",
        f"User agent: {first.user_agent or 'none'}",
        f"The authorizer's reason: {first.reason or 'none'}",
    ]
    return case.finding(
        f"The operator was denied {first.verb} {what} {scope} {times}",
        subject=f"{first.verb} {what}",
        detail="\n".join(detail),
        remedy=_remedy(first, what),
        evidence=[call_ref(case.evidence, call) for call in calls[:_MAX_REFS]],
    )


def _what(call: ApiCall) -> str:
    if not call.resource:
        return _path(call)
    return f"{call.resource}/{call.subresource}" if call.subresource else call.resource


def _remedy(call: ApiCall, what: str) -> str:
    """The missing rule, as YAML and as a marker."""
    plural, _, group = call.resource.partition(".")
    resource = f"{plural}/{call.subresource}" if call.subresource else plural
    if not call.resource:
        kind = "ClusterRole"
        rule = [f"- nonResourceURLs: [{_path(call)}]", f"  verbs: [{call.verb}]"]
        marker = f"urls={_path(call)},verbs={call.verb}"
    else:
        kind = "Role or ClusterRole" if call.namespace else "ClusterRole"
        rule = [
            f'- apiGroups: ["{group}"]',
            f"  resources: [{resource}]",
            f"  verbs: [{call.verb}]",
        ]
        quoted = group or '""'
        marker = f"groups={quoted},resources={resource},verbs={call.verb}"
    return "\n".join(
        [
            f"Add this rule to the operator's {kind}:",
            *(f"  {line}" for line in rule),
            "or, with controller-gen, this marker beside the reconciler:",
            f"  // +kubebuilder:rbac:{marker}",
            f"If the operator needn't {call.verb} {what}, stop it from asking.",
        ]
    )
