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
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.records import ApiCall

__all__ = ["denied_calls", "missing_rule", "nothing_denied", "request_words"]

_MAX_REFS = 20
_SHOWN_NAMES = 5


def nothing_denied(case: Case) -> CheckOutcome:
    """RBA-004: no decision "forbid" under the operator's identities."""
    gap = audit_gap(case.evidence)
    if gap:
        return case.undecided(gap)
    return case.decided([_denied(case, group) for group in denied_calls(case.evidence)])


def denied_calls(evidence: Evidence) -> tuple[tuple[ApiCall, ...], ...]:
    """Returns what the operator was denied, those together that one rule would allow.

    A denial after which the same request was allowed is left out: a role that was just given
    reaches the authorizer a moment later.
    """
    calls = operator_calls(evidence)
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
    return tuple(tuple(group) for group in groups.values())


def _request(call: ApiCall) -> tuple[str, ...]:
    """What the authorizer is asked, without the time; it doesn't know what a create will name."""
    path = "" if call.resource else _path(call)
    name = "" if call.verb == "create" else call.name
    return (call.user, call.verb, call.resource, call.subresource, call.namespace, name, path)


def _rule_of(call: ApiCall) -> tuple[str, ...]:
    """Denials that one rule would allow, in one namespace or in several."""
    path = "" if call.resource else _path(call)
    scope = "namespaced" if call.namespace else ""
    return (call.user, call.verb, call.resource, call.subresource, scope, path)


def _path(call: ApiCall) -> str:
    return call.uri.partition("?")[0]


def _denied(case: Case, calls: Sequence[ApiCall]) -> Finding:
    first = calls[0]
    what = request_words(first).partition(" ")[2]
    times = "once" if len(calls) == 1 else f"{len(calls)} times"
    scope = "" if first.namespace or not first.resource else " cluster-wide"
    at = utc(Stamp(mono_ns=0, wall_ns=first.received_ns)).strftime("%H:%M:%S.%f")[:-3]
    detail = [
        f"Denied: {first.verb} {what}{scope}, {times}, first at {at} UTC.",
        *_listed("In namespace", {call.namespace for call in calls}),
        *_listed("Objects", {call.name for call in calls}),
        f"Identity: {first.user}",
        *_listed("User agent", {first.user_agent}),
        *_listed("The authorizer's reason", {first.reason}),
    ]
    return case.finding(
        f"The operator was denied {first.verb} {what}{scope} {times}",
        subject=f"{first.verb} {what}",
        detail="\n".join(detail),
        remedy=(
            f"Let the operator's {_role(first)} allow {first.verb} on {what}, or stop the operator "
            "from sending the request."
        ),
        snippet=missing_rule(first),
        evidence=[call_ref(case.evidence, call) for call in calls[:_MAX_REFS]],
    )


def _listed(title: str, values: set[str]) -> list[str]:
    """One line with the first values; none where there is nothing to say."""
    names = sorted(value for value in values if value)
    more = " …" if len(names) > _SHOWN_NAMES else ""
    return [f"{title}: {', '.join(names[:_SHOWN_NAMES])}{more}"] if names else []


def request_words(call: ApiCall) -> str:
    """Returns what was asked, without the object: "create deployments.apps"."""
    if not call.resource:
        return f"{call.verb} {_path(call)}"
    what = f"{call.resource}/{call.subresource}" if call.subresource else call.resource
    return f"{call.verb} {what}"


def _role(call: ApiCall) -> str:
    return "Role or ClusterRole" if call.namespace else "ClusterRole"


def missing_rule(call: ApiCall) -> str:
    """Returns the rule that would allow a request, as YAML and as a marker."""
    plural, _, group = call.resource.partition(".")
    resource = f"{plural}/{call.subresource}" if call.subresource else plural
    if not call.resource:
        rule = [f'- nonResourceURLs: ["{_path(call)}"]']
        marker = f"urls={_path(call)},verbs={call.verb}"
    else:
        rule = [f'- apiGroups: ["{group}"]', f'  resources: ["{resource}"]']
        quoted = group or '""'
        marker = f"groups={quoted},resources={resource},verbs={call.verb}"
    return "\n".join(
        [
            *rule,
            f'  verbs: ["{call.verb}"]',
            "",
            "# or, with controller-gen, this marker beside the reconciler:",
            f"// +kubebuilder:rbac:{marker}",
        ]
    )
