"""Scrapes: every outcome is a page, and the token stays on this machine."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from harness.clock import FakeClock
from harness.errors import UsageError
from harness.probes.metrics import parse, probe, scrape
from harness.tests.kube.certificates import self_signed
from harness.tests.kube.scripted import HANG, Answer, ScriptedServer, status, stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


PAGE = b"# TYPE up gauge\nup 1\n# TYPE n counter\nn_total 2\n"


def page(**headers: str) -> Answer:
    named = {"Content-Type": "text/plain; version=0.0.4", **headers}
    return Answer(200, named, [PAGE], chunked=False)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[str]:
    """URL of a page behind a self-signed certificate."""
    pair = self_signed()
    (tmp_path / "crt").write_bytes(pair.certificate)
    (tmp_path / "key").write_bytes(pair.key)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}/metrics"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_page_is_kept_with_its_type_and_stamp() -> None:
    clock = FakeClock(mono_ns=7)
    with ScriptedServer(page()) as server:
        found = scrape(f"{server.url}/metrics?x=1", token="s3cret", workload="w", clock=clock)
    assert (found.status, found.body, found.workload) == (200, PAGE.decode(), "w")
    assert found.content_type.startswith("text/plain")
    assert found.stamp.mono_ns == 7
    assert server.requests[0].headers["Authorization"] == "Bearer s3cret"
    assert server.requests[0].query == {"x": "1"}
    assert "s3cret" not in repr(found)


def test_a_self_signed_certificate_is_accepted(secure: str) -> None:
    assert scrape(secure).body == PAGE.decode()
    assert probe(secure) == 200


def test_a_refusal_is_a_page_with_its_status() -> None:
    with ScriptedServer(status(401)) as server:
        assert scrape(server.url).status == 401


def test_no_answer_is_a_page_with_the_reason() -> None:
    with ScriptedServer() as server:
        pass
    found = scrape(server.url)
    assert (found.status, found.body) == (0, "")
    assert "Refused" in found.error


@pytest.mark.parametrize("answers", [[Answer(0, {}, [HANG], chunked=False)], [stream(b"a", HANG)]])
def test_a_page_that_does_not_end_is_given_up(answers: list[Answer]) -> None:
    with ScriptedServer(*answers) as server:
        assert "imed" in scrape(server.url, timeout=0.2).error


def test_a_redirect_is_not_followed_so_that_the_token_goes_nowhere_else() -> None:
    with ScriptedServer() as other:
        moved = Answer(302, {"Location": other.url}, [], chunked=False)
        with ScriptedServer(moved) as server:
            assert scrape(server.url, token="s3cret").status == 302
        assert other.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/metrics",
        "https://example.org/metrics",
        "http://127.0.0.1.example.org/",
        "http://127.0.0.1@example.org/",
        "file:///etc/passwd",
        "http:///x",
    ],
)
def test_other_machines_are_never_asked(url: str) -> None:
    with pytest.raises(UsageError, match="loopback"):
        scrape(url, token="s3cret")
    with pytest.raises(UsageError):
        probe(url)


def test_pages_are_parsed_into_families() -> None:
    families = {family.name: family for family in parse(PAGE.decode())}
    assert families["up"].samples[0].value == 1
    assert families["n"].type == "counter"
    openmetrics = "# TYPE n counter\nn_total 2\n# EOF\n"
    assert parse(openmetrics, "application/openmetrics-text; version=1.0.0")[0].name == "n"


def test_what_is_no_page_is_an_error() -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse("<html>no</html> {")


@pytest.mark.parametrize(("code", "told"), [(200, 200), (500, 500)])
def test_a_probe_tells_the_status(code: int, told: int) -> None:
    with ScriptedServer(status(code)) as server:
        assert probe(f"{server.url}/healthz") == told


def test_a_probe_without_answer_tells_zero() -> None:
    with ScriptedServer(Answer(0, {}, [HANG], chunked=False)) as server:
        assert probe(server.url, timeout=0.2) == 0
