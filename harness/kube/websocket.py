"""A WebSocket to an API server (RFC 6455), as far as its streaming subresources need one."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import ssl
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from harness.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.kube.connection import Credentials

__all__ = ["WebSocket"]

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # the RFC's own
_SWITCHED = 101
_LONGEST_HEAD = 64 << 10
_LONGEST_FRAME = 16 << 20
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_BYTE_LENGTH, _SHORT_LENGTH = 126, 1 << 16
_QUAD = 127


class WebSocket:
    """One open WebSocket; one thread may read while others write.

    Made by `WebSocket.connect`.
    """

    def __init__(self, sock: socket.socket, rest: bytes) -> None:
        self._sock = sock
        self._held = bytearray(rest)
        self._sending = threading.Lock()

    @classmethod
    def connect(
        cls,
        credentials: Credentials,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        protocol: str,
        timeout: float,
    ) -> WebSocket:
        """Opens one.

        Args:
            credentials: Server and identity.
            path: URL path.
            query: Parameters.
            protocol: The subprotocol to ask for.
            timeout: Seconds until the server must have agreed.

        Raises:
            ApiError: It refuses, or doesn't answer (status 0).
        """
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            sock = _socket(credentials, timeout)
            try:
                return cls(sock, _upgrade(sock, credentials, target, protocol))
            except BaseException:
                sock.close()
                raise
        except (OSError, ssl.SSLError) as error:
            raise ApiError(f"CONNECT {path}: {error}", status=0) from error

    def send(self, payload: bytes) -> None:
        """Sends one binary message.

        Raises:
            OSError: The connection is gone.
        """
        self._send(_BINARY, payload)

    def receive(self) -> bytes | None:
        """Waits for the next message and returns it; None where the other side has ended.

        Raises:
            OSError: The connection is gone, or isn't a WebSocket any more.
        """
        message = bytearray()
        while True:
            head = self._take(2)
            if head is None:
                return None
            final, kind = head[0] & 0x80, head[0] & 0x0F
            payload = self._take(self._length(head[1]))
            if payload is None or kind == _CLOSE:
                return None
            if kind == _PING:
                self._send(_PONG, payload)
            elif kind in (0, _TEXT, _BINARY):
                message += payload
                if final:
                    return bytes(message)

    def close(self) -> None:
        """Ends the connection; a blocked read in another thread ends, too."""
        with suppress(OSError):  # the other side was first
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _length(self, byte: int) -> int:
        length = byte & 0x7F
        if length >= _BYTE_LENGTH:
            width = 2 if length == _BYTE_LENGTH else 8
            length = int.from_bytes(self._take(width) or b"", "big")
        if length > _LONGEST_FRAME:
            raise OSError(f"a frame of {length} bytes")
        return length

    def _take(self, count: int) -> bytes | None:
        while len(self._held) < count:
            chunk = self._sock.recv(1 << 16)
            if not chunk:
                return None
            self._held += chunk
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def _send(self, kind: int, payload: bytes) -> None:
        mask = os.urandom(4)
        length = len(payload)
        head = bytes([0x80 | kind])
        if length < _BYTE_LENGTH:
            head += bytes([0x80 | length])
        elif length < _SHORT_LENGTH:
            head += bytes([0x80 | _BYTE_LENGTH]) + struct.pack(">H", length)
        else:
            head += bytes([0x80 | _QUAD]) + struct.pack(">Q", length)
        with self._sending:
            self._sock.sendall(head + mask + _masked(payload, mask))


def _masked(payload: bytes, mask: bytes) -> bytes:
    if not payload:
        return b""
    repeated = mask * (len(payload) // 4 + 1)
    number = int.from_bytes(payload, "big") ^ int.from_bytes(repeated[: len(payload)], "big")
    return number.to_bytes(len(payload), "big")


def _socket(credentials: Credentials, timeout: float) -> socket.socket:
    parts = urlsplit(credentials.server)
    if credentials.proxy.url:
        raise OSError("a WebSocket through a proxy isn't supported")
    secure = parts.scheme == "https"
    host, port = parts.hostname or "127.0.0.1", parts.port or (443 if secure else 80)
    plain = socket.create_connection((host, port), timeout)
    if not secure or credentials.tls is None:
        return plain
    return credentials.tls.wrap_socket(plain, server_hostname=credentials.server_name or host)


def _upgrade(sock: socket.socket, credentials: Credentials, target: str, protocol: str) -> bytes:
    """Asks for the switch of protocols; returns what came after the answer."""
    key = base64.b64encode(os.urandom(16)).decode()
    headers = {
        "Host": urlsplit(credentials.server).netloc,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Protocol": protocol,
        "User-Agent": "operator-harness",
    }
    if authorization := credentials.authorization():
        headers["Authorization"] = authorization
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    sock.sendall(f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode())
    held = bytearray()
    while b"\r\n\r\n" not in held:
        chunk = sock.recv(1 << 14)
        if not chunk or len(held) > _LONGEST_HEAD:
            raise OSError("the server closed the connection")
        held += chunk
    head, _, rest = bytes(held).partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    code = int(status[0]) if status and status[0].isdigit() else 0
    if code != _SWITCHED:
        text = rest.decode(errors="replace").strip()[:300]
        raise ApiError(f"CONNECT {target.partition('?')[0]}: {code} {text}", status=code)
    accepted = hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()
    if base64.b64encode(accepted) not in head:
        raise OSError("the server didn't agree to a WebSocket")
    sock.settimeout(None)
    return rest
