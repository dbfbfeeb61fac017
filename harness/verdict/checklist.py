"""Stage 6: one row for each check over all the windows in which it was judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.findings import CheckInfo, ChecklistItem, CheckOutcome, Finding, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["checklist"]

_WORST_FIRST = (
    Status.FAIL,
    Status.NOT_VERIFIED,
    Status.WAIVED,
    Status.PASS,
    Status.NOT_APPLICABLE,
)
_DECIDED = frozenset({Status.PASS, Status.FAIL, Status.WAIVED})


def checklist(
    outcomes: Sequence[CheckOutcome],
    *,
    catalogue: Mapping[str, CheckInfo],
    findings: Sequence[Finding],
) -> tuple[ChecklistItem, ...]:
    """Returns the checklist, in the order in which checks first come in `outcomes`.

    Args:
        outcomes: Of all checks in all windows.
        catalogue: What each check is.
        findings: Those that count; a failed check none of whose findings counts is waived.
    """
    counted = {(finding.check, finding.window) for finding in findings}
    rows: dict[str, list[tuple[Status, CheckOutcome]]] = {}
    for outcome in outcomes:
        rows.setdefault(outcome.check, []).append((_status(outcome, counted), outcome))
    return tuple(_item(catalogue[check], group, findings) for check, group in rows.items())


def _status(outcome: CheckOutcome, counted: set[tuple[str, str]]) -> Status:
    if outcome.status is not Status.FAIL:
        return outcome.status
    marks = {(finding.check, finding.window) for finding in outcome.findings}
    return Status.FAIL if marks & counted or not marks else Status.WAIVED


def _item(
    info: CheckInfo, group: Sequence[tuple[Status, CheckOutcome]], findings: Sequence[Finding]
) -> ChecklistItem:
    worst = min((status for status, _ in group), key=_WORST_FIRST.index)
    decided = sum(status in _DECIDED for status, _ in group)
    reasons = [outcome.reason for status, outcome in group if status is worst]
    reason = reasons[0]
    if reason and len(group) > 1:
        reason = f"{reason} ({len(reasons)} of {len(group)} windows)"
    return ChecklistItem(
        check=info,
        status=worst,
        reason=reason,
        outcomes=decided,
        findings=tuple(n for n, finding in enumerate(findings) if finding.check == info.id),
    )
