"""Stage 7: what a terminal says when a run has ended.

Every line is free of control characters, whatever an operator has written; only the verdict's
own word is coloured, and only where a person looks at it.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from harness.evidence.loglines import readable
from harness.model.verdict import Verdict
from harness.reporting.digest import failed, findings_of, tally, unlisted, worst
from harness.reporting.text import (
    GATE_WORDS,
    PROOF_WORDS,
    count,
    duration,
    one_line,
    quantity,
    suites,
    target,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.evidence.folder import RunFolder
    from harness.model.findings import Finding
    from harness.model.measurement import GateResult
    from harness.model.result import RunResult

__all__ = ["terminal_lines", "terminal_summary"]

_SHOWN_FINDINGS = 20
_SHOWN_TAIL = 5
_WIDTH = 100
"""Of lines where nobody told: logs of a CI job."""
_NARROWEST = 40
_WIDEST = 120
_COLOURS = {Verdict.PASS: "32", Verdict.FAIL: "31", Verdict.ERROR: "35"}
_DOUBT = "33"


def terminal_summary(result: RunResult, run: RunFolder) -> str:
    """Returns the closing lines as one text, with the report's path at its end.

    They are as wide as the terminal, and coloured where standard output is one; NO_COLOR and
    TERM=dumb are heeded.
    """
    live = sys.stdout.isatty()
    width = shutil.get_terminal_size((_WIDTH, 24)).columns if live else _WIDTH
    lines = terminal_lines(result, report=run.report("report.html"), width=width)
    plain = not live or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return "\n".join(lines if plain else (_coloured(lines[0], result.verdict), *lines[1:]))


def terminal_lines(
    result: RunResult, *, report: Path | None = None, width: int = _WIDTH
) -> tuple[str, ...]:
    """Returns the closing lines of a run, without colour.

    Args:
        result: The run's result.
        report: Path of report.html, printed last, never wrapped; None where none was written.
        width: Of the terminal, in characters.
    """
    width = min(_WIDEST, max(_NARROWEST, width)) - 1
    lines = [_head(result), *_wrapped(result.sentence, width)]
    for block in (*_failures(result), *_gates(result), *_proofs(result), *_errors(result)):
        lines += [
            "",
            *(line for text, *indents in block for line in _wrapped(text, width, *indents)),
        ]
    lines += _tail(result, width)
    if len(lines) > 3:  # noqa: PLR2004 - the head alone needs no air
        lines.append("")
    if result.checks:
        words = ", ".join(
            f"{amount} {status.value.replace('_', ' ')}" for status, amount, _ in tally(result)
        )
        lines.append(f"Checks: {words}")
    if report is not None:
        lines.append(f"Report: {one_line(str(report))}")
    return tuple(lines)


_Block = tuple[tuple[str, str, str], ...]  # texts, each with its first and its further indents
_TITLE, _BODY = ("  ", "    "), ("    ", "    ")


def _head(result: RunResult) -> str:
    run = result.run
    suite = " suite" if run.suites else ""
    parts = (
        target(run),
        f"{suites(run)}{suite}",
        f"{one_line(run.cluster_provider) or 'no'} cluster",
    )
    return f"Verdict: {result.verdict.upper()}   {', '.join(parts)}, {duration(run.duration_s)}"


def _coloured(head: str, verdict: Verdict) -> str:
    word = verdict.upper()
    return head.replace(word, f"\x1b[1;{_COLOURS.get(verdict, _DOUBT)}m{word}\x1b[0m", 1)


def _wrapped(text: str, width: int, first: str = "", further: str = "") -> list[str]:
    """Breaks between words; what is longer than a line (a path, a name) stays whole."""
    return textwrap.wrap(
        one_line(text),
        width,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _failures(result: RunResult) -> Iterator[_Block]:
    findings: list[Finding] = [entry.finding for entry in unlisted(result)]
    for item in failed(result):
        found = [entry.finding for entry in findings_of(result, item)]
        findings += found
        if not found:
            check = item.check
            yield _block(check.id, worst(result, item).value, check.title, check.remedy)
    alike = Counter((each.check, each.severity, each.title, each.remedy) for each in findings)
    for (name, severity, title, remedy), amount in list(alike.items())[:_SHOWN_FINDINGS]:
        where = f" (in {amount} windows)" if amount > 1 else ""
        yield _block(name, severity.value, f"{title.rstrip('.')}{where}", remedy)
    if len(alike) > _SHOWN_FINDINGS:
        yield ((f"{count(len(alike) - _SHOWN_FINDINGS, 'more finding')} in the report", *_TITLE),)


def _block(check: str, severity: str, title: str, remedy: str) -> _Block:
    head = (f"{check} {severity}: {_sentence(title)}", *_TITLE)
    return (head, (f"Remedy: {_sentence(remedy)}", *_BODY)) if remedy else (head,)


def _sentence(text: str) -> str:
    line = one_line(text)
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _gates(result: RunResult) -> Iterator[_Block]:
    for gate in result.gates:
        if gate.met is not True:
            yield ((_gate(gate), *_TITLE),)


def _gate(result: GateResult) -> str:
    gate = result.gate
    bound = f"{one_line(gate.measurement)} {gate.operator} {quantity(gate.bound, gate.unit)}"
    return f"gate {bound}: {GATE_WORDS[result.met].lower()}. {_sentence(result.reason)}"


def _proofs(result: RunResult) -> Iterator[_Block]:
    for proof in result.permissions.proofs if result.permissions else ():
        word = PROOF_WORDS[proof.state].lower()
        account = proof.identity.removeprefix("system:serviceaccount:").replace(":", "/")
        who = f"smallest role of {one_line(account)}"
        yield ((f"{who}: {word}, {_sentence(proof.reason)}", *_TITLE),)


def _errors(result: RunResult) -> Iterator[_Block]:
    for note in result.errors:
        head = (f"harness error in {one_line(note.where)}: {_sentence(note.message)}", *_TITLE)
        yield (head, (_sentence(note.hint), *_BODY)) if note.hint else (head,)


def _tail(result: RunResult, width: int) -> list[str]:
    """The operator's last lines, where it died or never became ready."""
    if not result.tail:
        return []
    lines = ["", "  The operator's last lines:"]
    for line in result.tail[-_SHOWN_TAIL:]:
        lines += _wrapped(readable(line), width, "    ", "      ")
    return lines
