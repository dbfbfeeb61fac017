"""Downloads over HTTP(S): a mirror, proxies, time-outs, retries, and hosts that don't answer.

HARNESS_ASSETS_MIRROR   base URL under which the places of releases are found instead
HARNESS_OFFLINE         1: nothing is downloaded
HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE   as everywhere
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from harness.clock import SYSTEM_CLOCK, Clock, Deadline
from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["MIRROR", "OFFLINE", "DownloadError", "Network", "Sink", "is_offline", "network"]

MIRROR = "HARNESS_ASSETS_MIRROR"
OFFLINE = "HARNESS_OFFLINE"

_PROBE_S = 2.5  # of all hosts together; what a machine without a network loses
_CONNECT_S = 3.0
_READ_S = 20.0
_FILE_S = 1800.0  # 100 MB at half a megabit a second
_TRIES = 3
_PAUSE_S = 0.2  # doubled from try to try
_HOPS = 5
_CHUNK = 1 << 18
_TEXT_LIMIT = 1 << 20
_FILE_LIMIT = 1 << 30
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK = 200
_BUSY = 429
_BROKEN = 500
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "operator-harness"}

T = TypeVar("T")


class DownloadError(Exception):
    """A file can't be had; the message says why, in the middle of a sentence.

    Attributes:
        unreachable: Whether nobody answered at all.
    """

    def __init__(self, message: str, *, unreachable: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable


class _PassingError(Exception):
    """A failure that another try may not meet."""


class Sink:
    """What takes a file as it comes; the base class keeps it in memory."""

    def __init__(self, *, limit: int = _TEXT_LIMIT) -> None:
        self.content = bytearray()
        self.limit = limit

    def restart(self) -> None:
        """Forgets what came before; called before the first piece of each try."""
        self.content.clear()

    def take(self, piece: bytes, total: int) -> None:
        """Takes the next piece; `total` is the size in bytes of the whole, 0 where unknown."""
        del total
        self.content += piece


def is_offline(environ: Mapping[str, str]) -> bool:
    """Whether the user has switched downloads off."""
    return environ.get(OFFLINE, "").lower() not in {"", "0", "false", "no"}


class Network:
    """Fetches places (host and path), and remembers which hosts didn't answer.

    Args:
        mirror: Base URL that takes the place of "https://"; empty for none.
        clock: Of limits and of pauses between tries.

    Raises:
        UsageError: The mirror isn't an HTTP(S) URL.
    """

    def __init__(self, *, mirror: str = "", clock: Clock = SYSTEM_CLOCK) -> None:
        parts = urlsplit(mirror)
        if mirror and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise UsageError(
                f"{MIRROR} is no http or https URL.",
                hint=f"For example {MIRROR}=https://mirror.example/releases; unset it for none.",
            )
        user, _, host = parts.netloc.rpartition("@")
        self._mirror = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._authorization = urllib3.make_headers(basic_auth=user) if user else {}
        self._clock = clock
        self._silent: dict[str, str] = {}
        self.mirrored = bool(mirror)

    def url(self, place: str) -> str:
        """Returns the address of a place, without credentials."""
        return f"{self._mirror}/{place}" if self.mirrored else f"https://{place}"

    def probe(self, places: Iterable[str]) -> None:
        """Tries to reach whoever serves the places, all at once and for a few seconds.

        Those that don't answer fail at once from now on.
        """
        hops: dict[tuple[str, int], set[str]] = {}
        for url in (self.url(place) for place in places):
            if _host(url) not in self._silent:
                hops.setdefault(_first_hop(url), set()).add(_host(url))
        for hop, why in _knock_at(hops).items():
            self._silent.update(dict.fromkeys(hops[hop], why) if why else {})

    def text(self, place: str) -> str:
        """Returns a small file.

        Raises:
            DownloadError: It can't be had.
        """
        sink = Sink()
        self.save(place, sink, seconds=_READ_S)
        return sink.content.decode("utf-8", errors="replace")

    def save(self, place: str, sink: Sink, *, seconds: float = _FILE_S) -> None:
        """Passes a file on to a sink, piece by piece.

        Raises:
            DownloadError: It can't be had; what the sink took is void.
        """

        def once(url: str) -> None:
            sink.restart()
            deadline = Deadline(seconds, clock=self._clock)
            with contextlib.closing(self._open(url)) as response:
                total = int(response.headers.get("Content-Length") or 0)
                for piece in _pieces(response, deadline, limit=sink.limit):
                    sink.take(piece, total)

        self._try(self.url(place), once)

    def _try(self, url: str, once: Callable[[str], T]) -> T:
        last = ""
        for attempt in range(_TRIES):
            if attempt:
                self._clock.sleep(_PAUSE_S * 2 ** (attempt - 1))
            try:
                return once(url)
            except _PassingError as error:
                last = str(error)
        raise DownloadError(last)

    def _open(self, url: str) -> urllib3.BaseHTTPResponse:
        """Follows redirects by hand: never from https to http, no credentials to others."""
        headers = {**_HEADERS, **self._authorization}
        for _ in range(_HOPS):
            response = self._request(url, headers)
            if response.status == _OK:
                return response
            response.close()
            if response.status not in _REDIRECTS:
                raise _refusal(url, response.status)
            goal = urljoin(url, response.headers.get("Location", ""))
            if urlsplit(url).scheme == "https" and urlsplit(goal).scheme != "https":
                raise DownloadError(f"{_host(url)} redirects to an address that isn't https")
            if _host(goal) != _host(url):
                headers = dict(_HEADERS)
            url = goal
        raise DownloadError(f"{_host(url)} redirects too often")

    def _request(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        host = _host(url)
        if why := self._silent.get(host):
            raise DownloadError(f"{host}: {why}", unreachable=True)
        try:
            return _manager(_proxy(url)).request(
                "GET",
                url,
                headers=headers,
                timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (ReadTimeoutError, ProtocolError) as error:
            raise _PassingError(f"{host} broke the connection or fell silent") from error
        except HTTPError as error:
            self._silent[host] = why = _reason(error)
            raise DownloadError(f"{host}: {why}", unreachable=True) from error


def network(environ: Mapping[str, str] = os.environ) -> Network:
    """Returns the network of this process as its environment describes it.

    Raises:
        UsageError: The mirror that it names isn't an HTTP(S) URL.
    """
    return _network(environ.get(MIRROR, ""))


@functools.lru_cache(maxsize=4)
def _network(mirror: str) -> Network:
    """Kept for the life of the process, so that a silent host is waited for once."""
    return Network(mirror=mirror)


def _knock_at(hops: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Returns why each server can't be reached; empty where it can."""
    answers: dict[tuple[str, int], str] = {}

    def knock(hop: tuple[str, int]) -> None:
        try:
            socket.create_connection(hop, timeout=_PROBE_S).close()
        except OSError as error:
            answers[hop] = error.strerror or str(error) or "no answer"
        else:
            answers[hop] = ""

    hops = tuple(hops)
    threads = [threading.Thread(target=knock, args=(hop,), daemon=True) for hop in hops]
    for thread in threads:
        thread.start()
    deadline = Deadline(_PROBE_S)
    for thread in threads:
        thread.join(deadline.remaining)  # looking up a name has no time-out of its own
    return {hop: answers.get(hop, "no answer") for hop in hops}


