"""Exact figures from two scrapes, held against a simulated workqueue whose every item is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.analysis.load.exposition import Page
from harness.analysis.load.identities import bounds_ms, bucket_interval, operator_figures
from harness.model.operatorfigures import OperatorFigures
from harness.model.records import MetricsPage
from harness.model.time import Stamp
from harness.tests.analysis.load.queues import S, SimulatedOperator, constant


def page(text: str, at_s: float = 0.0, status: int = 200) -> Page:
    ns = int(at_s * S)
    stamp = Stamp(mono_ns=ns, wall_ns=ns)
    return Page(MetricsPage(workload="op", url="x", stamp=stamp, status=status, body=text))


def figures(before: Page, after: Page) -> OperatorFigures:
    return operator_figures(before, after, phase="steady", workload="op")


def exposed(workers: int, service_s: float, rate: float, at_s: float) -> str:
    """What controller-runtime would show at an instant, of an operator whose items we know."""
    added = constant(rate, 30)
    ends = SimulatedOperator(workers=workers, service_s=service_s).serve(added)
    begins = ends - int(service_s * S)
    now = int(at_s * S)
    taken, done = begins <= now, ends <= now
    waits, works = (begins - added)[taken] / S, (ends - begins)[done] / S
    unfinished = (now - begins)[taken & ~done].sum() / S
    name = 'controller="task",name="task"'
    half = int((added <= now).sum()) // 2
    return f"""# HELP workqueue_adds_total adds
