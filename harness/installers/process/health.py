"""Stage 3: whether a process answers at its ports."""

from __future__ import annotations

import http.client
import socket
import ssl
from urllib.parse import urlsplit

__all__ = ["probe", "speaks_tls"]

_TIMEOUT_S = 2.0
_GOOD = range(200, 400)  # as the kubelet has it


def probe(url: str, *, timeout: float = _TIMEOUT_S) -> str:
    """Asks once, as a kubelet would: certificates aren't verified, redirects count as success.

    Args:
        url: "http://", "https://" or "tcp://" with host, port and path.
        timeout: In seconds.

    Returns:
        Empty where it answered well; else what it said instead.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    try:
        if parts.scheme == "tcp":
            socket.create_connection((host, port), timeout).close()
            return ""
        connection = (
            http.client.HTTPSConnection(host, port, timeout=timeout, context=_unverified())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=timeout)
        )
        try:
            connection.request("GET", parts.path or "/", headers={"User-Agent": "kube-probe/1"})
            answer = connection.getresponse()
            body = answer.read(2048).decode(errors="replace").strip()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    return "" if answer.status in _GOOD else f"{answer.status}: {body}".rstrip(": ")


def speaks_tls(port: int, *, timeout: float = _TIMEOUT_S) -> bool | None:
    """Whether a port of this machine answers a TLS handshake; None where nothing listens."""
    try:
        plain = socket.create_connection(("127.0.0.1", port), timeout)
    except OSError:
        return None
    with plain:
        try:
            with _unverified().wrap_socket(plain, server_hostname="localhost"):
                return True
        except (ssl.SSLError, OSError):
            return False


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
