"""Stage 5, RBA: what the operator was denied."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from harness.analysis.scope.deprived import is_deprived
from harness.analysis.writes import audit_gap, call_ref, operator_calls
from harness.clock import utc
from harness.model.findings import Holder
from harness.model.time import Stamp

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.evidence.calllog import CallLog, CallRow, CallShape
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


def denied_calls(evidence: Evidence) -> tuple[CallLog, ...]:
    """Returns what the operator was denied, those together that one rule would allow.

    A denial after which the same request was allowed is left out: a role that was just given
    reaches the authorizer a moment later. So is one while a suite held back rights on purpose.
    """
    calls = operator_calls(evidence)
    denied = calls.where(_is_denied)
    last_allowed = _last_allowed(calls, {_request(row) for row in denied.rows()})
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row in denied.rows():
        lag = last_allowed.get(_request(row), 0) > row.received_ns
        if not lag and not is_deprived(evidence, row.received_ns):
            groups[_rule_of(row)].append(row.position)
    return tuple(denied.pick(group) for group in groups.values())


def _is_denied(call: CallShape) -> bool:
    return call.decision == "forbid"


def _is_allowed(call: CallShape) -> bool:
    return call.decision == "allow"


def _last_allowed(calls: CallLog, wanted: set[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """Returns when each of the wanted requests was last allowed, if ever."""
    last: dict[tuple[str, ...], int] = {}
    for row in calls.where(_is_allowed).rows() if wanted else ():
        what = _request(row)
        if what in wanted:
            last[what] = max(row.received_ns, last.get(what, 0))
    return last


def _request(row: CallRow) -> tuple[str, ...]:
    """What the authorizer is asked, without the time; it doesn't know what a create will name."""
    shape = row.shape
    path = "" if shape.resource else row.uri.partition("?")[0]
    name = "" if shape.verb == "create" else row.name
    return (
        *(shape.user, shape.verb, shape.resource, shape.subresource, shape.namespace),
        *(name, path),
    )


def _rule_of(row: CallRow) -> tuple[str, ...]:
    """Denials that one rule would allow, in one namespace or in several."""
    shape = row.shape
    path = "" if shape.resource else row.uri.partition("?")[0]
    scope = "namespaced" if shape.namespace else ""
    return (shape.user, shape.verb, shape.resource, shape.subresource, scope, path)


def _path(call: ApiCall) -> str:
    return call.uri.partition("?")[0]


def _denied(case: Case, calls: CallLog) -> Finding:
    first = calls[0]
    what = request_words(first).partition(" ")[2]
    times = "once" if len(calls) == 1 else f"{len(calls)} times"
    scope = "" if first.namespace or not first.resource else " cluster-wide"
    at = utc(Stamp(mono_ns=0, wall_ns=first.received_ns)).strftime("%H:%M:%S.%f")[:-3]
    shapes = calls.shapes()
    detail = [
        f"Denied: {first.verb} {what}{scope}, {times}, first at {at} UTC.",
        *_listed("In namespace", {shape.namespace for shape in shapes}),
        *_listed("Objects", {row.name for row in calls.rows()}),
        f"Identity: {first.user}",
        *_listed("User agent", {shape.user_agent for shape in shapes}),
        *_listed("The authorizer's reason", {shape.reason for shape in shapes}),
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
        holder=Holder(identity=first.user),
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
