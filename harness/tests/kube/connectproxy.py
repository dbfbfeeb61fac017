"""An HTTP proxy on loopback that leads every CONNECT to one port, whatever host is named."""

from __future__ import annotations

import selectors
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self

__all__ = ["ConnectProxy"]


class _Asked(NamedTuple):
    target: str
    login: str | None


class ConnectProxy:
    """Runs from entering to leaving the context.

    Args:
        port: Of 127.0.0.1, where everybody is led to.
    """

    def __init__(self, port: int) -> None:
        self.asked: list[_Asked] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                proxy.asked.append(_Asked(self.path, self.headers["Proxy-Authorization"]))
                with socket.create_connection(("127.0.0.1", port)) as behind:
                    self.send_response(200)
                    self.end_headers()
                    _join(self.connection, behind)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _join(one: socket.socket, other: socket.socket) -> None:
    """Passes bytes on, both ways, until a side ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]  # a socket, as registered
                if not data:
                    return
                key.data.sendall(data)
