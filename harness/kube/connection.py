"""The way to an API server: a kubeconfig's credentials over a thread-safe pool of sockets.

The `kubernetes` package reads the kubeconfig, since it knows certificates, tokens, exec plugins
and identity providers. Requests don't go through it: they are plain urllib3, without retries,
without models, and with a time-out each.
"""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from harness import __version__
from harness.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from urllib3.response import BaseHTTPResponse

__all__ = ["Channel", "Connection", "Credentials"]

_CONNECT_S = 5.0
_POOL_SIZE = 32
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_USER_AGENT = f"operator-harness/{__version__}"


class Credentials:
    """Who we are to a server and how we know it; prints nothing of it.

    Args:
        server: URL without a trailing slash.
        tls: None for plain HTTP.
        authorization: Returns the present Authorization header, or None; may refresh it.
        server_name: Name in the server's certificate where it isn't the URL's host.
        proxy: URL of a proxy, or empty.
    """

    def __init__(
        self,
        server: str,
        *,
        tls: ssl.SSLContext | None = None,
        authorization: Callable[[], str | None] = lambda: None,
        server_name: str = "",
        proxy: str = "",
    ) -> None:
        self.server = server.rstrip("/")
        self.tls = tls
        self.authorization = authorization
        self.server_name = server_name
        self.proxy = proxy

    def pools(self, *, size: int) -> urllib3.PoolManager:
        """Returns a new pool manager that speaks with these credentials' TLS settings."""
        options: dict[str, Any] = {"retries": False, "maxsize": size}  # urllib3's own keywords
        if self.tls is not None:
            options["ssl_context"] = self.tls
        if self.server_name:
            options["server_hostname"] = self.server_name
            options["assert_hostname"] = self.server_name
        if self.proxy.startswith("socks"):
            from urllib3.contrib.socks import SOCKSProxyManager  # noqa: PLC0415 - rare

            return SOCKSProxyManager(self.proxy, **options)
        if self.proxy:
            return urllib3.ProxyManager(self.proxy, **options)
        return urllib3.PoolManager(**options)


class Connection:
    """A pool of sockets to one API server under one identity; safe to share between threads.

    Args:
        credentials: Server and identity.
    """

    # The kubernetes package shares its temporary files between loads.
    _loading: ClassVar[threading.Lock] = threading.Lock()

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
            ClusterError: It is missing, not a kubeconfig, or lacks the context.
        """
        with cls._loading:
            return cls(_load(path, context))

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
        with self._authorizing:  # an exec plugin must not run twice at once
            authorization = self._credentials.authorization()
        if authorization:
            all_headers.setdefault("Authorization", authorization)
        return pools.urlopen(
            method,
            self.server + target,
            body=body,
            headers=all_headers,
            timeout=urllib3.Timeout(connect=min(_CONNECT_S, timeout), read=timeout),
            preload_content=not stream,
            decode_content=True,
            redirect=False,
        )


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


def _load(path: Path, context: str | None) -> Credentials:
    """Reads a kubeconfig into credentials; inline keys touch the disk for an instant only."""
    import yaml  # noqa: PLC0415 - loaded with the next two
    from kubernetes.client import Configuration  # noqa: PLC0415 - half a second to import
    from kubernetes.config import ConfigException, load_kube_config  # noqa: PLC0415 - likewise

    broken = (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, LookupError)

    if not path.is_file():
        raise ClusterError(f"No kubeconfig at {path}.", hint="Check the path.")
    config = Configuration()
    config.proxy = ""  # only what the kubeconfig says; the environment is asked below
    with tempfile.TemporaryDirectory(prefix="harness-") as private:
        try:
            load_kube_config(  # type: ignore[no-untyped-call]  # it ships no types
                str(path),
                context=context,
                client_configuration=config,
                persist_config=False,  # a user's kubeconfig is never written
                temp_file_path=private,
            )
            tls = _tls(config) if str(config.host).startswith("https") else None
        except (*broken, AttributeError) as error:
            raise ClusterError(
                f"Can't use the kubeconfig {path}: {_cause(error)}",
                hint="`kubectl --kubeconfig FILE config view` shows what it says.",
            ) from None  # the cause's own text may quote the file
    host = str(config.host)
    return Credentials(
        host,
        tls=tls,
        authorization=lambda: _authorization(config),
        server_name=config.tls_server_name or "",
        proxy=config.proxy or _environment_proxy(host),
    )


def _cause(error: Exception) -> str:
    from kubernetes.config import ConfigException  # noqa: PLC0415 - loaded already

    if isinstance(error, (ConfigException, ssl.SSLError, FileNotFoundError)):
        return str(error)
    return f"it can't be read ({type(error).__name__})"


def _tls(config: Any) -> ssl.SSLContext:  # noqa: ANN401 - the kubernetes package has no types
    context = ssl.create_default_context(cafile=config.ssl_ca_cert)
    # Clusters' own authorities often lack extensions that strict mode wants (Python 3.13).
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not config.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.cert_file:
        context.load_cert_chain(config.cert_file, config.key_file)
    return context


def _authorization(config: Any) -> str | None:  # noqa: ANN401 - the kubernetes package has no types
    """Returns the header's value, refreshed by the kubernetes package where it has expired."""
    for name in ("BearerToken", "authorization"):  # the second in its older versions
        value = config.get_api_key_with_prefix(name)
        if value:
            return str(value)
    return None


def _environment_proxy(server: str) -> str:
    parts = urlsplit(server)
    host = parts.hostname or ""
    if host in _LOOPBACK or host.startswith("127.") or proxy_bypass(host):
        return ""
    return getproxies().get(parts.scheme, "")
