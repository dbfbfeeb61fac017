"""The load's summary figures, each with its method: what gates are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.comparison import PROFILE
from harness.model.load import ArrivalProcess, PhaseRole
from harness.model.loadresult import KneeState
from harness.model.measurement import Measurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model.growth import Growth, Slope
    from harness.model.loadresult import Knee, Latency, LoadResult, PhaseResult

__all__ = ["load_figures"]

_QUANTILES = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p999"))
_HEADLINES = frozenset({"load_latency_p50", "load_latency_p99", "burst_drain"})
_LATENCIES = (
    ("total", "latency", "from the intended time to the watch event that showed it done"),
    ("reconcile", "reconcile", "from the own write's watch event to the one that showed it done"),
    ("API write", "api_write", "from the send of the request to the API server's answer"),
    ("send lag", "send_lag", "from the intended time to the send: the generator's own delay"),
)
_GROWTHS = {
    "reconcile p50": "growth_latency",
    "reconcile p99": "growth_latency_p99",
    "CPU of an update": "growth_cpu",
    "memory": "growth_memory",
    "live heap": "growth_live_heap",
    "API calls of an update": "growth_api_calls",
    "reconciles of an update": "growth_reconciles",
}
_COSTS = {"memory": "memory_per_object", "live heap": "live_heap_per_object"}
_GROWTH_PROFILE = "growth"  # each of its phases is a point of an exponent
_KNOWN = frozenset({KneeState.CONFIRMED, KneeState.AT_LEAST, KneeState.GENERATOR_LIMITED})


def load_figures(result: LoadResult) -> list[Measurement]:
    """Returns the figures: `knee`, and for each measured phase latencies, throughput and drain.

    Their names begin with `load_`; those of a burst with `burst_`, since no latency of a burst is
    comparable with one under steady load. The profile growth has exponents and costs of an object
    besides, and those are its headlines.
    """
    found = [] if result.knee is None else list(_knee(result.knee))
    found += [*map(_exponent, result.growth), *map(_cost, result.each_object)]
    for phase in result.phases:
        if phase.role == PhaseRole.MEASURE and phase.profile != PROFILE:  # of a block by itself
            found += [*_latencies(phase), *_flow(phase)]
    return found


def _exponent(found: Growth) -> Measurement:
    least, most = found.points[0][0], found.points[-1][0]
    method = (
        f"exponent of {found.figure} by the number of {found.by}, {least:g} to {most:g}: 0 is "
        f"flat, 1 proportional; least squares in logarithms; {found.sentence}"
    )
    headline = found.figure == "reconcile p50"
    return _fitted(_GROWTHS[found.figure], found, found.exponent, "1", method, headline=headline)


def _cost(found: Slope) -> Measurement:
    method = (
        f"{found.figure} at rest by the number of {found.by}, by least squares; {found.sentence}"
    )
    return _fitted(_COSTS[found.figure], found, found.each, found.unit, method, headline=True)


def _fitted(
    name: str, found: Growth | Slope, value: float, unit: str, method: str, *, headline: bool
) -> Measurement:
    return Measurement(
        name=name,
        value=value,
        unit=unit,
        n=len(found.points),
        method=method,
        low=found.low,
        high=found.high,
        subject=found.by,
        headline=headline,
    )


def _knee(knee: Knee) -> Iterator[Measurement]:
    if knee.per_s is None or knee.state not in _KNOWN:
        return
    yield Measurement(
        name="knee",
        value=knee.per_s,
        unit="1/s",
        n=len(knee.steps),
        method=(
            f"the highest rate that was sustained, by doubling, bisecting and a plateau, in "
            f"{len(knee.steps)} steps and {knee.seconds:.0f} s; {knee.reason}"
        ),
        low=knee.low,
        high=knee.high,
        direction="higher",
        headline=True,
        at_least=knee.state is not KneeState.CONFIRMED,
    )


def _latencies(phase: PhaseResult) -> Iterator[Measurement]:
    for title, name, words in _LATENCIES:
        latency = phase.latency(title)
        if latency is not None:
            yield from _percentiles(phase, latency, name, words)


def _percentiles(
    phase: PhaseResult, latency: Latency, name: str, words: str
) -> Iterator[Measurement]:
    for q, short in _QUANTILES:
        found = latency.at(q)
        if found is None:
            continue
        full = f"{_prefix(phase)}_{name}_{short}"
        yield Measurement(
            name=full,
            value=found.ms,
            unit="ms",
            n=latency.n,
            method=f"{q * 100:g} % of creates and updates took at most this, {words}; "
            f"{_arrivals(phase)}",
            low=found.low_ms,
            high=found.high_ms,
            subject=phase.name,
            headline=full in _HEADLINES and phase.profile != _GROWTH_PROFILE,
            at_least=found.at_least,
        )


def _flow(phase: PhaseResult) -> Iterator[Measurement]:
    counts = phase.arrived
    if not counts.arrivals:
        return
    prefix = _prefix(phase)
    yield _figure(
        phase,
        f"{prefix}_throughput",
        phase.completed_per_s,
        unit="1/s",
        method="arrivals that were done, by the time from the first arrival to the last",
        direction="higher",
    )
    if phase.drain_s is not None:
        yield _figure(
            phase,
            f"{prefix}_drain",
            phase.drain_s,
            unit="s",
            method="from the last arrival's intended time until nothing was in flight",
        )
    for name, count, words in (
        ("errors", counts.errors, "requests that failed"),
        ("dropped", counts.dropped, "arrivals that no connection was free for in time"),
        ("in_flight", counts.in_flight, "arrivals that were never done in this run"),
    ):
        yield _figure(phase, f"{prefix}_{name}", float(count), unit="1", method=words)


def _figure(
    phase: PhaseResult,
    name: str,
    value: float,
    *,
    unit: str,
    method: str,
    direction: str = "lower",
) -> Measurement:
    return Measurement(
        name=name,
        value=value,
        unit=unit,
        n=phase.arrived.arrivals,
        method=method,
        subject=phase.name,
        direction=direction,
        headline=name in _HEADLINES,
    )


def _prefix(phase: PhaseResult) -> str:
    return "burst" if phase.process == ArrivalProcess.BURST else "load"


def _arrivals(phase: PhaseResult) -> str:
    rate = f"at {phase.rate_per_s:.4g}/s" if phase.rate_per_s is not None else "at once"
    parts = [f"{phase.process} arrivals {rate}"]
    for count, word in (
        (phase.arrived.dropped, "dropped"),
        (phase.arrived.collapsed, "collapsed into later generations"),
        (phase.arrived.tainted, "while watch events were missing"),
    ):
        if count:
            parts.append(f"{count} {word}")
    return ", ".join(parts)
