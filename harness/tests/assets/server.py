"""A server of release files on loopback, and what can be wrong with one."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from harness.assets.components import PINS, Component, Pins
from harness.assets.releases import Release, release_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Answer", "ReleaseServer", "serving"]


class Answer:
    """What is sent for a path.

    Args:
        body: Of the file.
        statuses: Of the first answers; then 200.
        sent: How many bytes of the body are sent, though all are announced; None for all.
        times: How often `sent` holds.
        location: Where the path redirects to.
        gate: Waited for, after `sent` bytes, before the rest comes.
    """

    def __init__(
        self,
        body: bytes = b"",
        *,
        statuses: tuple[int, ...] = (),
        sent: int | None = None,
        times: int = 10**6,
        location: str = "",
        gate: threading.Event | None = None,
    ) -> None:
        self.body = body
        self.statuses = list(statuses)
        self.sent = sent
        self.times = times
        self.location = location
        self.gate = gate
        self.started = threading.Event()


class ReleaseServer(ThreadingHTTPServer):
    """Serves what tests publish; notes each request and the Authorization that it had."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [path for path, _ in self.requests]

    def publish(
        self,
        *components: Component,
        pins: Pins = PINS,
        says: str = "",
        padding: int = 0,
        change: Callable[[bytes], bytes] = bytes,
    ) -> None:
        """Publishes components with their checksums.

        Args:
            components: Which ones.
            pins: Their versions.
            says: Version that the binaries say instead.
            padding: Bytes by which each binary is longer.
            change: Applied to a file after its checksum was taken.
        """
        digests: dict[str, list[tuple[str, str]]] = {}
        for component in components:
            release = release_of(component, pins)
            assert release, "there are releases for the platform of the tests"
            file = _file(release, component, says or release.version, padding)
            self.answers[f"/{release.place}"] = Answer(change(file))
            digest = hashlib.sha256(file).hexdigest()
            digests.setdefault(release.checksums, []).append((release.name, digest))
        for place, pairs in digests.items():
            self.answers[f"/{place}"] = Answer(_checksums(place, pairs))


class _Handler(BaseHTTPRequestHandler):
    server: ReleaseServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.removeprefix("http://mirror.test")  # as a proxy gets it
        credentials = self.headers.get("Authorization", "").removeprefix("Basic ")
        self.server.requests.append((path, base64.b64decode(credentials).decode()))
        answer = self.server.answers.get(path)
        if answer is None:
            self._head(404, 0)
        elif answer.statuses:
            self._head(answer.statuses.pop(0), 0)
        elif answer.location:
            self._head(302, 0, location=answer.location)
        else:
            self._send(answer)

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def _head(self, status: int, length: int, *, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if location:
            self.send_header("Location", location)
        self.end_headers()

    def _send(self, answer: Answer) -> None:
        self._head(200, len(answer.body))
        sent = answer.sent if answer.times > 0 else None
        answer.times -= 1
        with contextlib.suppress(OSError):
            self.wfile.write(answer.body[:sent])
            self.wfile.flush()
            answer.started.set()
            if answer.gate is not None:
                answer.gate.wait(20.0)
                self.wfile.write(answer.body[sent:])
            elif sent is not None:
                self.close_connection = True


@contextlib.contextmanager
def serving() -> Iterator[ReleaseServer]:
    """Runs a server while the block lasts."""
    with ReleaseServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _file(release: Release, component: Component, version: str, padding: int) -> bytes:
    if not release.members:
        return _binary(component, version, padding)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for member, path in release.members.items():
            content = _binary(member, version, padding)
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


def _binary(component: Component, version: str, padding: int) -> bytes:
    return f"#!/bin/sh\necho '{component} v{version}'; exit 0\n".encode() + b"#" * padding


def _checksums(place: str, pairs: list[tuple[str, str]]) -> bytes:
    if place.startswith("api."):
        assets = [{"name": name, "digest": f"sha256:{digest}"} for name, digest in pairs]
        return json.dumps({"tag_name": "v0", "assets": assets}).encode()
    if place.endswith("SUMS"):
        lines = [f"{'0' * 64}  other.tar.gz", *(f"{digest}  {name}" for name, digest in pairs)]
        return "\n".join(lines).encode()
    return pairs[0][1].encode()
