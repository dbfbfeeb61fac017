"""Questions that were put to Prometheus, and what it said: `evidence/promql.ndjson`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.model.time import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "QUEUE_DEPTH",
    "QUEUE_WAIT",
    "QUEUE_WORK",
    "PromqlAnswer",
    "PromqlSeries",
    "growth",
    "queue_depth",
]

QUEUE_DEPTH = 'sum by (workload, name) (workqueue_depth{job="operator"})'
"""Items that wait, of each queue over all priorities; in a Prometheus of the run's own."""


def queue_depth(others: Iterable[tuple[str, str]]) -> str:
    """Returns the expression for the depths of all queues; it begins with `QUEUE_DEPTH`.

    Args:
        others: By which operators have it under names of their own: of the series, and of the label
            that names the queue.
    """
    parts = (f'sum by (workload, {label}) ({name}{{job="operator"}})' for name, label in others)
    return " or ".join((QUEUE_DEPTH, *sorted(set(parts))))


QUEUE_WAIT, QUEUE_WORK = "workqueue_queue_duration_seconds", "workqueue_work_duration_seconds"
"""Histograms of each queue. By these names alone Prometheus has the native ones, whose buckets are
10 % wide; the classic ones, a decade wide, have `_bucket` at the end of theirs."""


def growth(histogram: str, seconds: int) -> str:
    """Returns the expression for what a native histogram of each queue has counted of late.

    Args:
        histogram: Name of the family.
        seconds: For how long; in a Prometheus of the run's own.
    """
    return f'sum by (workload, name) (increase({histogram}{{job="operator"}}[{seconds}s]))'


class PromqlSeries(msgspec.Struct, frozen=True, kw_only=True):
    """One series of an answer.

    Attributes:
        labels: Without the metric's name where the expression dropped it.
        points: Time (Unix, seconds) and value; one of an instant query. What isn't a number is left
            out, and the largest number stands for infinity.
        buckets: Of a native histogram, in an instant query: lower bound, upper bound, count, in
            ascending order; empty buckets are left out.
    """

    labels: dict[str, str] = {}
    points: tuple[tuple[float, float], ...] = ()
    buckets: tuple[tuple[float, float, float], ...] = ()


class PromqlAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One query.

    Attributes:
        gate: Name of the gate that it was asked for; empty for none.
        stamp: When it was asked.
        step_s: Seconds between points; 0 for an instant query.
        phase: Name of the load phase in which it was asked; empty outside of any.
        error: Why there is no answer.
    """

    query: str
    stamp: Stamp
    gate: str = ""
    step_s: float = 0.0
    phase: str = ""
    series: tuple[PromqlSeries, ...] = ()
    error: str = ""
