"""Stage 7: what was found under load, as the report's words and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.model.loadresult import Cause, KneeState
from harness.reporting.loadplots import load_plots
from harness.reporting.text import count, duration, number, one_line, quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model.loadresult import (
        Attribution,
        Knee,
        Latency,
        LoadResult,
        Percentile,
        PhaseResult,
    )
    from harness.model.operatorfigures import OperatorFigures, QueueFigures
    from harness.reporting.plots import Plot

__all__ = [
    "COST_HEADER",
    "GROWTH_HEADER",
    "LoadView",
    "cost_rows",
    "growth_rows",
    "load_view",
]

GROWTH_HEADER = ("Figure", "Number of", "Exponent (95 % interval)", "First", "Last", "In words")
COST_HEADER = ("Figure", "Each of the", "Costs", "95 % interval", "In words")

_NONE = "-"
_NOT_OFFERED = "not offered"
_ROLES = {"warm-up", "drain"}


class LoadView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the section on load shows.

    Attributes:
        sentences: The knee and the bottleneck, in words.
        evidence: What shows the bottleneck.
        problems: Where the measurement itself broke.
        phases: Table: a row each measured phase.
        lags: Table: the latencies that the total is made of.
        operator: Table: a row each queue and phase.
        counted: Where arrivals didn't simply end, a sentence each.
        growth: Table: figure, by what, exponent, first and last value, a sentence.
        each: Table: what each object costs, by what, a sentence.
        plots: The knee, the distribution of latencies, growth.
    """

    sentences: tuple[str, ...]
    evidence: tuple[str, ...]
    problems: tuple[str, ...]
    phases: tuple[tuple[str, ...], ...]
    lags: tuple[tuple[str, ...], ...]
    operator: tuple[tuple[str, ...], ...]
    counted: tuple[str, ...]
    plots: tuple[Plot, ...]
    growth: tuple[tuple[str, ...], ...]
    each: tuple[tuple[str, ...], ...]


def load_view(load: LoadResult | None) -> LoadView | None:
    """Returns what the section shows; None where there was no load."""
    if load is None:
        return None
    shown = [phase for phase in load.phases if phase.role == "measure"]
    return LoadView(
        sentences=(*_knee_words(load.knee), *_bottleneck_words(load.bottleneck)),
        evidence=tuple(one_line(line) for line in load.bottleneck.evidence)
        if load.bottleneck
        else (),
        problems=tuple(one_line(problem) for problem in load.problems),
        phases=tuple(_phase(phase) for phase in shown),
        lags=tuple(row for phase in shown for row in _lags(phase)),
        operator=tuple(row for item in load.operator for row in _queues(item)),
        counted=tuple(sentence for phase in load.phases for sentence in _counted(phase)),
        plots=load_plots(load),
        growth=growth_rows(load),
        each=cost_rows(load),
    )


def growth_rows(load: LoadResult | None) -> tuple[tuple[str, ...], ...]:
    """Returns a row for each figure that was followed over sizes, as `GROWTH_HEADER` says."""
    return tuple(
        (
            one_line(found.figure),
            one_line(found.by),
            f"{found.exponent:.2f} ({found.low:.2f} to {found.high:.2f})",
            *(
                f"{quantity(value, found.unit)} at {number(objects)}"
                for objects, value in (min(found.points), max(found.points))
            ),
            one_line(found.sentence),
        )
        for found in (load.growth if load else ())
    )


def cost_rows(load: LoadResult | None) -> tuple[tuple[str, ...], ...]:
    """Returns a row for what each object costs, as `COST_HEADER` says."""
    return tuple(
        (
            one_line(found.figure),
            one_line(found.by),
            quantity(found.each, found.unit) if found.seen else "below detection limit",
            f"{number(found.low)} to {quantity(found.high, found.unit)}",
            one_line(found.sentence),
        )
        for found in (load.each_object if load else ())
    )


