"""Stage 5, API-017, API-020 and API-021: the status apart, columns that show, scale that scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.features.answers import Json, shown, taken
from harness.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome, Finding

__all__ = ["columns_show", "scale_scales", "status_is_apart"]

_SNIPPET = "subresources:\n  status: {}\n"


def status_is_apart(case: WindowCase) -> CheckOutcome:
    """API-017: spec and status are written in different places, and neither by the other's."""
    facts = case.phase.facts
    if not facts.get("has_status"):
        return case.inapplicable("the kind has no status")
    return case.decided(list(_mixed(case)))


def _mixed(case: WindowCase) -> Iterator[Finding]:
    facts = case.phase.facts
    kind = facts.get("kind")
    served: Json = facts.get("served") or {}
    main: Json = facts.get("main") or {}
    sub: Json = facts.get("sub") or {}
    if not taken(served):
        yield case.finding(
            f"{kind} doesn't serve its status as a subresource",
            detail=f"GET of .../status was answered with {served.get('status')}: "
            f"{served.get('message')}",
            snippet=_SNIPPET,
        )
    if main.get("changed"):
        yield case.finding(
            f"A write to {kind} itself changes its status",
            detail="A dry run of a merge patch with `status: null` to the object itself took the "
            "status away. Whoever may edit the spec may forge the status, and each edit of a user "
            "with an old copy puts the old status back.",
            snippet=_SNIPPET,
        )
    if sub.get("spec_changed"):
        yield case.finding(f"A write to the status of {kind} changes its spec")


def columns_show(case: WindowCase) -> CheckOutcome:
    """API-020: the table has each column, and none is empty that has something to show."""
    columns: list[Json] = case.phase.facts.get("columns") or []
    if not columns:
        return case.inapplicable("no version of the CRD declares printer columns")
    table: Json = case.phase.facts.get("table") or {}
    if not taken(table):
        return case.failed(
            case.finding(
                f"The API server can't show {case.phase.facts.get('kind')} as a table",
                detail=f"It answered {table.get('status')}: {table.get('message')}",
            )
        )
    return case.decided(
        [
            case.finding(
                f"The column {column['name']} of {case.phase.facts.get('kind')} {why}",
                subject=f"{case.subject}, column {column['name']}",
                detail=f"jsonPath {column['path']}, type {column['type']}; the object has "
                f"{shown(column['value'])} there, and the cell is {shown(column['cell'])}.",
                severity=severity,
            )
            for column in columns
            for why, severity in _blank(column)
        ]
    )


def _blank(column: Json) -> Iterator[tuple[str, Severity | None]]:
    if not column["served"]:
        yield "isn't in the table", None
    elif column["cell"] not in {None, "", "<none>", "<unknown>", "<invalid>"}:
        return
    elif column["found"] and column["value"] != "":
        yield f"is empty, though {column['path']} is {shown(column['value'])}", None
    elif not column["leads"]:
        yield f"is empty: {column['path']} leads to no field", None
    elif "[?" in column["path"]:
        yield f"is empty on a converged object: {column['path']} selects nothing", Severity.MINOR


def scale_scales(case: WindowCase) -> CheckOutcome:
    """API-021: scale shows and changes the spec's replicas, and follows the status."""
    facts = case.phase.facts
    if not facts.get("paths"):
        return case.inapplicable("the CRD declares no scale subresource")
    return case.decided(list(_unscaled(case)))


def _unscaled(case: WindowCase) -> Iterator[Finding]:
    facts, paths = case.phase.facts, case.phase.facts["paths"]
    kind, spec = facts.get("kind"), paths.get("specReplicasPath")
    before: Json = facts.get("before") or {}
    put: Json = facts.get("put") or {}
    after: Json = facts.get("after") or {}
    if not taken(before):
        yield case.finding(
            f"The scale of {kind} can't be read",
            detail=f"GET of .../scale was answered with {before.get('status')}: "
            f"{before.get('message')}",
        )
        return
    if before["own"] is None or before["replicas"] != before["own"]:
        yield case.finding(
            f"The scale of {kind} shows {shown(before['replicas'])} replicas, but {spec} is "
            f"{shown(before['own'])}",
            detail=f"specReplicasPath is {spec}.",
        )
    if not taken(put):
        yield case.finding(
            f"The scale of {kind} can't be set to {put.get('wanted')}",
            detail=f"PUT of .../scale was answered with {put.get('status')}: {put.get('message')}",
        )
    elif put["own"] != put["wanted"]:
        yield case.finding(
            f"Scaling {kind} to {put['wanted']} leaves {spec} at {shown(put['own'])}",
            detail="A HorizontalPodAutoscaler or `kubectl scale` would change nothing.",
        )
    elif facts.get("settled") and after.get("status_replicas") != put["wanted"]:
        yield case.finding(
            f"{kind} was scaled to {put['wanted']} and is ready, but its scale reports "
            f"{shown(after.get('status_replicas'))} replicas",
            detail=f"statusReplicasPath is {paths.get('statusReplicasPath')}; what stands there is "
            f"{shown(after.get('own_status'))}.",
        )
    if paths.get("labelSelectorPath") and facts.get("settled") and not after.get("selector"):
        yield case.finding(
            f"The scale of {kind} has no selector",
            detail=f"labelSelectorPath is {paths['labelSelectorPath']}; nothing stands there: a "
            "HorizontalPodAutoscaler finds no pods.",
        )
