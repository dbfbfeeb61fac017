"""What Prometheus said of the queues, on the run's time axis."""

from __future__ import annotations

from harness.analysis.load.timeline import depth_series
from harness.model.promql import QUEUE_DEPTH, PromqlAnswer, PromqlSeries
from harness.tests.analysis.recording import at

_WALL_S = at(0).wall_ns / 1e9
_QUEUE = PromqlSeries(
    labels={"name": "guestbook", "workload": "manager"},
    points=((_WALL_S + 2, 3.0), (_WALL_S + 3, 0.0)),
)


def answer(query: str = QUEUE_DEPTH, *, step_s: float = 1.0) -> PromqlAnswer:
    empty = PromqlSeries(labels={"name": "idle", "workload": "manager"})
    return PromqlAnswer(query=query, stamp=at(9), step_s=step_s, series=(_QUEUE, empty))


def test_each_queue_is_a_series_in_seconds_since_the_run_began() -> None:
    (queue,) = depth_series([answer()], run_start=at(0))
    assert (queue.name, queue.subject) == ("queue_depth", "manager guestbook")
    assert queue.seconds == (2.0, 3.0)
    assert queue.values == (3.0, 0.0)


def test_answers_to_other_questions_are_no_depth() -> None:
    other = answer("sum(rate(workqueue_adds_total[1m]))")
    assert depth_series([other, answer(step_s=0.0)], run_start=at(0)) == ()
