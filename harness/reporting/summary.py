"""Stage 7: `summary.md`, the summary of a CI job (GitHub's job summary, GitLab's comment)."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from harness.model.findings import Status
from harness.reporting.digest import (
    breakdown,
    failed,
    findings_of,
    headlines,
    tally,
    unlisted,
    worst,
)
from harness.reporting.load import COST_HEADER, GROWTH_HEADER, cost_rows, growth_rows
from harness.reporting.soak import HEADER, soak_table
from harness.reporting.text import (
    GATE_WORDS,
    PROOF_WORDS,
    STATUS_WORDS,
    VERDICT_WORDS,
    count,
    duration,
    interval,
    moment,
    number,
    one_line,
    quantity,
    suites,
    target,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.access import RbacReport
    from harness.model.checklists import AccessItem
    from harness.model.findings import Finding
    from harness.model.measurement import GateResult
    from harness.model.result import RunResult

__all__ = ["escaped", "render_summary"]

# At the start of a line: what would begin a heading, a list or a quotation. Anywhere: markup,
# the dot of "www." and the colon of a URL or of an emoji's short name.
_SPECIAL = re.compile(
    r"^[-+=]|^\d+[.)](?= |$)|[\\`*_\[\]|~$&<>@#]|(?<=\bwww)\."
    r"|:(?=//)|:(?=(?:[a-z+-]|100)[\w+-]*:)",
    re.IGNORECASE,
)
_ENTITIES = {char: f"&#{ord(char)};" for char in "@#.:"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SHOWN_FINDINGS = 30
_SHOWN_MEASUREMENTS = 20
_SHOWN_ITEMS = 40
_QUIET = frozenset({Status.PASS, Status.NOT_APPLICABLE})


def render_summary(result: RunResult) -> str:
    """Returns the summary as GitHub-flavoured Markdown."""
    run = result.run
    blocks = [
        f"## {VERDICT_WORDS[result.verdict]}: {escaped(target(run))}, {escaped(suites(run))}",
        escaped(result.sentence),
        f"{escaped(run.cluster_provider) or 'no'} cluster, {escaped(moment(run.started))}, "
        f"{escaped(duration(run.duration_s))}. {_tally(result)}",
        *_errors(result),
        *_failures(result),
        *_checklists(result),
        *_gates(result.gates),
        *_proofs(result.permissions),
        *_measurements(result),
        *_growth(result),
        *_soak(result),
        f"Everything else is in `report.html` of run {escaped(run.id)}.",
    ]
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Returns text as one line of Markdown that shows exactly these characters.

    Nothing in it becomes markup, HTML, a link, a mention, an emoji, a list or a table cell.
    """
    return _SPECIAL.sub(_escape, one_line(text))


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    if found in _ENTITIES:
        return _ENTITIES[found]
    return f"{found[:-1]}\\{found[-1]}"


def _tally(result: RunResult) -> str:
    words = ", ".join(
        f"{amount} {status.value.replace('_', ' ')}" for status, amount, _ in tally(result)
    )
    return f"Checks: {words}." if words else "No check was judged."


def _table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [
        f"### {caption}",
        "",
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
        *("| " + " | ".join(escaped(cell) for cell in row) + " |" for row in rows),
    ]
    return "\n".join(lines)


def _errors(result: RunResult) -> list[str]:
    if not result.errors:
        return []
    rows = [(note.where, note.message, note.hint) for note in result.errors]
    return [_table("What broke in the harness", ("Where", "What", "What to do"), rows)]


def _failures(result: RunResult) -> list[str]:
    rows = [_row(entry.finding) for entry in unlisted(result)]
    for item in failed(result):
        found = [_row(entry.finding) for entry in findings_of(result, item)]
        check = item.check
        rows += found or [(check.id, worst(result, item).value, check.title, check.remedy)]
    if not rows:
        return []
    shown = rows[:_SHOWN_FINDINGS]
    header = ("Check", "Severity", "What is wrong", "Remedy")
    blocks = [_table("Failed checks", header, shown)]
    if len(rows) > len(shown):
        blocks.append(f"{count(len(rows) - len(shown), 'more finding')} in the report.")
    return blocks


