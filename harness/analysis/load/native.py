"""Percentiles of a queue's waits and of its work, by native histograms as Prometheus has them.

controller-runtime offers them for its workqueues since v0.21, beside the classic ones: buckets
grow by at most 10 %, so that the one in which a percentile lies is an interval worth telling.
Prometheus scrapes each second, so a percentile is of the phase give or take a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.analysis.load.identities import bounds_ms
from harness.model.promql import QUEUE_WAIT, QUEUE_WORK, growth

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model.operatorfigures import OperatorFigures, QueueFigures
    from harness.model.promql import PromqlAnswer

__all__ = ["quantile_bounds", "with_native"]

_Buckets = tuple[tuple[float, float, float], ...]

_STEMS = {QUEUE_WAIT: "wait", QUEUE_WORK: "work"}
_QUANTILES = {"p50": 0.5, "p99": 0.99}


def quantile_bounds(q: float, buckets: _Buckets) -> tuple[float, float] | None:
    """Returns the bounds of the bucket in which a quantile lies; None where nothing was counted.

    Args:
        q: Between 0 and 1.
        buckets: Lower bound, upper bound, count; ascending.
    """
    wanted = q * sum(count for _, _, count in buckets)
    seen = 0.0
    for low, high, count in buckets:
        seen += count
        if count > 0 and seen >= wanted * (1 - 1e-12):
            return max(low, 0.0), high  # the bucket around 0 begins below it
    return None


def with_native(
    figures: Sequence[OperatorFigures], answers: Iterable[PromqlAnswer]
) -> list[OperatorFigures]:
    """Returns the figures with percentiles by native histograms, where there are any.

    Args:
        figures: With those by classic histograms.
        answers: What Prometheus was asked for in the run.
    """
    found: dict[tuple[str, str, str], dict[str, _Buckets]] = {}
    for answer in answers:
        stem = next((_STEMS[name] for name in _STEMS if _asks_for(answer, name)), "")
        for series in answer.series if stem else ():
            of = (answer.phase, series.labels.get("workload", ""), series.labels.get("name", ""))
            found.setdefault(of, {})[stem] = series.buckets
    return [
        msgspec.structs.replace(
            item,
            queues=tuple(
                _replaced(queue, found.get((item.phase, item.workload, queue.queue), {}))
                for queue in item.queues
            ),
        )
        for item in figures
    ]


def _asks_for(answer: PromqlAnswer, histogram: str) -> bool:
    """Whether it's the growth of a native histogram, over whatever time."""
    before, after = growth(histogram, 0).split("[0s]")
    return bool(answer.phase) and answer.query.startswith(before) and answer.query.endswith(after)


def _replaced(queue: QueueFigures, buckets: dict[str, _Buckets]) -> QueueFigures:
    told = {
        f"{stem}_{name}_ms": bounds_ms(bounds)
        for stem, counts in buckets.items()
        for name, q in _QUANTILES.items()
        if (bounds := quantile_bounds(q, counts)) is not None
    }
    if len(told) < len(_STEMS) * len(_QUANTILES):
        return queue
    return msgspec.structs.replace(queue, native=True, **told)
