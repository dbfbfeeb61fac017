"""Stage 6: the checklists of permissions and scope, out of checks and findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.checklists import AccessChecklist, AccessItem
from harness.model.findings import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.model.access import RbacReport
    from harness.model.findings import CheckInfo, ChecklistItem, Finding

__all__ = ["access_checklists"]

_LISTS = {
    "RBA": ("permissions", "Permissions: what is granted, used and dangerous"),
    "SCO": ("scope", "Scope: where the operator works, and where it doesn't"),
}


def access_checklists(
    checks: Sequence[ChecklistItem],
    *,
    findings: Iterable[Finding],
    waived: Iterable[Finding],
    permissions: RbacReport | None,
) -> tuple[AccessChecklist, ...]:
    """Returns a checklist for each family that was judged.

    A check that is broken has a row for each finding, waived ones too; any other check has one
    row. What can't be verified is never left out: a list without gaps must mean that there are
    none.

    Args:
        checks: Of the run.
        findings: Those that count.
        waived: Those that a waiver excuses.
        permissions: What the run says of grants; its gap is the list's.
    """
    found: dict[str, list[Finding]] = {}
    for finding in (*findings, *waived):
        found.setdefault(finding.check, []).append(finding)
    lists = []
    for family, (name, title) in _LISTS.items():
        held = [item for item in checks if item.check.id.partition("-")[0] == family]
        if not held:
            continue
        items = tuple(row for item in held for row in _rows(item, found.get(item.check.id, ())))
        gap = permissions.gap if permissions and name == "permissions" else ""
        lists.append(AccessChecklist(name=name, title=title, items=items, gap=gap or _gap(items)))
    return tuple(lists)


def _rows(item: ChecklistItem, findings: Sequence[Finding]) -> Iterator[AccessItem]:
    yield from (_broken(item.check, finding) for finding in findings)
    if not findings:
        yield AccessItem(
            id=item.check.id,
            title=item.check.title,
            state=item.status,
            severity=item.check.severity,
            controls=item.check.refs,
            reason=item.reason,
        )


def _broken(check: CheckInfo, finding: Finding) -> AccessItem:
    remedy = " ".join(finding.remedy.split())
    return AccessItem(
        id=check.id,
        title=finding.title,
        state=Status.WAIVED if finding.waiver else Status.FAIL,
        severity=finding.severity,
        controls=check.refs,
        subject=finding.subject,
        holder=finding.holder,
        evidence=finding.evidence,
        remediation="\n".join(part for part in (remedy, finding.snippet) if part),
        waiver=finding.waiver,
    )


def _gap(items: Sequence[AccessItem]) -> str:
    """What lacks evidence where nothing else has said so."""
    loud = [item.reason for item in items if item.reason.startswith("AUDIT EVIDENCE IS MISSING")]
    return loud[0] if loud else ""
