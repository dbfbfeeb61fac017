"""Stage 7: convergence timelines: when what happened to one generation of a custom resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.reporting.axes import Scale, Tick, percent, ticks
from harness.reporting.text import duration, number, one_line, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.result import Convergence, TimelineMark

__all__ = ["SHOWN_ROWS", "SHOWN_TIMELINES", "Lane", "Mark", "Timeline", "timelines"]

SHOWN_TIMELINES = 24
"""Drawn in a report; more would hide what matters, and all are in result.json."""
SHOWN_ROWS = 500
"""Rows of the table of all convergences, for the same reason."""

_SHOWN_MARKS = 40
_ROW_PX = 22
_LANE_GAP_PX = 8
_AXIS_PX = 26
_LEFT, _RIGHT = 0.015, 0.04
_CHARACTER = 0.0125  # share of the width of one character at the chart's least width
_DOT = 0.02
_LONGEST_LABEL = 52
_LONGEST_LANE = 33
_SAME_MS = 0.05  # marks that are closer stand together
_FIRST_LANES = ("stimulus", "custom resource")


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A point with its label.

    Attributes:
        x: Position as an SVG length; `y` in pixels.
        before: Whether the label stands before the point instead of behind it.
    """

    x: str
    y: int
    label: str
    time: str
    before: bool


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A horizontal stripe for one object.

    Attributes:
        name: Cut to fit beside the picture.
        kind: "stimulus", "resource" or "child"; chooses the colour.
        top: In pixels, as `height`.
        start: Position of the first mark; `end` of the last one.
    """

    name: str
    kind: str
    top: int
    height: int
    start: str
    end: str
    marks: tuple[Mark, ...]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """A drawn convergence.

    Attributes:
        sentence: What the picture shows, for those who can't see it.
        height: In pixels, as `axis`, where the scale's line lies.
        done: Position of the instant of convergence; empty where it never came.
        rows: All marks as (time, lane, label), in order of time.
        hidden: How many marks aren't drawn.
    """

    convergence: Convergence
    title: str
    outcome: str
    sentence: str
    height: int
    axis: int
    ticks: tuple[Tick, ...]
    lanes: tuple[Lane, ...]
    done: str
    rows: tuple[tuple[str, str, str], ...]
    hidden: int


def timelines(convergences: Sequence[Convergence]) -> tuple[Timeline, ...]:
    """Returns the first convergences that have marks, laid out."""
    drawn = [convergence for convergence in convergences if convergence.marks]
    return tuple(_timeline(convergence) for convergence in drawn[:SHOWN_TIMELINES])


def _timeline(convergence: Convergence) -> Timeline:
    marks = sorted(convergence.marks, key=lambda mark: mark.ms)
    shown = marks[:_SHOWN_MARKS]
    last = max([mark.ms for mark in shown] + [convergence.latency_ms or 0.0])
    values = ticks(last, about=5)
    scale = Scale(values[-1], left=_LEFT, right=_RIGHT)
    lanes: list[Lane] = []
    top = 0
    for name in _lane_names(shown):
        lane = _lane(name, [mark for mark in shown if mark.lane == name], top, scale)
        lanes.append(lane)
        top += lane.height + _LANE_GAP_PX
    latency = convergence.latency_ms
    outcome = _outcome(convergence)
    return Timeline(
        convergence=convergence,
        title=f"{one_line(str(convergence.subject))}, generation {convergence.generation}",
        outcome=outcome,
        sentence=_sentence(convergence, outcome, len(marks), len(lanes)),
        height=top + _AXIS_PX,
        axis=top,
        ticks=tuple(Tick(at=scale.at(value), label=number(value)) for value in values),
        lanes=tuple(lanes),
        done="" if latency is None else scale.at(latency),
        rows=tuple((quantity(round(mark.ms, 1), "ms"), mark.lane, mark.label) for mark in marks),
        hidden=len(marks) - len(shown),
    )


def _outcome(convergence: Convergence) -> str:
    if convergence.latency_ms is not None:
        return f"converged in {quantity(convergence.latency_ms, 'ms')}"
    if convergence.watched_ms is None:
        return "never converged"
    return f"did not converge in {duration(convergence.watched_ms / 1000)}"


def _sentence(convergence: Convergence, outcome: str, marks: int, lanes: int) -> str:
    said = f"After the {one_line(convergence.action)}, it {outcome}."
    if convergence.acknowledged_ms is not None:
        said += f" The API server answered after {quantity(convergence.acknowledged_ms, 'ms')}."
    return f"{said} {marks} marks in {lanes} lanes follow in the table."


def _lane_names(marks: Sequence[TimelineMark]) -> tuple[str, ...]:
    present = dict.fromkeys(mark.lane for mark in marks)
    first = [name for name in _FIRST_LANES if name in present]
    return tuple(first + [name for name in present if name not in _FIRST_LANES])


def _lane(name: str, marks: Sequence[TimelineMark], top: int, scale: Scale) -> Lane:
    """Packs a lane's marks into as few rows as need no overlap."""
    rows: list[list[tuple[float, float]]] = [[]]
    placed: list[Mark] = []
    for ms, words in _together(marks):
        text = _shortened(one_line(words), _LONGEST_LABEL)
        share = scale.share(ms)
        width = _DOT + (len(text) + len(number(ms)) + 4) * _CHARACTER
        before = share + width > 1.0 and share - width >= 0.0
        span = (share - width, share + _DOT) if before else (share - _DOT, share + width)
        placed.append(
            Mark(
                x=percent(share),
                y=top + _row(rows, span) * _ROW_PX + _ROW_PX // 2,
                label=text,
                time=quantity(round(ms, 1), "ms"),
                before=before,
            )
        )
    return Lane(
        name=_shortened(one_line(name), _LONGEST_LANE),
        kind={"stimulus": "stimulus", "custom resource": "resource"}.get(name, "child"),
        top=top,
        height=len(rows) * _ROW_PX,
        start=scale.at(marks[0].ms),
        end=scale.at(marks[-1].ms),
        marks=tuple(placed),
    )


def _together(marks: Sequence[TimelineMark]) -> list[tuple[float, str]]:
    """Returns (ms, label); what one watch event showed has one mark."""
    groups: list[tuple[float, str]] = []
    for mark in marks:
        if groups and mark.ms - groups[-1][0] < _SAME_MS:
            groups[-1] = (groups[-1][0], f"{groups[-1][1]}, {mark.label}")
        else:
            groups.append((mark.ms, mark.label))
    return groups


def _row(rows: list[list[tuple[float, float]]], span: tuple[float, float]) -> int:
    """Returns the first row in which the span is free, and takes it."""
    for index, taken in enumerate(rows):
        if all(span[1] <= start or span[0] >= end for start, end in taken):
            taken.append(span)
            return index
    rows.append([span])
    return len(rows) - 1


def _shortened(label: str, longest: int) -> str:
    return label if len(label) <= longest else label[: longest - 1] + "…"
