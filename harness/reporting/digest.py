"""Stage 7: the few groupings that several reports share; nothing is judged anew here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.model.findings import ChecklistItem, Finding, Severity, Status
from harness.model.verdict import Verdict
from harness.reporting.text import SEVERITY_ORDER, STATUS_WORDS, count, number

if TYPE_CHECKING:
    from harness.model.checklists import AccessItem
    from harness.model.measurement import Measurement
    from harness.model.result import RunResult

__all__ = [
    "Numbered",
    "Place",
    "breakdown",
    "failed",
    "findings_of",
    "headlines",
    "is_red",
    "places",
    "ranked",
    "tally",
    "unlisted",
    "worst",
]

_SHOWN_LINES = 4
_TALLY_ORDER = (
    Status.FAIL,
    Status.NOT_VERIFIED,
    Status.WAIVED,
    Status.NOT_APPLICABLE,
    Status.PASS,
)


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its 1-based number in the result; reports link to it by the number."""

    number: int
    finding: Finding


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence that says the same in one or more places of a file.

    Attributes:
        spots: "file:line" for the first one, ":line" for some that follow.
        more: How many further lines there are.
        excerpt: What stands there; empty where the finding's detail quotes it already.
    """

    spots: tuple[str, ...]
    more: int
    excerpt: str


def places(finding: Finding | AccessItem) -> tuple[Place, ...]:
    """Returns the evidence of a finding or item; several lines of a file stand together."""
    told = finding.detail if isinstance(finding, Finding) else ""
    groups: dict[tuple[str, str], list[int]] = {}
    for ref in finding.evidence:
        groups.setdefault((ref.file, ref.excerpt), []).append(ref.line)
    return tuple(
        _place(file, excerpt if excerpt.strip() not in told else "", lines)
        for (file, excerpt), lines in groups.items()
    )


def _place(file: str, excerpt: str, lines: list[int]) -> Place:
    spots = [f"{file}:{lines[0]}" if lines[0] else file]
    spots += [f":{line}" for line in lines[1:_SHOWN_LINES]]
    return Place(spots=tuple(spots), more=max(0, len(lines) - _SHOWN_LINES), excerpt=excerpt)


def headlines(result: RunResult) -> tuple[Measurement, ...]:
    """Returns the measurements that are shown first; all where none is marked."""
    marked = tuple(item for item in result.measurements if item.headline)
    return marked or result.measurements


def breakdown(result: RunResult, whole: Measurement) -> str:
    """Returns the counts that a count is made of, for example "success 6, error 0"."""
    if whole.unit != "1" or whole.subject:
        return ""
    prefix = f"{whole.name}_"
    parts = [
        f"{part.name.removeprefix(prefix).replace('_', ' ')} {number(part.value)}"
        for part in sorted(result.measurements, key=lambda part: -part.value)
        if part.name.startswith(prefix) and part.unit == "1" and not part.subject
    ]
    return ", ".join(parts)


def ranked(result: RunResult) -> tuple[Numbered, ...]:
    """Returns all findings that aren't waived, the worst first, else in the result's order."""
    numbered = [
        Numbered(number=index, finding=finding)
        for index, finding in enumerate(result.findings, start=1)
    ]
    return tuple(sorted(numbered, key=lambda entry: SEVERITY_ORDER[entry.finding.severity]))


def findings_of(result: RunResult, item: ChecklistItem) -> tuple[Numbered, ...]:
    """Returns the findings of one check."""
    return tuple(
        Numbered(number=index + 1, finding=result.findings[index]) for index in item.findings
    )


def unlisted(result: RunResult) -> tuple[Numbered, ...]:
    """Returns the findings that no checklist item holds, for example of a failed install."""
    held = {index + 1 for item in result.checks for index in item.findings}
    return tuple(entry for entry in ranked(result) if entry.number not in held)


def failed(result: RunResult) -> tuple[ChecklistItem, ...]:
    """Returns the failed checks, the worst first."""
    return tuple(
        sorted(
            (item for item in result.checks if item.status is Status.FAIL),
            key=lambda item: SEVERITY_ORDER[worst(result, item)],
        )
    )


def worst(result: RunResult, item: ChecklistItem) -> Severity:
    """Returns the highest severity of a failed check's findings, else the check's own."""
    found = [entry.finding.severity for entry in findings_of(result, item)]
    return min(found or [item.check.severity], key=SEVERITY_ORDER.__getitem__)


def is_red(result: RunResult, severity: Severity) -> bool:
    """Whether a finding of this severity turned the verdict.

    Blocker and major always do. Minor and info do only where the verdict is "fail" and nothing
    else explains it (the run was told to fail on them).
    """
    if severity in {Severity.BLOCKER, Severity.MAJOR}:
        return True
    if result.verdict is not Verdict.FAIL:
        return False
    graver = any(
        finding.severity in {Severity.BLOCKER, Severity.MAJOR} for finding in result.findings
    )
    return not graver and all(gate.met is not False for gate in result.gates)


def tally(result: RunResult) -> tuple[tuple[Status, int, str], ...]:
    """Returns how many checks have each status, as (status, amount, words); none is left out."""
    amounts = {status: 0 for status in _TALLY_ORDER}
    for item in result.checks:
        amounts[item.status] += 1
    return tuple(
        (status, amount, f"{count(amount, 'check')} {STATUS_WORDS[status].lower()}")
        for status, amount in amounts.items()
        if amount
    )