# TYPE workqueue_adds_total counter
workqueue_adds_total{{{name},priority="0"}} {half}
workqueue_adds_total{{{name},priority="-100"}} {int((added <= now).sum()) - half}
workqueue_queue_duration_seconds_sum{{{name}}} {waits.sum()}
workqueue_queue_duration_seconds_count{{{name}}} {taken.sum()}
workqueue_work_duration_seconds_bucket{{{name},le="0.01"}} 0
workqueue_work_duration_seconds_bucket{{{name},le="0.1"}} {done.sum()}
workqueue_work_duration_seconds_bucket{{{name},le="+Inf"}} {done.sum()}
workqueue_work_duration_seconds_sum{{{name}}} {works.sum()}
workqueue_work_duration_seconds_count{{{name}}} {done.sum()}
workqueue_unfinished_work_seconds{{{name}}} {unfinished}
workqueue_retries_total{{{name}}} 3
controller_runtime_max_concurrent_reconciles{{controller="task"}} {workers}
controller_runtime_reconcile_total{{controller="task",result="success"}} {done.sum()}
controller_runtime_reconcile_total{{controller="task",result="error"}} 0
rest_client_requests_total{{code="200",host="x",method="PATCH"}} {2 * done.sum()}
rest_client_requests_total{{code="409",host="x",method="PUT"}} {done.sum() // 10}
rest_client_request_size_bytes_sum{{host="x",verb="PATCH"}} {300 * done.sum()}
rest_client_response_size_bytes_sum{{host="x",verb="PATCH"}} {700 * done.sum()}
rest_client_response_size_bytes_sum{{host="x",verb="GET"}} {50 * done.sum()}
rest_client_rate_limiter_duration_seconds_sum{{host="x",verb="PATCH"}} {0.03 * done.sum()}
rest_client_rate_limiter_duration_seconds_count{{host="x",verb="PATCH"}} {2 * done.sum()}
process_cpu_seconds_total {0.25 * at_s}
go_goroutines 12
"""


@pytest.mark.parametrize(("workers", "rate"), [(1, 15), (4, 60), (4, 120)])
def test_waits_depth_and_utilisation_are_those_of_the_queue_within_1_percent(
    workers: int, rate: float
) -> None:
    service = 0.05
    begin, end = 2.0, 22.0
    texts = (exposed(workers, service, rate, at) for at in (begin, end))
    (queue,) = figures(
        *(page(text, at) for text, at in zip(texts, (begin, end), strict=True))
    ).queues
    added = constant(rate, 30)
    ends = SimulatedOperator(workers=workers, service_s=service).serve(added)
    begins = ends - int(service * S)
    instants = np.linspace(begin * S, end * S, 20_000)
    busy = np.searchsorted(begins, instants) - np.searchsorted(np.sort(ends), instants)
    assert queue.busy == pytest.approx(float(busy.mean()), rel=0.01)
    assert queue.utilisation == pytest.approx(float(busy.mean()) / workers, rel=0.01)
    assert queue.work_ms == pytest.approx(50, rel=0.01)
    if rate * service / workers < 1:  # else items straddle the edges: the queue only grows
        waiting = np.searchsorted(added, instants) - np.searchsorted(begins, instants)
        assert queue.depth == pytest.approx(float(waiting.mean()), rel=0.01, abs=0.01)
    taken = (begins > begin * S) & (begins <= end * S)
    assert queue.taken == taken.sum()
    assert queue.queue_wait_ms == pytest.approx(
        float((begins - added)[taken].mean()) / 1e6, rel=0.01, abs=0.01
    )


def test_counters_are_summed_over_priorities_and_results() -> None:
    found = figures(page(exposed(4, 0.05, 60, 2), 2), page(exposed(4, 0.05, 60, 12), 12))
    (queue,) = found.queues
    assert queue.adds == 600
    assert queue.reconciles == pytest.approx(600, abs=4)
    assert (queue.workers, queue.retries, queue.errors) == (4, 0, None)
    assert found.conflicts == pytest.approx(60, abs=1)
    assert found.api_calls_per_reconcile == pytest.approx(2.1, abs=0.01)
    assert found.api_bytes_per_reconcile == pytest.approx(1050)
    assert found.limiter_wait_ms == pytest.approx(15)
    assert found.cpu_cores == pytest.approx(0.25)
    assert found.webhook_ms is None


def test_bytes_that_are_counted_one_way_only_make_no_sum() -> None:
    pages = (exposed(4, 0.05, 60, at).replace("rest_client_request_size", "x") for at in (2, 12))
    found = figures(*(page(text, at) for text, at in zip(pages, (2, 12), strict=True)))
    assert found.api_bytes_per_reconcile is None


def test_a_percentile_out_of_buckets_is_an_interval_never_a_point() -> None:
    (queue,) = figures(page(exposed(4, 0.05, 60, 2), 2), page(exposed(4, 0.05, 60, 12), 12)).queues
    assert queue.work_p99_ms == pytest.approx((10, 100))
    assert (queue.wait_p99_ms, queue.native) == (None, False)
    assert bounds_ms((0.01, math.inf)) == (10.0, None)
    assert bucket_interval(0.5, {}, {1.0: 0, 10.0: 4, math.inf: 10}) == (10.0, math.inf)
    assert bucket_interval(0.5, {1.0: 5, math.inf: 5}, {1.0: 5, math.inf: 5}) is None


def test_an_operator_that_was_restarted_between_the_scrapes_has_no_figures() -> None:
    found = figures(page(exposed(4, 0.05, 60, 12), 2), page(exposed(4, 0.05, 60, 2), 12))
    assert not found.queues
    assert "restarted" in found.note


def test_a_restart_is_seen_though_the_counters_have_caught_up() -> None:
    def at(second: float, started: float) -> Page:
        text = exposed(4, 0.05, 60, second)
        return page(f"{text}process_start_time_seconds {started}\n", second)

    assert figures(at(2, 100.0), at(12, 100.4)).queues, "a corrected clock is no restart"
    found = figures(at(2, 100.0), at(12, 107.0))
    assert not found.queues
    assert "restarted" in found.note


def test_a_page_that_was_refused_or_is_of_another_dialect_says_nothing() -> None:
    for text, status in (("forbidden", 403), ("my_metric 1\n", 200)):
        found = figures(page(text, 0, status), page(text, 10, status))
        assert not found.queues
        assert (found.api_calls, found.note) == (None, "")


def test_labels_with_escapes_and_braces_are_read() -> None:
    made = page('workqueue_adds_total{name="a\\"b}",controller="x"} 1e+03\n')
    assert made.total("workqueue_adds_total", {"controller": "x"}) == 1000
    assert made.values("workqueue_adds_total", "controller") == ("x",)
