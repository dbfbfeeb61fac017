"""Stage 7: what a terminal says when a run has ended; plain lines without colour.

Every line is free of control characters, whatever an operator has written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.reporting.digest import failed, findings_of, tally, unlisted, worst
from harness.reporting.text import (
    GATE_WORDS,
    count,
    duration,
    one_line,
    quantity,
    suites,
    target,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.evidence.folder import RunFolder
    from harness.model.findings import Finding
    from harness.model.measurement import GateResult
    from harness.model.result import RunResult

__all__ = ["terminal_lines", "terminal_summary"]

_SHOWN_FINDINGS = 20


def terminal_summary(result: RunResult, run: RunFolder) -> str:
    """Returns the closing lines as one text, with the report's path at its end."""
    return "\n".join(terminal_lines(result, report=run.report("report.html")))


def terminal_lines(result: RunResult, *, report: Path | None = None) -> tuple[str, ...]:
    """Returns the closing lines of a run.

    Args:
        result: The run's result.
        report: Path of report.html, printed last; None where none was written.
    """
    run = result.run
    lines = [
        f"Verdict: {result.verdict.upper()}   {target(run)}, {suites(run)}, "
        f"{one_line(run.cluster_provider)} cluster, {duration(run.duration_s)}",
        one_line(result.sentence),
        *_failures(result),
        *(_gate(gate) for gate in result.gates if gate.met is not True),
        *_errors(result),
    ]
    if result.checks:
        words = ", ".join(
            f"{amount} {status.value.replace('_', ' ')}" for status, amount, _ in tally(result)
        )
        lines.append(f"Checks: {words}")
    if report is not None:
        lines.append(f"Report: {one_line(str(report))}")
    return tuple(line for line in lines if line)


def _failures(result: RunResult) -> Iterator[str]:
    findings: list[Finding] = [entry.finding for entry in unlisted(result)]
    for item in failed(result):
        found = [entry.finding for entry in findings_of(result, item)]
        findings += found
        if not found:
            check = item.check
            yield _line(check.id, worst(result, item).value, check.title, "", check.remedy)
    for finding in findings[:_SHOWN_FINDINGS]:
        yield _line(
            finding.check, finding.severity.value, finding.title, finding.subject, finding.remedy
        )
    if len(findings) > _SHOWN_FINDINGS:
        yield f"  {count(len(findings) - _SHOWN_FINDINGS, 'more finding')} in the report"


def _line(check: str, severity: str, title: str, subject: str, remedy: str) -> str:
    parts: Sequence[str] = [
        f"  {one_line(check)} {severity}: {_sentence(title)}",
        f"[{one_line(subject)}]" if subject else "",
        f"Remedy: {_sentence(remedy)}" if remedy else "",
    ]
    return " ".join(part for part in parts if part)


def _sentence(text: str) -> str:
    line = one_line(text)
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _gate(result: GateResult) -> str:
    gate = result.gate
    bound = f"{one_line(gate.measurement)} {gate.operator} {quantity(gate.bound, gate.unit)}"
    return f"  gate {bound}: {GATE_WORDS[result.met].lower()}. {one_line(result.reason)}"


def _errors(result: RunResult) -> Iterator[str]:
    for note in result.errors:
        hint = f" {_sentence(note.hint)}" if note.hint else ""
        yield f"  harness error in {one_line(note.where)}: {_sentence(note.message)}{hint}"
