"""What is scraped, as Prometheus' configuration file says it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import yaml

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ScrapeTarget", "configuration"]

_PROTOCOLS = (
    "PrometheusProto",
    "OpenMetricsText1.0.0",
    "OpenMetricsText0.0.1",
    "PrometheusText0.0.4",
)
"""Native histograms come by the first only; the others are what an operator else speaks."""


class ScrapeTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One page that Prometheus scrapes.

    Attributes:
        job: Name of the job, for example "operator"; series carry it as label `job`.
        url: On a loopback address.
        interval_s: Seconds between scrapes.
        token_file: Private file with a bearer token; empty for none.
        ca_file: PEM file that verifies the page's certificate; empty where it isn't verified,
            since operators make their own and the process is ours.
        labels: Put on every series of it.
    """

    job: str
    url: str
    interval_s: float
    token_file: str = ""
    ca_file: str = ""
    labels: dict[str, str] = {}


def configuration(targets: Sequence[ScrapeTarget]) -> str:
    """Returns the configuration file's text; several targets of one job are kept apart.

    Raises:
        UsageError: A page isn't on this machine's loopback interface.
    """
    jobs = [_job(index, target) for index, target in enumerate(targets)]
    text: str = yaml.safe_dump(
        {"global": {"scrape_interval": "15s", "scrape_timeout": "10s"}, "scrape_configs": jobs},
        sort_keys=False,
    )
    return text


def _job(index: int, target: ScrapeTarget) -> dict[str, Any]:
    parts = urlsplit(target.url)
    _refuse_foreign(target.url, parts.hostname or "")
    timeout = min(10.0, target.interval_s)
    job: dict[str, Any] = {
        "job_name": f"{index}-{target.job}",  # unique in the file; the label says the job
        "scrape_interval": f"{target.interval_s * 1000:.0f}ms",
        "scrape_timeout": f"{timeout * 1000:.0f}ms",
        "scrape_protocols": list(_PROTOCOLS),
        "scrape_native_histograms": True,
        "always_scrape_classic_histograms": True,  # identities read their sums and counts
        "honor_timestamps": False,
        "scheme": parts.scheme,
        "metrics_path": parts.path or "/metrics",
        "static_configs": [
            {"targets": [parts.netloc], "labels": {**target.labels, "job": target.job}}
        ],
    }
    if parts.scheme == "https":
        job["tls_config"] = (
            {"ca_file": target.ca_file} if target.ca_file else {"insecure_skip_verify": True}
        )
    if target.token_file:
        job["authorization"] = {"credentials_file": target.token_file}
    return job


def _refuse_foreign(url: str, host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise UsageError(
            f"Prometheus won't scrape {url}: it isn't on this machine's loopback interface.",
            hint="Pages are reached on 127.0.0.1; forward the port of a remote one, or give the "
            "address of a Prometheus that scrapes it with --prometheus-url.",
        )
