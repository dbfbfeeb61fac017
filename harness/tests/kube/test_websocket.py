"""A WebSocket speaks RFC 6455, against a server of a few lines that does so, too."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

import pytest

from harness.errors import ApiError
from harness.kube.connection import Credentials
from harness.kube.websocket import WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Server:
    """Takes one connection; answers the upgrade, then does what it's told.

    Args:
        act: Called with the socket after the answer.
        answer: What it answers instead of agreeing.
    """

    def __init__(self, act: Callable[[socket.socket], None], *, answer: bytes = b"") -> None:
        self._act, self._answer = act, answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.head = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        taken, _ = self._socket.accept()
        with taken:
            while b"\r\n\r\n" not in self.head:
                self.head += taken.recv(4096)
            taken.sendall(self._answer or self._agreed())
            if not self._answer:
                self._act(taken)

    def _agreed(self) -> bytes:
        key = self.head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accepted = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        return b"HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: " + accepted + b"\r\n\r\n"

    def close(self) -> None:
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[Server, Credentials]]]:
    servers: list[Server] = []

    def start(
        act: Callable[[socket.socket], None], *, answer: bytes = b""
    ) -> tuple[Server, Credentials]:
        servers.append(Server(act, answer=answer))
        return servers[-1], Credentials(servers[-1].url, authorization=lambda: "Bearer token")

    yield start
    for server in servers:
        server.close()


def _connect(credentials: Credentials) -> WebSocket:
    return WebSocket.connect(
        credentials, "/path", query=(("ports", "80"),), protocol="v4.channel.k8s.io", timeout=5
    )


def _frame(kind: int, payload: bytes, *, final: bool = True) -> bytes:
    length = len(payload)
    head = bytes([(0x80 if final else 0) | kind])
    if length < 126:
        return head + bytes([length]) + payload
    return head + b"\x7e" + struct.pack(">H", length) + payload


def test_identity_and_protocol_are_told(serve: Callable[..., tuple[Server, Credentials]]) -> None:
    server, credentials = serve(lambda _: None)
    channel = _connect(credentials)
    assert channel.receive() is None
    channel.close()
    assert server.head.startswith(b"GET /path?ports=80 HTTP/1.1\r\n")
    assert b"Authorization: Bearer token\r\n" in server.head
    assert b"Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n" in server.head


def test_messages_come_whole_whatever_their_frames(
    serve: Callable[..., tuple[Server, Credentials]],
) -> None:
    long = bytes(range(256)) * 4

    def act(taken: socket.socket) -> None:
        taken.sendall(_frame(2, b"one") + _frame(9, b"ping") + _frame(2, b"tw", final=False))
        taken.sendall(_frame(0, b"o") + _frame(2, long) + _frame(8, b""))

    _, credentials = serve(act)
    channel = _connect(credentials)
    assert [channel.receive() for _ in range(4)] == [b"one", b"two", long, None]
    channel.close()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_what_is_sent_arrives_unmasked(
    serve: Callable[..., tuple[Server, Credentials]], size: int
) -> None:
    """The server takes the mask off, as any server does, and sends all of it back."""
    payload = bytes(number % 251 for number in range(size))

    def act(taken: socket.socket) -> None:
        file = taken.makefile("rb")
        length = file.read(2)[1] & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", file.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", file.read(8))
        mask, masked = file.read(4), file.read(length)
        clear = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
        for start in range(0, max(len(clear), 1), 60_000):
            last = start + 60_000 >= len(clear)
            kind = 2 if start == 0 else 0
            taken.sendall(_frame(kind, clear[start : start + 60_000], final=last))

    _, credentials = serve(act)
    channel = _connect(credentials)
    channel.send(payload)
    assert channel.receive() == payload
    channel.close()


def test_a_refusal_tells_status_and_words(
    serve: Callable[..., tuple[Server, Credentials]],
) -> None:
    _, credentials = serve(
        lambda _: None, answer=b"HTTP/1.1 403 Forbidden\r\n\r\npods is forbidden"
    )
    with pytest.raises(ApiError, match="403 pods is forbidden") as refused:
        _connect(credentials)
    assert refused.value.status == 403


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ApiError, match="CONNECT /path") as missed:
        _connect(Credentials(f"http://127.0.0.1:{port}"))
    assert missed.value.status == 0
