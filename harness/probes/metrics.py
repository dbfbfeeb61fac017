"""Stage 4b: scrapes metrics pages and asks health endpoints of processes on this machine."""

from __future__ import annotations

import http.client
import ipaddress
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import UsageError
from harness.model.records import MetricsPage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client import Metric

    from harness.clock import Clock

__all__ = ["parse", "probe", "scrape"]

_LARGEST = 64 << 20
_CHUNK = 1 << 16
_OPENMETRICS = "application/openmetrics-text"


def scrape(
    url: str,
    *,
    token: str | None = None,
    timeout: float = 10.0,
    workload: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> MetricsPage:
    """Fetches one page; a failure is a page too, with status 0 and the error.

    Args:
        url: On a loopback address; its certificate isn't verified, since operators make their
            own and the process is ours.
        token: Bearer token of the scraping ServiceAccount.
        timeout: Seconds for the whole page.
        workload: Named in the page.
        clock: Gives the stamp, taken before the request is sent.

    Raises:
        UsageError: The URL is of another machine, which must not get the token.
    """
    _refuse_foreign(url)
    stamp = clock.now()
    headers = {"Accept": "text/plain;version=0.0.4", "User-Agent": "operator-harness"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        status, answered, body = _fetch(url, headers, timeout)
    except (OSError, http.client.HTTPException) as error:
        text = f"{type(error).__name__}: {error}"
        return MetricsPage(workload=workload, url=url, stamp=stamp, status=0, error=text)
    return MetricsPage(
        workload=workload,
        url=url,
        stamp=stamp,
        status=status,
        body=body.decode(errors="replace"),
        content_type=answered.get("content-type", ""),
    )


def parse(body: str, content_type: str = "") -> tuple[Metric, ...]:
    """Returns the families of a page.

    Args:
        body: Text exposition format, or OpenMetrics where the content type says so.
        content_type: As the server answered.

    Raises:
        ValueError: It can't be parsed.
    """
    if content_type.startswith(_OPENMETRICS):
        from prometheus_client.openmetrics import parser as openmetrics  # noqa: PLC0415 - rare

        return tuple(openmetrics.text_string_to_metric_families(body))  # type: ignore[no-untyped-call]
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - slow

    return tuple(text_string_to_metric_families(body))


def probe(url: str, *, timeout: float = 1.0) -> int:
    """Asks a health endpoint, as a kubelet would.

    Args:
        url: On a loopback address.
        timeout: Seconds.

    Returns:
        The HTTP status; 0 where no answer came.

    Raises:
        UsageError: The URL is of another machine.
    """
    _refuse_foreign(url)
    try:
        status, _, _ = _fetch(url, {"User-Agent": "kube-probe/operator-harness"}, timeout)
    except (OSError, http.client.HTTPException):
        return 0
    return status


def _fetch(
    url: str, headers: Mapping[str, str], timeout: float
) -> tuple[int, Mapping[str, str], bytes]:
    """Follows no redirect, so that the token goes nowhere else; urllib3 would warn each time."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=timeout, context=_trusting())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=timeout)
    )
    deadline = Deadline(timeout)
    target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    try:
        connection.request("GET", target, headers=dict(headers))
        response = connection.getresponse()
        answered = {name.lower(): value for name, value in response.getheaders()}
        body = bytearray()
        while chunk := response.read1(_CHUNK):
            body += chunk
            if deadline.passed:
                raise TimeoutError(f"the page took longer than {timeout:g} s")
            if len(body) > _LARGEST:
                raise OSError(f"the page is larger than {_LARGEST >> 20} MiB")
        return response.status, answered, bytes(body)
    finally:
        connection.close()


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _refuse_foreign(url: str) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if parts.scheme not in ("http", "https") or not loopback:
        raise UsageError(
            f"Won't ask {url}: it isn't on this machine's loopback interface.",
            hint="Endpoints are reached on 127.0.0.1; forward the port of a remote one.",
        )
