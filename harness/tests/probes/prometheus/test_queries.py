"""What a Prometheus refuses, and one that isn't there, are told before anything is measured."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.cli import main
from harness.errors import UsageError
from harness.model.target import Gate
from harness.probes.prometheus import Promql, require_gates

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANSWERS = {
    "vector(1)": (200, {"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}]}),
    "nothing": (200, {"resultType": "vector", "result": []}),
    "1": (200, {"resultType": "scalar", "result": [1, "1"]}),
    "sum(": (400, ("bad_data", 'invalid parameter "query": 1:5: parse error: unclosed')),
    "a * b": (422, ("execution", "many-to-many matching not allowed")),
}


class _Prometheus(BaseHTTPRequestHandler):
    """Says what a real one says of these expressions."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query).get("query", [""])[0]
        status, found = _ANSWERS[query]
        body = {"status": "success", "data": found}
        if isinstance(found, tuple):
            body = {"status": "error", "errorType": found[0], "error": found[1]}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def promql() -> Iterator[Promql]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Prometheus) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Promql(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


def _gate(query: str) -> Gate:
    return Gate(measurement="deep", operator="<", bound=1, unit="1", text="< 1", promql=query)


@pytest.fixture
def closed() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://reader:p%40ss-word@127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize(
    ("query", "told"), [("sum(", "bad_data: .*1:5: parse error"), ("1", "wrap it in vector")]
)
def test_an_expression_that_is_refused_whatever_there_is_ends_it(
    promql: Promql, query: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        require_gates(promql, [_gate("nothing"), _gate(query)])
    assert "gates.deep.promql" in caught.value.hint


def test_what_depends_on_the_series_of_the_moment_is_taken(promql: Promql) -> None:
    require_gates(promql, [_gate("nothing"), _gate("a * b"), _gate("")])


def test_a_refusal_is_told_in_prometheus_own_words(promql: Promql) -> None:
    assert promql.instant("a * b").error == "execution: many-to-many matching not allowed"


def test_one_that_answers_is_not_silent_and_one_that_is_away_is(
    promql: Promql, closed: str
) -> None:
    assert promql.silent() == ""
    told = Promql(closed).silent()
    assert "refused" in told
    assert "ss-word" not in told


def test_an_address_where_nobody_answers_is_refused_before_a_cluster_is_made(
    closed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as done:
        main(["run", "--suite", "load", "--target", "guestbook", "--prometheus-url", closed])
    assert done.value.code == 4
    told = capsys.readouterr().err
    assert "no Prometheus answers there" in told
    assert "ss-word" not in told
