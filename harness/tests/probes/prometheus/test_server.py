"""A real Prometheus, scraping a page that a test serves."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from harness.assets import Component, resolve
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ClusterError
from harness.evidence.ndjson import NdjsonWriter, read_ndjson
from harness.guard import Guard
from harness.model.promql import PromqlAnswer
from harness.model.target import Gate
from harness.model.time import Span, Stamp
from harness.probes.prometheus import PrometheusServer, Promql, PromqlGates, ScrapeTarget
from harness.probes.prometheus.queries import _pieces, _series

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.evidence.folder import RunFolder

_PAGE = b'# TYPE depth gauge\ndepth{name="a"} 3\ndepth{name="b"} 5\n'


class _Page(BaseHTTPRequestHandler):
    asked = threading.Semaphore(0)

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(_PAGE)
        self.asked.release()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
        server.shutdown()


@pytest.fixture
def guard(tmp_path: Path, run: RunFolder) -> Iterator[Guard]:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    with Guard.start(state_dir=state, evidence=run.evidence) as started:
        yield started


@pytest.fixture
def prometheus(
    tmp_path: Path, run: RunFolder, guard: Guard, page: str
) -> Iterator[PrometheusServer]:
    binary = resolve([Component.PROMETHEUS]).path(Component.PROMETHEUS)
    with PrometheusServer(
        binary=binary,
        targets=[ScrapeTarget(job="operator", url=page, interval_s=0.2)],
        guard=guard,
        state_dir=tmp_path / "state",
        data=run.prometheus,
        log=run.components / "prometheus.log",
    ) as running:
        yield running


def _await_scraped(promql: Promql) -> PromqlAnswer:
    deadline = Deadline(60.0)
    while not (answer := promql.instant("depth")).series and not deadline.passed:
        _Page.asked.acquire(timeout=1.0)  # until the next scrape, not for some time
    return answer


def _await_points(promql: Promql, start: Stamp) -> PromqlAnswer:
    deadline = Deadline(60)
    while True:
        over = promql.over("depth", Span(start=start, end=SYSTEM_CLOCK.now()), step_s=0.1)
        if all(len(series.points) > 1 for series in over.series) or deadline.passed:
            return over
        _Page.asked.acquire(timeout=1.0)


@pytest.mark.controlplane
def test_what_is_scraped_can_be_asked_for_and_gates_are_evaluated_meanwhile(
    prometheus: PrometheusServer, run: RunFolder, tmp_path: Path
) -> None:
    start = SYSTEM_CLOCK.now()
    writer = NdjsonWriter(run.promql_file)
    promql = Promql(prometheus.url, writer=writer)
    first = _await_scraped(promql)
    assert sorted(series.points[0][1] for series in first.series) == [3.0, 5.0]
    assert {series.labels["job"] for series in first.series} == {"operator"}

    gate = Gate(
        measurement="deep", operator="<", bound=4, unit="1", text="< 4", promql="max(depth)"
    )
    other = Gate(measurement="knee", operator=">", bound=4, unit="1/s", text="> 4/s")
    with PromqlGates(promql, (gate, other), phase=lambda: "steady", every_s=0.05):
        _Page.asked.acquire(timeout=10)
        _Page.asked.acquire(timeout=10)
        over = _await_points(promql, start)
    assert all(len(series.points) > 1 for series in over.series)
    writer.close()

    kept = [answer for answer in read_ndjson(run.promql_file, PromqlAnswer) if answer.gate]
    assert kept
    assert {(item.gate, item.query, item.phase) for item in kept} == {
        ("deep", "max(depth)", "steady")
    }
    assert {item.series[0].points[0][1] for item in kept} == {5.0}
    assert any(run.prometheus.iterdir()), "its data is evidence"
    mode = (tmp_path / "state" / "prometheus.yml").stat().st_mode & 0o777
    assert mode == 0o600


@pytest.mark.controlplane
def test_what_prometheus_refuses_is_told_and_kept(prometheus: PrometheusServer) -> None:
    answer = Promql(prometheus.url).instant("depth[")
    assert not answer.series
    assert answer.error.startswith("bad_data: invalid parameter")


def test_a_prometheus_that_is_not_there_is_told() -> None:
    answer = Promql("http://user:secret@127.0.0.1:1").instant("up")
    assert answer.error
    assert "secret" not in answer.error


def test_a_program_that_is_none_says_so(tmp_path: Path, run: RunFolder, guard: Guard) -> None:
    program = tmp_path / "prometheus"
    program.write_text("#!/bin/sh\necho no such flag\nexit 2\n")
    program.chmod(0o755)
    with pytest.raises(ClusterError, match=r"(?s)ended by itself.*no such flag") as caught:
        PrometheusServer(
            binary=program,
            targets=[],
            guard=guard,
            state_dir=tmp_path / "state",
            data=run.prometheus,
            log=run.components / "prometheus.log",
        )
    assert "--prometheus-url" in (caught.value.hint or "")


def test_a_long_span_is_asked_for_in_pieces() -> None:
    def at(seconds: int) -> Stamp:
        return Stamp(mono_ns=seconds * 10**9, wall_ns=seconds * 10**9)

    pieces = list(_pieces(Span(start=at(0), end=at(25_000)), 1.0))
    assert pieces == [(0, 10_999), (11_000, 21_999), (22_000, 25_000)]
    assert list(_pieces(Span(start=at(5), end=at(5)), 1.0)) == [(5, 5)]


def test_a_native_histogram_is_read_with_its_buckets() -> None:
    told = {
        "count": "3",
        "sum": "0.5",
        "buckets": [[3, "-0.001", "0.001", "1"], [0, "0.0105", "0.0115", "2"]],
    }
    found = _series({"metric": {"name": "task"}, "histogram": [1_800_000_000.5, told]})
    assert found.labels == {"name": "task"}
    assert found.buckets == ((-0.001, 0.001, 1.0), (0.0105, 0.0115, 2.0))
    assert not found.points


def test_a_native_histogram_that_counted_nothing_has_no_buckets() -> None:
    assert _series({"metric": {}, "histogram": [1.0, {"count": "0", "sum": "0"}]}).buckets == ()