def _pieces(
    response: urllib3.BaseHTTPResponse, deadline: Deadline, *, limit: int
) -> Iterator[bytes]:
    done = 0
    try:
        for piece in response.stream(_CHUNK, decode_content=False):
            done += len(piece)
            if done > limit:
                raise DownloadError(f"it is longer than {limit} bytes")
            if deadline.passed:
                raise DownloadError(f"it took longer than {deadline.seconds:g} s")
            yield piece
    except HTTPError as error:
        raise _PassingError(f"the transfer broke off after {done} bytes") from error


def _refusal(url: str, status: int) -> Exception:
    text = f"{_host(url)} answered {status}"
    passing = status == _BUSY or status >= _BROKEN
    return _PassingError(text) if passing else DownloadError(text)


def _host(url: str) -> str:
    """Returns host and port of an address, without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _proxy(url: str) -> str:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1" or proxy_bypass(_host(url)):
        return ""
    return getproxies().get(urlsplit(url).scheme, "")


def _first_hop(url: str) -> tuple[str, int]:
    """Returns name and port of the server that we talk to: a proxy, or the host itself."""
    proxy = _proxy(url)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _manager(proxy: str) -> urllib3.PoolManager:
    if not proxy:
        return urllib3.PoolManager()
    address = proxy if "://" in proxy else f"http://{proxy}"
    user = urlsplit(address).netloc.rpartition("@")[0]
    headers = urllib3.make_headers(proxy_basic_auth=user) if user else {}
    return urllib3.ProxyManager(address, proxy_headers=headers)


def _reason(error: HTTPError) -> str:
    """Returns the core of what urllib3 says; its own text names objects and addresses."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(cause).__name__
