"""The way to an API server: credentials over a thread-safe pool of sockets.

Requests are plain urllib3, without retries, without models, and with a time-out each.
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import urllib3

from harness import __version__
from harness.kube.proxies import NO_PROXY, Proxy

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from urllib3.response import BaseHTTPResponse

__all__ = ["Channel", "Connection", "Credentials"]

_CONNECT_S = 5.0
_POOL_SIZE = 32
_UNAUTHORIZED = 401
_USER_AGENT = f"operator-harness/{__version__}"


class Credentials:
    """Who we are to a server and how we know it; prints nothing of it.

    Args:
        server: URL without a trailing slash.
        tls: None for plain HTTP.
        authorization: Returns the present Authorization header, or None; may refresh it.
        renew: Gets the header of a request that was answered by 401; returns whether there is
            something new to try.
        server_name: Name in the server's certificate where it isn't the URL's host.
        proxy: The proxy that leads there.
    """

    def __init__(
        self,
        server: str,
        *,
        tls: ssl.SSLContext | None = None,
        authorization: Callable[[], str | None] = lambda: None,
        renew: Callable[[str | None], bool] = lambda _: False,
        server_name: str = "",
        proxy: Proxy = NO_PROXY,
    ) -> None:
        self.server = server.rstrip("/")
        self.tls = tls
        self.authorization = authorization
        self.renew = renew
        self.server_name = server_name
        self.proxy = proxy

    def __repr__(self) -> str:
        return f"Credentials({self.server!r})"

    def pools(self, *, size: int) -> urllib3.PoolManager:
        """Returns a new pool manager that speaks with these credentials' TLS settings."""
        options: dict[str, Any] = {"retries": False, "maxsize": size}  # urllib3's own keywords
        if self.tls is not None:
            options["ssl_context"] = self.tls
        if self.server_name:
            options["server_hostname"] = self.server_name
            options["assert_hostname"] = self.server_name
        if self.proxy.url.startswith("socks"):
            from urllib3.contrib.socks import SOCKSProxyManager  # noqa: PLC0415 - rare

            return SOCKSProxyManager(self.proxy.url, **options)
        if self.proxy.url:
            headers = dict(self.proxy.headers)
            return urllib3.ProxyManager(self.proxy.url, proxy_headers=headers, **options)
        return urllib3.PoolManager(**options)


class Connection:
    """A pool of sockets to one API server under one identity; safe to share between threads.

    Args:
        credentials: Server and identity.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._pools = credentials.pools(size=_POOL_SIZE)
        self._authorizing = threading.Lock()
        self.server = credentials.server

    def __repr__(self) -> str:
        return f"Connection({self.server!r})"

    @classmethod
    def from_kubeconfig(cls, path: Path, *, context: str | None = None) -> Self:
        """Reads a kubeconfig; nothing is sent yet.

        Args:
            path: The file.
            context: Name of the context; None for the current one.

        Raises:
            UsageError: It is missing, not a kubeconfig, or lacks the context.
        """
        from harness.kube.kubeconfig import read_kubeconfig  # noqa: PLC0415 - not all need YAML

        return cls(read_kubeconfig(path, context=context).credentials)

    def open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        stream: bool = False,
    ) -> BaseHTTPResponse:
        """Sends one request.

        Args:
            method: HTTP method.
            path: URL path, for example "/api/v1/namespaces".
            query: Parameters; encoded here.
            body: As sent.
            headers: Added to ours.
            timeout: Seconds for connecting and then for each wait for bytes.
            stream: Leave the body unread; the caller closes the response.

        Raises:
            urllib3.exceptions.HTTPError: No answer came; nothing was tried twice.
        """
        return self._send(
            self._pools,
            method,
            _target(path, query),
            body=body,
            headers=headers,
            timeout=timeout,
            stream=stream,
        )

    def channel(self) -> Channel:
        """Returns a socket of its own, which another thread may cut."""
        return Channel(self, self._credentials.pools(size=1))

    def close(self) -> None:
        """Closes all idle sockets; later requests open new ones."""
        self._pools.clear()

    def _send(
        self,
        pools: urllib3.PoolManager,
        method: str,
        target: str,
        *,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        timeout: float,
        stream: bool,
    ) -> BaseHTTPResponse:
        all_headers = {"User-Agent": _USER_AGENT, "Accept": "application/json", **(headers or {})}
        given = "Authorization" in all_headers
        for again in (False, True):
            with self._authorizing:  # an exec plugin must not run twice at once
                authorization = None if given else self._credentials.authorization()
            if authorization:
                all_headers["Authorization"] = authorization
            response = pools.urlopen(
                method,
                self.server + target,
                body=body,
                headers=all_headers,
                timeout=urllib3.Timeout(connect=min(_CONNECT_S, timeout), read=timeout),
                preload_content=not stream,
                decode_content=True,
                redirect=False,
            )
            if again or given or response.status != _UNAUTHORIZED:
                break
            if not self._credentials.renew(authorization):
                break
            response.close()
            pools.clear()  # an open socket has shown the old certificate
        return response


class Channel:
    """One socket at a time, for long answers; `cut` ends a blocked read in another thread.

    Made by `Connection.channel`.
    """

    def __init__(self, connection: Connection, pools: urllib3.PoolManager) -> None:
        self._connection = connection
        self._pools = pools
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None  # a second descriptor of the open socket
        self._cut = False
        pool = pools.connection_from_url(connection.server)
        # urllib3's own hook; the socket must be known from the moment it is connected
        pool.ConnectionCls = _reporting(pool.ConnectionCls, self._connected)

    def open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float,
        stream: bool = True,
    ) -> BaseHTTPResponse:
        """Sends one request; arguments and errors as in `Connection.open`."""
        return self._connection._send(
            self._pools,
            method,
            _target(path, query),
            body=None,
            headers=headers,
            timeout=timeout,
            stream=stream,
        )

    def cut(self) -> None:
        """Ends the present and each later read at once, from any thread; for good."""
        with self._lock:
            self._cut = True
            _shut(self._handle)

    def close(self) -> None:
        """Closes the socket."""
        self._pools.clear()
        with self._lock:
            self._replace(None)

    def _connected(self, sock: socket.socket) -> None:
        with self._lock:
            # TLS takes the descriptor over; a copy of it reaches the socket in every state.
            self._replace(sock.dup())
            if self._cut:
                _shut(self._handle)

    def _replace(self, handle: socket.socket | None) -> None:
        if self._handle is not None:
            _shut(self._handle)
            self._handle.close()
        self._handle = handle


def _shut(handle: socket.socket | None) -> None:
    if handle is None:
        return
    try:
        handle.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side has ended it already


def _reporting(
    base: Any,  # noqa: ANN401 - urllib3 types the hook as a union of private protocols
    connected: Callable[[socket.socket], None],
) -> Any:  # noqa: ANN401 - likewise
    """Returns a connection class that tells its socket before the TLS handshake."""

    class Reporting(base):  # type: ignore[misc]  # the base is one of urllib3's classes
        def _new_conn(self) -> socket.socket:
            sock: socket.socket = super()._new_conn()
            connected(sock)
            return sock

    return Reporting


def _target(path: str, query: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(query)}" if query else path
