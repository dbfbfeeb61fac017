"""Percentiles by native histograms, from answers as Prometheus gives them."""

from __future__ import annotations

from harness.analysis.load.native import quantile_bounds, with_native
from harness.model.operatorfigures import OperatorFigures, QueueFigures
from harness.model.promql import QUEUE_WAIT, QUEUE_WORK, PromqlAnswer, PromqlSeries, growth
from harness.model.time import Stamp

BUCKETS = ((-1e-9, 1e-9, 10.0), (0.01, 0.011, 80.0), (0.02, 0.022, 9.5), (0.5, 0.55, 0.5))
QUEUE = QueueFigures(
    queue="task",
    seconds=10,
    adds=100,
    taken=100,
    retries=0,
    queue_wait_ms=12,
    work_ms=20,
    depth=1,
    depth_at_end=0,
    busy=2,
    wait_p99_ms=(10, 100),
    work_p99_ms=(10, None),
)
FIGURES = OperatorFigures(phase="steady", workload="op", queues=(QUEUE,))


def answer(histogram: str, *, phase: str = "steady", name: str = "task") -> PromqlAnswer:
    series = PromqlSeries(labels={"workload": "op", "name": name}, buckets=BUCKETS)
    stamp = Stamp(mono_ns=0, wall_ns=0)
    return PromqlAnswer(query=growth(histogram, 12), stamp=stamp, phase=phase, series=(series,))


def test_a_quantile_lies_between_the_bounds_of_its_bucket() -> None:
    assert quantile_bounds(0.05, BUCKETS) == (0.0, 1e-9)
    assert quantile_bounds(0.5, BUCKETS) == (0.01, 0.011)
    assert quantile_bounds(0.99, BUCKETS) == (0.02, 0.022)
    assert quantile_bounds(0.999, BUCKETS) == (0.5, 0.55)
    assert quantile_bounds(0.5, ()) is None


def test_native_buckets_take_the_place_of_those_a_decade_wide() -> None:
    (found,) = with_native([FIGURES], [answer(QUEUE_WAIT), answer(QUEUE_WORK)])
    (queue,) = found.queues
    assert queue.native
    assert (queue.wait_p50_ms, queue.work_p99_ms) == ((10.0, 11.0), (20.0, 22.0))


def test_what_is_of_another_phase_or_queue_or_of_one_histogram_only_changes_nothing() -> None:
    both = (QUEUE_WAIT, QUEUE_WORK)
    others = [answer(name, phase="burst") for name in both]
    others += [answer(name, name="note") for name in both]
    assert with_native([FIGURES], [*others, answer(QUEUE_WAIT)]) == [FIGURES]
