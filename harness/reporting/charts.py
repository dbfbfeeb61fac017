"""Stage 7: what was sampled, and the run's phases, as charts on one time axis.

Series are thinned to the least and the greatest value of each stretch, so that spikes stay and
the report stays small.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from harness.reporting.plots import Axis, Band, Plot, Trace
from harness.reporting.text import duration, number, one_line, quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.model.measurement import Series
    from harness.model.result import PhaseBand, RunResult

__all__ = ["TIME", "Charts", "charts"]

TIME = "time"
"""Group of the charts on the run's time axis, and id of the strip of phases below them."""

_STRETCHES = 300  # a line has at most twice as many points
_TABLE_ROWS = 40
_LINES = 6  # more can't be told apart; the rest is said to be missing
_LONGEST_UNIT = 16
_SHOWN_BANDS = 24
_TITLES = {
    "throughput": "Arrivals against completions",
    "in_flight": "In flight",
    "latency": "Latency from the intended time",
    "queue_depth": "Queue depth",
    "cpu": "CPU of the operator",
    "memory": "Memory of the operator",
    "cpu_control_plane": "CPU of the control plane",
    "memory_control_plane": "Memory of the control plane",
    "cpu_harness": "CPU of the harness",
    "memory_harness": "Memory of the harness",
}
_ASIDES = {
    "latency": (
        "Median and largest of what was done in each stretch of the run; p99 of as many stretches "
        "as hold 100 arrivals."
    ),
    "throughput": "Counted in stretches of a second, of long loads in 400 stretches.",
    "queue_depth": "As Prometheus scraped it; the exact mean of each phase stands above.",
}
_LOG = frozenset({"latency"})

Sample = tuple[float, float]


class Charts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that shares the run's time axis.

    Attributes:
        end: Of the axis, in seconds.
        rows: How many rows the bands take.
        listed: Bands of which name and time are told at once; the others are folded away.
    """

    end: float
    bands: tuple[Band, ...]
    rows: int
    plots: tuple[Plot, ...]

    @property
    def listed(self) -> tuple[Band, ...]:
        """Bands that are told at once: all, or of many those that charts shade."""
        if len(self.bands) <= _SHOWN_BANDS:
            return self.bands
        return tuple(band for band in self.bands if band.row == 0)

    @property
    def folded(self) -> tuple[Band, ...]:
        """The others."""
        listed = self.listed
        return tuple(band for band in self.bands if band not in listed)


def charts(result: RunResult) -> Charts:
    """Returns the charts of a result; without series there are none."""
    drawn = [series for series in result.series if series.seconds and series.values]
    end = max(
        [result.run.duration_s]
        + [series.seconds[-1] for series in drawn]
        + [phase.end_s for phase in result.phases]
    )
    end = end if end > 0 and math.isfinite(end) else 1.0
    bands = _bands(result.phases)
    return Charts(
        end=end,
        bands=bands,
        rows=1 + max((band.row for band in bands), default=-1),
        plots=tuple(
            _plot(f"chart-{place}", group, end) for place, group in enumerate(_groups(drawn), 1)
        ),
    )


def _groups(drawn: Sequence[Series]) -> Iterator[list[Series]]:
    groups: dict[tuple[str, str], list[Series]] = {}
    for series in drawn:
        groups.setdefault((series.name, series.unit), []).append(series)
    yield from groups.values()


def _bands(phases: Sequence[PhaseBand]) -> tuple[Band, ...]:
    """Numbers the phases by their start and puts those that overlap into rows of their own."""
    free_from: list[float] = []
    bands = []
    shaded = 0
    whole = any(phase.whole for phase in phases)
    ordered = sorted(phases, key=lambda phase: (phase.start_s, -phase.end_s))
    for index, phase in enumerate(ordered, start=1):
        row = next(
            (row for row, end in enumerate(free_from) if end <= phase.start_s), len(free_from)
        )
        free_from[row : row + 1] = [phase.end_s]
        following = ordered[index].start_s if index < len(ordered) else math.inf
        told = phase.whole if whole else following >= phase.end_s
        shaded += told
        bands.append(
            Band(
                name=one_line(phase.name),
                number=index,
                start=phase.start_s,
                end=phase.end_s,
                row=row,
                shaded=told and shaded % 2 == 1,
                time=f"{number(phase.start_s)} to {number(phase.end_s)} s",
            )
        )
    return tuple(bands)


def _plot(id: str, group: Sequence[Series], end: float) -> Plot:
    first = group[0]
    chosen = _chosen([(series, _finite(series)) for series in group])
    samples = [line for _, line in chosen]
    unit = one_line(first.unit)[:_LONGEST_UNIT]
    title = _TITLES.get(first.name, one_line(first.name).replace("_", " ").capitalize())
    log = first.name in _LOG and any(value > 0 for line in samples for _, value in line)
    traces = tuple(
        _trace(series, line, place, end, log=log) for place, (series, line) in enumerate(chosen)
    )
    thinned = any(len(line) > 2 * _STRETCHES for line in samples)
    asides = [_ASIDES.get(first.name, "")]
    if thinned:
        stretch = duration(end / _STRETCHES)
        asides.append(f"Drawn are the least and the greatest value of each {stretch}.")
    return Plot(
        id=id,
        title=f"{title}, {unit}" if unit not in {"", "1"} else title,
        sentence="; ".join(_words(*pair) for pair in chosen) + ".",
        group=TIME,
        x=Axis(unit="s", scale="time", low=0.0, high=end),
        y=Axis(
            unit=unit if unit != "1" else "",
            scale="log" if log else "linear",
            low=None if log else 0.0,
        ),
        traces=traces,
        heads=("Time", *(trace.label for trace in traces)),
        rows=tuple(_rows(samples, end)),
        caption=f"{title}: least and greatest value in each stretch of time, {unit}",
        hidden=len(group) - len(chosen),
        aside=" ".join(filter(None, asides)),
    )


def _chosen(group: Sequence[tuple[Series, list[Sample]]]) -> list[tuple[Series, list[Sample]]]:
    """Returns the series that rise highest, in the order in which they came."""

    def height(place: int) -> float:
        return max(map(_value, group[place][1]), default=-math.inf)

    kept = sorted(sorted(range(len(group)), key=height, reverse=True)[:_LINES])
    return [group[place] for place in kept]


def _finite(series: Series) -> list[Sample]:
    pairs = zip(series.seconds, series.values, strict=False)
    return [pair for pair in pairs if math.isfinite(pair[0]) and math.isfinite(pair[1])]


def _trace(
    series: Series, samples: Sequence[Sample], place: int, end: float, *, log: bool
) -> Trace:
    drawn = _thinned([pair for pair in samples if pair[1] > 0 or not log], end)
    return Trace(
        label=one_line(series.subject) or one_line(series.name),
        x=tuple(second for second, _ in drawn),
        y=tuple(value for _, value in drawn),
        style="both" if len(samples) == 1 else "line",
        colour=place,
    )


def _words(series: Series, samples: Sequence[Sample]) -> str:
    """Returns range and mean of a series, and when it was highest."""
    name = one_line(series.subject) or one_line(series.name)
    values = [value for _, value in samples]
    if not values:
        return f"{name}: no number"
    least, most = min(values), max(values)
    if least == most:
        return f"{name}: {quantity(most, series.unit)}"
    mean = math.fsum(values) / len(values)
    at, _ = max(samples, key=_value)
    return (
        f"{name}: {number(least)} to {quantity(most, series.unit)}, {number(mean)} on average, "
        f"most at {number(at)} s"
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
