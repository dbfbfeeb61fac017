"""A comparison of two builds, as text for a terminal, as Markdown for a review, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.model.verdict import Verdict
from harness.reporting.text import number, one_line, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model.comparison import Change, Comparison

__all__ = ["Compared", "as_json", "as_markdown", "as_text", "compared", "overall"]

_WORDS = {
    Verdict.PASS: "Not slower than the gate allows",
    Verdict.FAIL: "Slower than the gate allows",
    Verdict.INCONCLUSIVE: "Can't be decided",
}
_HEADS = ("Figure", "Base", "Head", "Change", "95 % interval", "Gate", "Result")


def overall(found: Iterable[Comparison]) -> Verdict:
    """Returns the verdict of several: fail before inconclusive before pass."""
    verdicts = {item.verdict for item in found}
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE)
    return next((one for one in order if one in verdicts), Verdict.PASS)


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One table, as every report has it."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...]


def compared(found: Iterable[Comparison]) -> tuple[Compared, ...]:
    """Returns the tables of a report."""
    return tuple(
        Compared(
            title=_title(item),
            heads=_HEADS,
            rows=tuple(map(_row, item.changes)),
            remarks=tuple(_remarks(item)),
        )
        for item in found
    )


def as_text(found: Sequence[Comparison]) -> str:
    """Returns aligned tables, each with how sure it is."""
    parts = [_WORDS[overall(found)]]
    for item in compared(found):
        rows = [item.heads, *item.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(item.heads))]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )
        parts.append("\n".join([item.title, "", *lines] if item.rows else [item.title]))
        parts.append("\n".join(item.remarks))
    return "\n\n".join(parts) + "\n"


def as_markdown(found: Sequence[Comparison]) -> str:
    """Returns tables for a pull request."""
    parts = [f"**{_WORDS[overall(found)]}**"]
    for item in compared(found):
        rows = [item.heads, ("---",) * len(item.heads), *item.rows] if item.rows else []
        lines = ("| " + " | ".join(row) + " |" for row in rows)
        parts.append(f"{_escaped(item.title)}\n\n" + "\n".join(lines))
        parts.append("\n".join(f"- {_escaped(line)}" for line in item.remarks))
    return "\n\n".join(parts) + "\n"


def as_json(found: Sequence[Comparison]) -> str:
    """Returns the verdict and all figures, for programs."""
    verdict = overall(found)
    document: dict[str, Any] = {
        "verdict": verdict,
        "exit_code": int(verdict.exit_code),
        "comparisons": [{"verdict": item.verdict, **msgspec.to_builtins(item)} for item in found],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _title(item: Comparison) -> str:
    phase = f", phase {one_line(item.phase)}" if item.phase else ""
    return f"Base {one_line(item.base)}, head {one_line(item.head)}{phase}"


def _row(change: Change) -> tuple[str, ...]:
    return (
        change.name,
        quantity(change.base, change.unit),
        quantity(change.head, change.unit),
        _percent(change.ratio),
        f"{_percent(change.low)} to {_percent(change.high)}",
        "none" if change.allowed is None else f"{number(100 * change.allowed)} % worse",
        _result(change),
    )


def _result(change: Change) -> str:
    if not change.passes:
        return "beyond the gate"
    return "across the gate" if change.undecided else str(change.direction)


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"


def _remarks(item: Comparison) -> list[str]:
    found = [f"Can't be decided: {one_line(doubt)}." for doubt in (*item.doubts, *item.lacking)]
    if item.flattered:
        found.append(f"No proof that head is as fast: {one_line(item.flattered)}.")
    across = [change.name for change in item.changes if change.undecided]
    if across:
        found.append(
            f"The interval of {', '.join(across)} reaches across the gate: more load makes it "
            "narrower."
        )
    reach = ", ".join(
        f"{change.name} {number(100 * change.detectable)} %" for change in item.changes
    )
    if reach:
        found.append(f"Worsening that 4 of 5 such comparisons would find: {reach}.")
    found.append(f"Method: {item.method}.")
    return [*found, item.caveat] if item.caveat else found


def _escaped(text: str) -> str:
    for mark in "\\`*_|<>[]":
        text = text.replace(mark, f"\\{mark}")
    return text
