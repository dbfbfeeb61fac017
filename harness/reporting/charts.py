"""Stage 7: line charts of what was sampled, and the run's phases, on one time axis.

Series are thinned to the least and the greatest value of each stretch, so that spikes stay and
the report stays small.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from harness.reporting.axes import Scale, Tick, ticks
from harness.reporting.text import duration, number, one_line, quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.model.measurement import Series
    from harness.model.result import PhaseBand, RunResult

__all__ = ["Band", "Chart", "Charts", "Line", "charts"]

_STRETCHES = 300  # a polyline has at most twice as many points
_TABLE_ROWS = 40
_LINES = 6  # more can't be told apart; the rest is said to be missing
_HEIGHT = 100.0
_WIDTH = 1000.0
_LONGEST_UNIT = 16
_CHARACTER = 0.0125  # share of the width of one character at the least width
_TITLES = {
    "cpu": "CPU",
    "memory": "Memory",
    "rss": "Memory (resident)",
    "pss": "Memory (PSS)",
    "cpu_control_plane": "CPU of the control plane",
    "memory_control_plane": "Memory of the control plane",
    "cpu_harness": "CPU of the harness",
    "memory_harness": "Memory of the harness",
}

Sample = tuple[float, float]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One series as a polyline.

    Attributes:
        points: SVG points in a box of 1000 by 100.
        range: The least and the greatest value in words.
        single: Position and height of the only sample; None where a line can be drawn.
    """

    label: str
    points: str
    range: str
    single: tuple[str, str] | None


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """All series of one quantity.

    Attributes:
        sentence: What the chart shows, in words.
        rows: Table: the stretch of time, then "least to greatest" for each line.
        hidden: How many series aren't drawn.
    """

    title: str
    unit: str
    sentence: str
    ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    rows: tuple[tuple[str, ...], ...]
    hidden: int


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A phase on the time axis.

    Attributes:
        row: Overlapping phases lie in different rows, counted from 0.
        label: What fits into the band: its number and the last part of its name, its number, or
            nothing.
        shaded: Every second phase that holds no other, so that neighbours can be told apart.
    """

    name: str
    number: int
    x: str
    width: str
    row: int
    label: str
    shaded: bool
    time: str


class Charts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that shares the run's time axis.

    Attributes:
        ticks: Of the time axis, in seconds.
        rows: How many rows the bands take.
    """

    ticks: tuple[Tick, ...]
    bands: tuple[Band, ...]
    rows: int
    charts: tuple[Chart, ...]


def charts(result: RunResult) -> Charts:
    """Returns the charts of a result; without series there are none."""
    drawn = [series for series in result.series if series.seconds and series.values]
    end = max(
        [result.run.duration_s]
        + [series.seconds[-1] for series in drawn]
        + [phase.end_s for phase in result.phases]
    )
    scale = Scale(end)
    bands = _bands(result.phases, scale)
    return Charts(
        ticks=_time_ticks(scale),
        bands=bands,
        rows=1 + max((band.row for band in bands), default=-1),
        charts=tuple(_chart(group, scale) for group in _groups(drawn)),
    )


def _groups(drawn: Sequence[Series]) -> Iterator[list[Series]]:
    groups: dict[tuple[str, str], list[Series]] = {}
    for series in drawn:
        groups.setdefault((series.name, series.unit), []).append(series)
    yield from groups.values()


def _time_ticks(scale: Scale) -> tuple[Tick, ...]:
    values = [value for value in ticks(scale.end, about=6) if value <= scale.end]
    last = len(values) - 1
    return tuple(
        Tick(
            at=scale.at(value),
            label=_clock(value),
            anchor="start" if index == 0 else _end_anchor(scale.share(value), index == last),
        )
        for index, value in enumerate(values)
    )


def _end_anchor(share: float, last: bool) -> str:  # noqa: FBT001 - private, one caller
    return "end" if last and share > 0.95 else "middle"  # noqa: PLR2004 - else it is cut


def _clock(seconds: float) -> str:
    return quantity(seconds, "s") if seconds < 120 else duration(seconds)  # noqa: PLR2004