def _checklists(result: RunResult) -> list[str]:
    """Rows that need a look; those that pass or don't apply are counted."""
    blocks = []
    for held in result.checklists:
        rows = [_item(item) for item in held.items if item.state not in _QUIET]
        tally = Counter(STATUS_WORDS[item.state].lower() for item in held.items)
        words = ", ".join(f"{amount} {word}" for word, amount in tally.items())
        if held.gap:
            blocks.append(f"**Not verified: {escaped(held.gap)}.**")
        if rows:
            header = ("State", "Item", "What", "Severity", "Control", "Subject", "Evidence")
            blocks.append(_table(held.title, header, rows[:_SHOWN_ITEMS]))
        more = f" {len(rows) - _SHOWN_ITEMS} rows are in the report." if rows[_SHOWN_ITEMS:] else ""
        blocks.append(f"{escaped(held.name.capitalize())} checklist: {words}.{more}")
    return blocks


def _item(item: AccessItem) -> tuple[str, ...]:
    holder = item.holder
    rules = f" rule {', '.join(map(str, holder.rules))}" if holder and holder.rules else ""
    first = item.evidence[0] if item.evidence else None
    excuse = item.waiver
    return (
        STATUS_WORDS[item.state],
        item.id,
        item.title
        + (f" ({item.reason})" if item.reason else "")
        + (f" (until {excuse.expires}: {excuse.reason})" if excuse else ""),
        item.severity.value,
        "; ".join(item.controls),
        f"{item.subject}{rules}",
        (f"{first.file}:{first.line}" if first.line else first.file) if first else "",
    )


def _row(finding: Finding) -> tuple[str, str, str, str]:
    return (
        finding.check,
        finding.severity.value,
        finding.title,
        finding.remedy,
    )


def _gates(gates: Sequence[GateResult]) -> list[str]:
    if not gates:
        return []
    rows = [
        (
            GATE_WORDS[result.met],
            result.gate.measurement,
            f"{result.gate.operator} {quantity(result.gate.bound, result.gate.unit)}",
            quantity(result.measured.value, result.measured.unit) if result.measured else "",
            result.reason,
        )
        for result in gates
    ]
    return [_table("Gates", ("Gate", "Measurement", "Bound", "Measured", "Why"), rows)]


def _proofs(permissions: RbacReport | None) -> list[str]:
    """Whether the smallest roles did; and the rules that they lack, ready to paste."""
    if permissions is None or not permissions.proofs:
        return []
    rows = [
        (proof.identity, PROOF_WORDS[proof.state], proof.reason) for proof in permissions.proofs
    ]
    rules = [denial.rule for proof in permissions.proofs for denial in proof.denied]
    return [
        _table("Smallest roles", ("Identity", "Proof", "Why"), rows),
        *(["What they lack:"] if rules else []),
        *("\n".join(f"    {one_line(line)}" for line in rule.splitlines()) for rule in rules),
    ]


def _measurements(result: RunResult) -> list[str]:
    shown = headlines(result)[:_SHOWN_MEASUREMENTS]
    if not shown:
        return []
    intervals = any(interval(measured) for measured in shown)
    parted = any(breakdown(result, measured) for measured in shown)
    rows = [
        (
            " ".join(part for part in (measured.name, measured.subject) if part),
            quantity(measured.value, measured.unit),
            *((interval(measured),) if intervals else ()),
            number(measured.n),
            *((breakdown(result, measured),) if parted else ()),
        )
        for measured in shown
    ]
    optional = ((intervals, "95 % interval"), (True, "n"), (parted, "Of these"))
    header = ("Measurement", "Value", *(name for wanted, name in optional if wanted))
    return [_table("Measurements", header, rows)]


def _growth(result: RunResult) -> list[str]:
    rows, costs = growth_rows(result.load), cost_rows(result.load)
    return [
        *([_table("Growth with the number of objects", GROWTH_HEADER, rows)] if rows else []),
        *([_table("What each object costs", COST_HEADER, costs)] if costs else []),
    ]


def _soak(result: RunResult) -> list[str]:
    found = soak_table(result.soak)
    if found is None:
        return []
    rows = [
        (row.verdict, row.name, f"{row.slope} {row.interval}".strip(), row.growth, row.detectable)
        for row in found.rows
    ]
    header = ("Verdict", *HEADER)
    return [_table("Soak", header, rows), *map(escaped, found.notes)]
