"""A load over time, for charts: arrivals and completions, what is in flight, latency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.analysis.load.join import NEVER, Fate
from harness.analysis.load.percentiles import nearest_rank
from harness.model.load import PhaseRole
from harness.model.measurement import Series
from harness.model.promql import QUEUE_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from harness.analysis.load.phases import Stamped
    from harness.model.load import LoadPhase
    from harness.model.promql import PromqlAnswer
    from harness.model.time import Stamp

__all__ = ["depth_series", "load_series"]

_S = 1e9
_MS = 1e6
_POINTS = 400
_LEAST_S = 1.0
_FEW = 100  # below, a p99 is the largest by another name


def load_series(
    stamped: Stamped, phases: Sequence[LoadPhase], *, run_start_ns: int
) -> tuple[Series, ...]:
    """Returns the series on the run's time axis; a point a second, or at most 400.

    Args:
        stamped: All arrivals.
        phases: All; what clears up is no load, and would dwarf it.
        run_start_ns: Zero of the axis, monotonic.
    """
    cleared = [item.index for item in phases if item.role is PhaseRole.CLEAR]
    load = ~np.isin(stamped.arrivals.phase, cleared)
    sent = load & (stamped.joined.fate <= Fate.IN_FLIGHT)
    due = np.sort(stamped.arrivals.intended_ns[sent])
    if not len(due):
        return ()
    last = max(int(due[-1]), stamped.until_ns)
    seconds = max((last - int(due[0])) / _S, _LEAST_S)
    count = int(min(max(seconds / _LEAST_S, 1), _POINTS))
    edges = np.linspace(int(due[0]), last, count + 1)
    width = seconds / count
    at = tuple(((edges[1:] - run_start_ns) / _S).tolist())
    done = np.sort(stamped.joined.done_ns[sent & (stamped.joined.done_ns < NEVER)])
    arrived, completed = (np.searchsorted(x, edges, side="right") for x in (due, done))
    arrived[0] = completed[0] = 0
    return (
        _series("throughput", "1/s", "arrivals", at, np.diff(arrived) / width),
        _series("throughput", "1/s", "completions", at, np.diff(completed) / width),
        _series("in_flight", "1", "arrivals", at, (arrived - completed)[1:].astype(float)),
        *_latencies(stamped, load, edges, at),
    )


def depth_series(answers: Iterable[PromqlAnswer], *, run_start: Stamp) -> tuple[Series, ...]:
    """Returns how many items waited in each queue, as Prometheus has it, on the run's time axis.

    Args:
        answers: All that were kept.
        run_start: Zero of the axis; Prometheus tells times by the wall clock.
    """
    zero = run_start.wall_ns / _S
    return tuple(
        Series(
            name="queue_depth",
            unit="1",
            subject=" ".join(item.labels[name] for name in sorted(item.labels, reverse=True)),
            seconds=tuple(at - zero for at, _ in item.points),
            values=tuple(value for _, value in item.points),
        )
        for answer in answers
        if answer.query.startswith(QUEUE_DEPTH) and answer.step_s
        for item in answer.series
        if item.points
    )


def _latencies(
    stamped: Stamped,
    load: NDArray[np.bool_],
    edges: NDArray[np.float64],
    at: tuple[float, ...],
) -> tuple[Series, ...]:
    """Median and largest of what was done in each stretch; p99 of as many as hold 100."""
    rows = np.flatnonzero(load & (stamped.joined.fate == Fate.DONE) & ~stamped.joined.unchanged)
    rows = rows[np.argsort(stamped.joined.done_ns[rows])]
    total = stamped.joined.done_ns[rows] - stamped.arrivals.intended_ns[rows]
    bounds = np.searchsorted(stamped.joined.done_ns[rows], edges, side="right")
    bounds[0] = since = 0
    found: dict[str, list[tuple[float, float]]] = {"median": [], "p99": [], "largest": []}
    for place, second in enumerate(at):
        part = total[bounds[place] : bounds[place + 1]]
        if len(part):
            found["median"].append((second, _quantile(part, 0.5)))
            found["largest"].append((second, _quantile(part, 1.0)))
        part = total[since : bounds[place + 1]]
        if len(part) >= _FEW:
            found["p99"].append((second, _quantile(part, 0.99)))
            since = bounds[place + 1]
    return tuple(
        Series(
            name="latency",
            unit="ms",
            subject=name,
            seconds=tuple(second for second, _ in points),
            values=tuple(value for _, value in points),
        )
        for name, points in found.items()
        if points
    )


def _quantile(values: NDArray[np.int64], q: float) -> float:
    rank = nearest_rank(q, len(values))
    return float(np.partition(values, rank)[rank]) / _MS


def _series(
    name: str, unit: str, subject: str, at: tuple[float, ...], values: NDArray[np.float64]
) -> Series:
    return Series(name=name, unit=unit, subject=subject, seconds=at, values=tuple(values.tolist()))
