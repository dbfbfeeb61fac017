"""Stage 7: a chart as data: what a script draws, a sentence that says it, a table that holds it.

The script (`reports/assets/charts.js`) draws on canvases; without it, sentence and table remain.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup

from harness.reporting.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Axis", "Band", "Plot", "Trace", "encoded", "rounded"]

_DIGITS = 5
_COLOURS = 6
_FORBIDDEN = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}

Ticks = tuple[tuple[float, str], ...]


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """One of a chart's two axes.

    Attributes:
        title: Beside the axis; empty where the chart's own title says it.
        unit: Behind a value that is read off.
        scale: "linear", "log", "whole" for counts, "time" for seconds of the run, or "nines" for
            shares, as the negative decimal logarithm of what is left of 1.
        low, high: Its ends; None for those of the data.
        ticks: (value, label) where they aren't the usual ones.
    """

    title: str = ""
    unit: str = ""
    scale: str = "linear"
    low: float | None = None
    high: float | None = None
    ticks: Ticks = ()


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One series.

    Attributes:
        x: Ascending. y: One for each; None leaves a gap.
        style: "line", "points", "both", "guide" (thin, without a value to be read off) or "edge"
            (invisible: one side of a filled band).
        colour: 0 to 5; each has a dash pattern of its own, too.
        mark: Of points: "dot", "ring", "cross".
        words: What the legend says of it beside its label; empty leaves it out of the legend if
            `label` is empty, too.
        notes: For each point, what is said of it where it is read off; or nothing at all.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    style: str = "line"
    colour: int = 0
    mark: str = "dot"
    words: str = ""
    notes: tuple[str, ...] = ()

    @property
    def listed(self) -> bool:
        """Whether it stands in the legend."""
        return bool(self.label) and self.style != "edge"


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """A chart.

    Attributes:
        id: Unique on the page.
        title: Its heading.
        sentence: What it shows, in numbers.
        group: Charts of one group share their cursor and their stretch of the x axis; empty for
            one that stands alone.
        fills: (upper, lower) traces between which it is filled.
        lines: (x, label) of upright lines.
        grey: Stretch of x that doesn't count.
        heads: Of the table, as `rows`; the first cell of a row is its header.
        words: How many columns at the begin hold words; the others hold numbers.
        caption: Of the table.
        hidden: How many series aren't drawn.
        height: Of the drawing in pixels.
        aside: A further line, for example how points were thinned.
    """

    id: str
    title: str
    sentence: str
    x: Axis
    y: Axis
    traces: tuple[Trace, ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    words: int = 1
    group: str = ""
    fills: tuple[tuple[int, int], ...] = ()
    lines: tuple[tuple[float, str], ...] = ()
    grey: tuple[float, float] | None = None
    hidden: int = 0
    height: int = 150
    aside: str = ""


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A phase on the time axis.

    Attributes:
        start, end: Seconds of the run.
        row: Overlapping phases lie in different rows, counted from 0.
        shaded: Whether charts shade it, so that neighbours can be told apart.
        time: From when to when, in words.
    """

    name: str
    number: int
    start: float
    end: float
    row: int
    shaded: bool
    time: str


def encoded(plots: Sequence[Plot], bands: Sequence[Band], end: float) -> Markup:
    """Returns all that the script needs, as JSON that can stand in a script element.

    It holds no `<`, so nothing in it can end the element or begin a comment.

    Args:
        plots: All charts of the page.
        bands: Of its time axis.
        end: Of its time axis, in seconds.
    """
    page = {
        "end": end,
        "bands": [_band(band) for band in bands],
        "plots": [_plot(plot) for plot in plots],
    }
    text = msgspec.json.encode(page).decode()
    for character, escape in _FORBIDDEN.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - escaped right above


def rounded(value: float | None) -> float | None:
    """Returns a value with five significant digits; None for what can't be drawn."""
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short  # noqa: PLR2004


def _band(band: Band) -> list[Any]:  # of numbers and words, as the script reads them
    name = one_line(band.name)
    return [name, band.number, _time(band.start), _time(band.end), band.row, int(band.shaded)]


def _plot(plot: Plot) -> dict[str, Any]:  # any JSON
    return {
        "id": plot.id,
        "group": plot.group,
        "height": plot.height,
        "x": _axis(plot.x),
        "y": _axis(plot.y),
        "traces": [_trace(trace) for trace in plot.traces],
        "fills": plot.fills,
        "lines": [[rounded(at), one_line(label)] for at, label in plot.lines],
        "grey": plot.grey,
    }


def _axis(axis: Axis) -> dict[str, Any]:  # any JSON
    return {
        "title": one_line(axis.title),
        "unit": one_line(axis.unit),
        "scale": axis.scale,
        "low": axis.low,
        "high": axis.high,
        "ticks": [[at, one_line(label)] for at, label in axis.ticks],
    }


def _trace(trace: Trace) -> dict[str, Any]:  # any JSON
    return {
        "label": one_line(trace.label),
        "style": trace.style,
        "colour": trace.colour % _COLOURS,
        "mark": trace.mark,
        "x": [_time(x) for x in trace.x],
        "y": [rounded(y) for y in trace.y],
        "notes": [one_line(note) for note in trace.notes],
    }


def _time(seconds: float) -> float:
    short = round(seconds, 3)
    return int(short) if short == int(short) else short
