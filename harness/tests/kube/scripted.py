"""A server that plays scripted answers: faults that a real API server can't produce on demand."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DROP",
    "HANG",
    "Answer",
    "ScriptedServer",
    "answer",
    "event",
    "listing",
    "status",
    "stream",
]

DROP = "drop"  # reset the connection
HANG = "hang"  # send nothing until the server is closed


class Request(NamedTuple):
    """What was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What is answered: status and headers, then steps.

    A step is bytes (sent as one chunk), an Event (waited for), `DROP` or `HANG`.
    """

    code: int
    headers: dict[str, str]
    steps: Sequence[bytes | threading.Event | str]
    chunked: bool


def answer(body: object, *, code: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """A whole JSON answer."""
    return Answer(code, headers or {}, [json.dumps(body).encode()], chunked=False)


def status(code: int, reason: str = "", message: str = "", **more: Any) -> Answer:
    """A Status object."""
    body = {"kind": "Status", "code": code, "reason": reason, "message": message, **more}
    return answer(body, code=code)


def stream(*steps: bytes | threading.Event | str) -> Answer:
    """A chunked answer, as of a watch."""
    return Answer(200, {}, steps, chunked=True)


def listing(version: str, *items: dict[str, Any], more: str = "") -> Answer:
    """A list (a page of one where `more` is its continue token)."""
    metadata = {"resourceVersion": version, **({"continue": more} if more else {})}
    return answer({"kind": "List", "metadata": metadata, "items": list(items)})


def item(name: str, version: str, **more: Any) -> dict[str, Any]:
    """An object as lists hold it, without apiVersion and kind."""
    return {"metadata": {"name": name, "uid": f"u-{name}", "resourceVersion": version}, **more}


def event(kind: str, name: str, version: str, **more: Any) -> bytes:
    """One line of a watch."""
    obj = {"apiVersion": "v1", "kind": "ConfigMap", **item(name, version, **more)}
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


class ScriptedServer:
    """Answers each request with the next answer; hangs when there is none left."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[Request] = []
        self.asked = threading.Semaphore(0)  # released with each request
        self._answers = deque(answers)
        self._closed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def await_requests(self, count: int) -> None:
        """Returns when `count` further requests have come."""
        for _ in range(count):
            assert self.asked.acquire(timeout=5), f"only {len(self.requests)} requests came"

    def _play(self, wire: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(wire.path)
        length = int(wire.headers.get("Content-Length") or 0)
        request = Request(
            wire.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            dict(wire.headers),
            wire.rfile.read(length),
        )
        self.requests.append(request)
        self.asked.release()
        play = self._answers.popleft() if self._answers else stream(HANG)
        if play.steps and play.steps[0] == HANG and play.code == 0:
            self._closed.wait()
            return
        wire.send_response(play.code)
        for name, value in play.headers.items():
            wire.send_header(name, value)
        if play.chunked:
            wire.send_header("Transfer-Encoding", "chunked")
        else:
            size = sum(len(step) for step in play.steps if isinstance(step, bytes))
            wire.send_header("Content-Length", str(size))
        wire.end_headers()
        for step in play.steps:
            if not self._step(wire, step, chunked=play.chunked):
                return
        if play.chunked:
            wire.wfile.write(b"0\r\n\r\n")

    def _step(
        self, wire: BaseHTTPRequestHandler, step: bytes | threading.Event | str, *, chunked: bool
    ) -> bool:
        if isinstance(step, threading.Event):
            step.wait(10)
        elif step == HANG:
            wire.wfile.flush()
            self._closed.wait()
            wire.close_connection = True
            return False
        elif step == DROP:
            reset = struct.pack("ii", 1, 0)
            wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            wire.close_connection = True
            return False
        elif isinstance(step, bytes):
            wire.wfile.write(b"%x\r\n%s\r\n" % (len(step), step) if chunked else step)
            wire.wfile.flush()
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        play = self._play

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                try:
                    play(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler
