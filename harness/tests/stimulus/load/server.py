"""A small API server for load: objects by path, over plain HTTP/1.1, kept alive."""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Server", "serving"]

_PATIENCE_S = 20


class Server(ThreadingHTTPServer):
    """What was asked, and what is there.

    Attributes:
        methods: How often each was asked for.
        objects: By path.
        status: Answers everything, where it isn't 0.
        gate: Answers wait for it.
        opens_at: So many requests open the gate; 0 leaves it as it is.
        held: How many requests have come to the gate.
        chunked: Whether answers come in chunks.
        drops: So many requests get no answer, but a closed connection.
        connections: How many were opened.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.methods: Counter[str] = Counter()
        self.objects: dict[str, dict[str, Any]] = {}
        self.status = 0
        self.gate = threading.Event()
        self.gate.set()
        self.opens_at = 0
        self.held = 0
        self.chunked = False
        self.drops = 0
        self.connections = 0

    @property
    def port(self) -> int:
        return self.server_address[1]

    def hold(self, requests: int = 0) -> None:
        """Lets answers wait until so many requests are there, or somebody opens the gate."""
        self.held, self.opens_at = 0, requests
        self.gate.clear()

    def pass_gate(self) -> None:
        """Waits for the gate; one that nothing opens opens itself, so that a test ends."""
        with self.lock:
            self.held += 1
            if self.held == self.opens_at:
                self.gate.set()
        self.gate.wait(_PATIENCE_S)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self.lock:
            self.methods[method] += 1
            if self.status:
                return self.status, {"kind": "Status"}
            if method == "POST":
                metadata = body["metadata"] | {"uid": str(uuid.uuid4()), "generation": 1}
                made = body | {"metadata": dict(sorted(metadata.items()))}
                self.objects[f"{path}/{metadata['name']}"] = made
                return 201, made
            found = self.objects.get(path)
            if found is None:
                return 404, {"kind": "Status"}
            if method == "DELETE":
                del self.objects[path]
                return 200, {"kind": "Status", "details": {"uid": found["metadata"]["uid"]}}
            spec = found["spec"] | body.get("spec", {})
            if spec != found["spec"]:
                found["spec"] = spec
                found["metadata"]["generation"] += 1
            return 200, found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def setup(self) -> None:
        """Counts the connection."""
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def _do(self) -> None:
        length = int(self.headers["Content-Length"])
        body = json.loads(self.rfile.read(length))
        self.server.pass_gate()
        with self.server.lock:
            if self.server.drops:
                self.server.drops -= 1
                self.close_connection = True
                return
        path = self.path.partition("?")[0]
        status, answer = self.server.answer(self.command, path, body)
        data = json.dumps(answer, separators=(",", ":")).encode()
        self.send_response(status)
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(data), 50):
                part = data[at : at + 50]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    do_POST = do_PATCH = do_DELETE = _do

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    """Yields a running server."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
