"""Stage 5, SCO-101: requests out of the declared scope, by the authorizer's decisions."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from harness.analysis.scope.declared import Declared
from harness.analysis.writes import audit_gap, call_ref, operator_calls
from harness.evidence.writes import is_write

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.evidence.calllog import CallLog, CallShape
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.records import ApiCall

__all__ = ["requests_stay_in_scope"]

_AT_ONCE = frozenset({"list", "watch", "deletecollection"})
_MAX_REFS = 10
_SHOWN = 5


def requests_stay_in_scope(case: Case) -> CheckOutcome:
    """SCO-101: judged on every request that was allowed, whatever became of it."""
    gap = audit_gap(case.evidence)
    if gap:
        return case.undecided(gap)
    declared = Declared(case.evidence)
    if not declared.is_unlimited and not declared.is_known:
        return case.undecided("which resources are namespaced was not recorded")
    calls = operator_calls(case.evidence)
    kinds = {
        shape: _transgression(shape, declared) if shape.decision == "allow" else ""
        for shape in calls.shapes()
    }
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in calls.rows():
        if kinds[row.shape]:
            groups[kinds[row.shape], _what(row.shape)].append(row.position)
    return case.decided(
        [_finding(case, kind, calls.pick(held), declared) for (kind, _), held in groups.items()]
    )


def _transgression(call: CallShape, declared: Declared) -> str:
    """Returns how a request leaves the scope: "foreign", "wide", "cluster"; empty if it doesn't."""
    if not call.resource:
        return ""
    namespace = declared.place_of(call.resource, call.namespace)
    if namespace:
        return "" if _may_be_asked(call, namespace, declared) else "foreign"
    if declared.is_namespaced(call.resource):
        return "wide" if call.verb in _AT_ONCE and not declared.is_unlimited else ""
    written = is_write(call.verb, call.resource, call.subresource)
    return "cluster" if written and call.resource not in declared.writes else ""


def _may_be_asked(call: CallShape, namespace: str, declared: Declared) -> bool:
    if declared.serves(namespace):
        return True
    return namespace in declared.own and call.resource not in declared.customs


def _finding(case: Case, kind: str, calls: CallLog, declared: Declared) -> Finding:
    first = calls[0]
    what = _what(first)
    times = "once" if len(calls) == 1 else f"{len(calls)} times"
    places = _listed({shape.namespace for shape in calls.shapes()})
    title = {
        "foreign": f"The operator sent {what} {times} outside its namespaces, to {places}",
        "wide": f"The operator sent {what} {times} for all namespaces at once",
        "cluster": f"The operator sent {what} {times}, a cluster-scoped kind that it doesn't "
        "declare",
    }[kind]
    detail = [
        f"Declared: {declared.words()}.",
        *([f"Objects: {names}"] if (names := _listed({row.name for row in calls.rows()})) else []),
        f"Identity: {first.user}",
        f"The authorizer's reason: {first.reason}",
    ]
    declare = f"Name {first.resource} in scope.owns, or stop writing it."
    return case.finding(
        title,
        subject=what,
        detail="\n".join(detail),
        remedy=declare if kind == "cluster" else "",
        evidence=[call_ref(case.evidence, call) for call in calls[:_MAX_REFS]],
    )


def _what(call: ApiCall | CallShape) -> str:
    resource = f"{call.resource}/{call.subresource}" if call.subresource else call.resource
    return f"{call.verb} {resource}"


def _listed(values: set[str]) -> str:
    names = sorted(value for value in values if value)
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
