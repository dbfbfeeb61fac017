"""Which proxy leads to a server: what the environment says, as the tools of Kubernetes read it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies

import urllib3

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_PROXY", "BadProxy", "Proxy", "environment_proxy", "parse_proxy"]

_LOOPBACK = frozenset({"localhost", "localhost.localdomain"})
_SCHEMES = ("http", "https", "socks5", "socks5h")


class BadProxy(ValueError):
    """A proxy's URL that can't be used; the message quotes no password."""


class Proxy(NamedTuple):
    """A proxy, without its password.

    Attributes:
        url: Scheme, host and port; empty for none.
        headers: What it wants to be told, its password among it; not printed.
    """

    url: str
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Proxy({self.url!r})"


NO_PROXY = Proxy("", {})
"""The direct way."""


def parse_proxy(url: str) -> Proxy:
    """Returns a proxy by its URL; without a scheme it is one by HTTP.

    Raises:
        BadProxy: It isn't the URL of a proxy.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        raise BadProxy("it isn't a URL") from None
    host = parts.hostname or ""
    if parts.scheme not in _SCHEMES:
        raise BadProxy(f"its scheme must be one of {', '.join(_SCHEMES)}")
    if not host or any(letter.isspace() for letter in parts.netloc):
        raise BadProxy("it names no host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise BadProxy("it goes on behind host and port")
    if parts.scheme.startswith("socks"):
        _check_socks()
        if parts.username:
            raise BadProxy("a SOCKS proxy with a password isn't supported")
    bare = f"[{host}]" if ":" in host else host
    place = bare if port is None else f"{bare}:{port}"
    headers: Mapping[str, str] = {}
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=login)
    return Proxy(urlunsplit((parts.scheme, place, "", "", "")), headers)


def environment_proxy(server: str) -> Proxy:
    """Returns the proxy that HTTPS_PROXY or HTTP_PROXY names for a server.

    None for loopback, and for what NO_PROXY lists: hosts, their domains, addresses, networks.

    Raises:
        BadProxy: The variable holds something else.
    """
    parts = urlsplit(server)
    host = (parts.hostname or "").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    told = getproxies()
    url = told.get(parts.scheme, "")
    if not url or _is_loopback(host) or _is_excepted(host, port, told.get("no", "")):
        return NO_PROXY
    try:
        return parse_proxy(url)
    except BadProxy as error:
        raise BadProxy(f"{parts.scheme.upper()}_PROXY can't be used: {error}") from None


def _check_socks() -> None:
    try:
        import socks  # type: ignore[import-untyped]  # noqa: F401, PLC0415 - optional
    except ImportError:
        raise BadProxy("a SOCKS proxy needs the Python package PySocks") from None


def _address(words: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(words.strip("[]"))
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host in _LOOPBACK if address is None else address.is_loopback


def _is_excepted(host: str, port: int, listed: str) -> bool:
    return any(
        _matches(host, port, entry.strip().lower()) for entry in listed.split(",") if entry.strip()
    )


def _matches(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    address = _address(host)
    if address is not None and "/" in entry:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    if _address(entry) is None:
        entry, _, wanted = entry.partition(":")
        if wanted and wanted != str(port):
            return False
    if address is not None:
        return address == _address(entry)
    domain = entry.removeprefix("*").removeprefix(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))
