"""Metrics under an operator's own names are read as controller-runtime's, and kept as they were."""

from __future__ import annotations

from harness.evidence.dialects import translated
from harness.model.installation import MetricsEndpoint
from harness.model.records import MetricsPage
from harness.model.time import Stamp

_PAGE = r"""# HELP my_queue_latency_seconds Waits of my_queue_latency_seconds.
# TYPE my_queue_latency_seconds histogram
my_queue_latency_seconds_bucket{queue="a",le="0.1"} 3
my_queue_latency_seconds_sum{queue="a"} 0.5
my_queue_latency_seconds_count{queue="a"} 3
my_queue 2
my_queue_latency_seconds_more{queue="a"} 9
my_calls{verb="x",status="409",text="a \"b}, status=\"1\""} 4
other{queue="a",status="5"} 7
"""


def _page(body: str = _PAGE) -> MetricsPage:
    stamp = Stamp(mono_ns=1, wall_ns=1)
    return MetricsPage(workload="op", url="x", stamp=stamp, status=200, body=body)


def _endpoint(**labels: str) -> MetricsEndpoint:
    names = {
        "workqueue_queue_duration_seconds": "my_queue_latency_seconds",
        "workqueue_depth": "my_queue",
        "rest_client_requests_total": "my_calls",
    }
    return MetricsEndpoint(url="x", dialect="plain", names=names, labels=labels)


def test_families_get_their_names_with_comments_and_parts_of_histograms() -> None:
    body = translated(_page(), _endpoint()).body.splitlines()
    assert body[0] == ("# HELP workqueue_queue_duration_seconds Waits of my_queue_latency_seconds.")
    assert body[1] == "# TYPE workqueue_queue_duration_seconds histogram"
    assert body[2:6] == [
        'workqueue_queue_duration_seconds_bucket{queue="a",le="0.1"} 3',
        'workqueue_queue_duration_seconds_sum{queue="a"} 0.5',
        'workqueue_queue_duration_seconds_count{queue="a"} 3',
        "workqueue_depth 2",
    ]


def test_a_family_whose_name_only_begins_alike_stays() -> None:
    assert 'my_queue_latency_seconds_more{queue="a"} 9' in translated(_page(), _endpoint()).body


def test_labels_are_translated_in_these_families_alone_and_values_never() -> None:
    body = translated(_page(), _endpoint(name="queue", code="status")).body.splitlines()
    assert body[3] == 'workqueue_queue_duration_seconds_sum{name="a"} 0.5'
    assert (
        body[7] == r'rest_client_requests_total{verb="x",code="409",text="a \"b}, status=\"1\""} 4'
    )
    assert body[8] == 'other{queue="a",status="5"} 7'


def test_a_page_without_own_names_stays_as_it_is() -> None:
    page = _page()
    assert translated(page, None) is page
    assert translated(page, MetricsEndpoint(url="x", dialect="plain")) is page
