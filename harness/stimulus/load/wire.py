"""Stage 4a: one keep-alive connection to the API server, driven by gevent's loop.

The fast path: a request is written by whoever sends it, at once; the answer is read in a callback
of the loop. No greenlet waits for either. HTTP/1.1 with one request at a time, so that a stamp
belongs to a request. Of an answer, only the status, the uid and the generation are looked at.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any, NamedTuple

import gevent
import gevent.socket

from harness.clock import monotonic_ns
from harness.model.load import ArrivalStatus, uid_hash

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Address", "Answer", "Wire", "read_answer"]

_PART = 1 << 16
_READ, _WRITE = 1, 2  # libev's own names of the two
_CONNECT_S = 5.0
_AGAIN = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


class Address(NamedTuple):
    """Where the server is.

    Attributes:
        tls: None for plain HTTP.
        name: In the server's certificate.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None
    name: str


class Answer(NamedTuple):
    """What an arrival's row holds of an answer.

    Attributes:
        generation: 0 where there is none.
        uid: uid_hash; 0 where there is none.
        last: The server closes the connection after it.
    """

    status: int
    generation: int
    uid: int
    last: bool


def read_answer(data: bytes) -> Answer | None:
    """Reads a whole HTTP/1.1 answer with a JSON body; None where more is to come.

    Args:
        data: All that has come since the request.

    Raises:
        ValueError: It isn't one.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    body = end + 4
    length = data.find(b"\r\nContent-Length: ", 0, body)
    if length >= 0:
        if len(data) < body + int(data[length + 18 : data.index(b"\r", length + 18)]):
            return None
    elif not data.endswith(b"0\r\n\r\n", body):  # chunked; JSON holds no line ends
        return None
    else:
        data = data[:body] + _joined(data[body:])  # the end of a chunk may cut a number
    last = data.find(b"\r\nConnection: close", 0, body) >= 0
    generation, uid = 0, 0
    at = data.find(b'"generation":', body)
    if at >= 0:
        digits = data[at + 13 : at + 33]
        generation = int(digits[: len(digits) - len(digits.lstrip(b"0123456789"))] or 0)
    at = data.find(b'"uid":"', body)
    if at >= 0:
        uid = uid_hash(data[at + 7 : data.find(b'"', at + 7)])
    return Answer(int(data[9:12]), generation, uid, last)


def _joined(chunked: bytes) -> bytes:
    joined, at = bytearray(), 0
    while True:
        end = chunked.index(b"\r\n", at)
        size = int(chunked[at:end].partition(b";")[0], 16)
        if not size:
            return bytes(joined)
        joined += chunked[end + 2 : end + 2 + size]
        at = end + 2 + size + 2


class Wire:
    """A connection and the arrival that is in flight on it.

    Args:
        address: Where to.
        ended: Called with the wire, the instant and the answer (its status is an ArrivalStatus
            where none came) when the arrival in flight has ended. The wire is free then, and open
            unless the answer was the last.

    Attributes:
        job: What is in flight; None where nothing is. The owner decides what it holds.
        sent_ns: When it was sent.
        used_ns: When it was opened, or the last answer came.
    """

    __slots__ = (
        "_address",
        "_ended",
        "_part",
        "_reader",
        "_rest",
        "_socket",
        "_writer",
        "job",
        "sent_ns",
        "used_ns",
    )

    def __init__(self, address: Address, ended: Callable[[Wire, int, Answer], None]) -> None:
        self._address = address
        self._ended = ended
        self._socket: Any = None  # gevent's, plain or with TLS
        self._reader: Any = None  # a watcher of gevent's loop
        self._writer: Any = None
        self._part = b""
        self._rest = b""
        self.job: Any = None
        self.sent_ns = self.used_ns = 0

    @property
    def is_open(self) -> bool:
        """Whether something can be sent."""
        return self._socket is not None

    def open(self) -> None:
        """Connects; the calling greenlet waits.

        Raises:
            OSError: It can't.
        """
        host, port, tls, name = self._address
        with gevent.Timeout(_CONNECT_S, TimeoutError(f"no connection within {_CONNECT_S:g} s")):
            plain = gevent.socket.create_connection((host, port))
            try:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._socket = tls.wrap_socket(plain, server_hostname=name) if tls else plain
            except BaseException:
                plain.close()
                raise
        self._socket.setblocking(0)
        self.used_ns = monotonic_ns()
        self._reader = gevent.get_hub().loop.io(self._socket.fileno(), _READ)
        self._reader.start(self._readable)

    def send(self, request: bytes, job: Any) -> None:  # noqa: ANN401 - the owner's own
        """Sends a request; nothing may be in flight.

        An error ends the arrival, as it would while waiting for the answer.
        """
        self.job = job
        self.sent_ns = monotonic_ns()
        try:
            gone = self._socket.send(request)
        except _AGAIN:
            gone = 0
        except OSError:
            self.break_off(ArrivalStatus.CONNECTION_ERROR)
            return
        if gone < len(request):
            self._rest = request[gone:]
            self._writer = gevent.get_hub().loop.io(self._socket.fileno(), _WRITE)
            self._writer.start(self._writable)

    def break_off(self, status: ArrivalStatus) -> None:
        """Closes the connection; what is in flight ends with `status`."""
        self.close()
        if self.job is not None:
            self._ended(self, monotonic_ns(), Answer(int(status), 0, 0, last=True))

    def close(self) -> None:
        """Closes the connection; what is in flight is forgotten."""
        for watcher in (self._reader, self._writer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._reader = self._writer = None
        self._part = self._rest = b""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _writable(self) -> None:
        try:
            self._rest = self._rest[self._socket.send(self._rest) :]
        except _AGAIN:
            return
        except OSError:
            self.break_off(ArrivalStatus.CONNECTION_ERROR)
            return
        if not self._rest:
            self._writer.stop()
            self._writer.close()
            self._writer = None

    def _readable(self) -> None:
        while self._socket is not None:  # TLS may hold more than the loop knows of
            try:
                data = self._socket.recv(_PART)
            except _AGAIN:
                return
            except OSError:
                data = b""
            now = monotonic_ns()
            if not data or self.job is None:  # closed, or an answer that nobody asked for
                self.break_off(ArrivalStatus.CONNECTION_ERROR)
                return
            if self._part:
                data = self._part + data
            try:
                answer = read_answer(data)
            except ValueError:
                self.break_off(ArrivalStatus.CONNECTION_ERROR)
                return
            if answer is not None:
                self._part = b""
                self.used_ns = now
                if answer.last:
                    self.close()
                self._ended(self, now, answer)
                return
            self._part = data