def _bands(phases: Sequence[PhaseBand], scale: Scale) -> tuple[Band, ...]:
    """Numbers the phases by their start and puts those that overlap into rows of their own."""
    free_from: list[float] = []
    bands = []
    leaves = 0
    ordered = sorted(phases, key=lambda phase: (phase.start_s, -phase.end_s))
    for index, phase in enumerate(ordered, start=1):
        row = next(
            (row for row, end in enumerate(free_from) if end <= phase.start_s), len(free_from)
        )
        free_from[row : row + 1] = [phase.end_s]
        following = ordered[index].start_s if index < len(ordered) else math.inf
        leaf = following >= phase.end_s
        leaves += leaf
        width = scale.share(phase.end_s) - scale.share(phase.start_s)
        bands.append(
            Band(
                name=one_line(phase.name),
                number=index,
                x=scale.at(phase.start_s),
                width=f"{max(0.15, width * 100):.2f}%",
                row=row,
                label=_label(index, phase.name, width),
                shaded=leaf and leaves % 2 == 1,
                time=f"{number(phase.start_s)} to {number(phase.end_s)} s",
            )
        )
    return tuple(bands)


def _label(index: int, name: str, width: float) -> str:
    short = f"{index} {one_line(name).rpartition('/')[2]}"
    for text in (short, str(index)):
        if (len(text) + 1) * _CHARACTER <= width:
            return text
    return ""


def _chart(group: Sequence[Series], scale: Scale) -> Chart:
    first = group[0]
    samples = [_finite(series) for series in group[:_LINES]]
    greatest = max((value for line in samples for _, value in line), default=1.0)
    values = ticks(greatest, about=3)
    lines = tuple(
        _line(series, line, scale, values[-1]) for series, line in zip(group, samples, strict=False)
    )
    unit = one_line(first.unit)[:_LONGEST_UNIT]
    title = _TITLES.get(first.name, one_line(first.name).replace("_", " ").capitalize())
    return Chart(
        title=title,
        unit=unit,
        sentence="; ".join(f"{line.label}: {line.range}" for line in lines) + ".",
        ticks=tuple(
            Tick(at=f"{_HEIGHT * (1 - value / values[-1]):g}", label=quantity(value, unit))
            for value in values
        ),
        lines=lines,
        rows=tuple(_rows(samples, scale.end)),
        hidden=max(0, len(group) - _LINES),
    )


def _finite(series: Series) -> list[Sample]:
    pairs = zip(series.seconds, series.values, strict=False)
    return [pair for pair in pairs if math.isfinite(pair[0]) and math.isfinite(pair[1])]


def _line(series: Series, samples: Sequence[Sample], scale: Scale, top: float) -> Line:
    def height(value: float) -> float:
        return _HEIGHT * (1 - min(1.0, max(0.0, value / top)))

    points = " ".join(
        f"{scale.share(second) * _WIDTH:.1f},{height(value):.1f}"
        for second, value in _thinned(samples, scale.end)
    )
    single = None
    if len(samples) == 1:
        single = (scale.at(samples[0][0]), f"{height(samples[0][1]):.1f}")
    values = [value for _, value in samples]
    words = "no number"
    if values:
        low, high = number(min(values)), quantity(max(values), series.unit)
        words = high if min(values) == max(values) else f"{low} to {high}"
    return Line(
        label=one_line(series.subject) or one_line(series.name),
        points=points,
        range=words,
        single=single,
    )


def _thinned(samples: Sequence[Sample], end: float) -> list[Sample]:
    """Returns the least and the greatest sample of each stretch of time, in order of time."""
    if len(samples) <= 2 * _STRETCHES:
        return list(samples)
    kept: list[Sample] = []
    for stretch in _stretches(samples, end, _STRETCHES):
        if not stretch:
            continue
        extremes = {min(stretch, key=_value), max(stretch, key=_value)}
        kept += sorted(extremes)
    return kept


def _value(sample: Sample) -> float:
    return sample[1]


def _stretches(samples: Sequence[Sample], end: float, parts: int) -> list[list[Sample]]:
    stretches: list[list[Sample]] = [[] for _ in range(parts)]
    for sample in samples:
        share = sample[0] / end if end > 0 else 0.0
        stretches[min(parts - 1, max(0, int(share * parts)))].append(sample)
    return stretches


def _rows(lines: Sequence[Sequence[Sample]], end: float) -> Iterator[tuple[str, ...]]:
    longest = max((len(line) for line in lines), default=0)
    parts = max(1, min(_TABLE_ROWS, longest))
    cut = [_stretches(line, end, parts) for line in lines]
    for index in range(parts):
        cells = [stretches[index] for stretches in cut]
        if any(cells):
            time = f"{number(index * end / parts)} to {number((index + 1) * end / parts)} s"
            yield (time, *(_cell(cell) for cell in cells))


def _cell(samples: Sequence[Sample]) -> str:
    if not samples:
        return "no sample"
    low, high = number(min(map(_value, samples))), number(max(map(_value, samples)))
    return low if low == high else f"{low} to {high}"