def _knee_words(knee: Knee | None) -> Iterator[str]:
    if knee is None:
        return
    reason = one_line(knee.reason)
    if knee.per_s is None:
        yield f"No rate was found that it sustains: {reason}."
        return
    rate = f"{number(knee.per_s)} arrivals a second"
    took = f" The search took {duration(knee.seconds)}."
    if knee.state is KneeState.CONFIRMED:
        bound = f", and not {number(knee.high)}" if knee.high is not None else ""
        yield f"It sustains {rate}{bound}: {reason}.{took}"
    elif knee.state is KneeState.INCONCLUSIVE:
        yield f"The knee was not confirmed; {rate} were sustained for a while: {reason}.{took}"
    else:
        yield f"It sustains at least {rate}: {reason}.{took}"


def _bottleneck_words(found: Attribution | None) -> Iterator[str]:
    if found is None:
        return
    if found.cause is Cause.NOTHING:
        yield "Nothing held it back."
    elif found.cause is Cause.UNKNOWN:
        yield "What holds it back is unknown."
    else:
        others = f" (also seen: {', '.join(found.others)})" if found.others else ""
        yield f"What holds it back: {found.cause}{others}. {found.remedy}".strip()


def _phase(phase: PhaseResult) -> tuple[str, ...]:
    total, lag = phase.latency("total"), phase.latency("send lag")
    counts = phase.arrived
    rate = "at once" if phase.rate_per_s is None else f"{number(phase.rate_per_s)}/s"
    return (
        one_line(phase.name),
        f"{phase.process}, {rate}",
        number(counts.arrivals),
        f"{number(phase.completed_per_s)}/s",
        _percentile(total, 0.5),
        _percentile(total, 0.99),
        _NONE if phase.closed_loop_p99_ms is None else quantity(phase.closed_loop_p99_ms, "ms"),
        _percentile(lag, 0.99),
        _NONE if phase.drain_s is None else duration(phase.drain_s),
    )


def _lags(phase: PhaseResult) -> Iterator[tuple[str, ...]]:
    for operation in phase.operations:
        for latency in operation.latencies:
            yield (
                one_line(phase.name),
                operation.operation,
                latency.name,
                number(latency.n),
                *(_percentile(latency, q) for q in (0.5, 0.9, 0.99, 0.999)),
                quantity(latency.max_ms, "ms"),
            )


def _percentile(latency: Latency | None, q: float) -> str:
    found = latency.at(q) if latency else None
    return _NONE if found is None else _with_bounds(found)


def _with_bounds(found: Percentile) -> str:
    value = quantity(found.ms, "ms")
    if found.at_least:
        return f"at least {value}"
    if found.low_ms is None or found.high_ms is None:
        return value
    return f"{value} ({number(found.low_ms)} to {number(found.high_ms)})"


def _queues(item: OperatorFigures) -> Iterator[tuple[str, ...]]:
    for queue in item.queues:
        used = "" if queue.utilisation is None else f"{queue.utilisation:.0%} of {queue.workers}"
        calls, size = item.api_calls_per_reconcile, item.api_bytes_per_reconcile
        yield (
            one_line(item.phase),
            one_line(queue.queue),
            number(queue.taken),
            _ms(queue.queue_wait_ms) + _p99(queue.wait_p99_ms, queue),
            number(queue.depth),
            used or f"{number(queue.busy)} busy",
            _ms(queue.work_ms) + _p99(queue.work_p99_ms, queue),
            number(queue.retries),
            _NONE if calls is None else number(calls),
            _NOT_OFFERED if size is None else quantity(size, "B"),
        )


def _p99(bounds: tuple[float, float | None] | None, queue: QueueFigures) -> str:
    """In words, where buckets are narrow enough to say something."""
    if bounds is None or bounds[1] is None or not queue.native:
        return ""
    return f", p99 {number(bounds[0])} to {quantity(bounds[1], 'ms')}"


def _ms(value: float | None) -> str:
    return _NONE if value is None else quantity(value, "ms")


def _counted(phase: PhaseResult) -> Iterator[str]:
    counts = phase.arrived
    words = (
        (counts.dropped, "dropped: never sent, since no connection was free in time"),
        (counts.errors, "failed"),
        (counts.in_flight, "never done"),
        (counts.collapsed, "closed by a later generation or by their object's deletion"),
        (counts.tainted, "open while watch events were missing"),
    )
    found = [f"{number(amount)} {word}" for amount, word in words if amount]
    if found and phase.role not in _ROLES:
        of = count(counts.arrivals, "arrival")
        yield f"{one_line(phase.name)}: of {of} {'; '.join(found)}."
