"""What Prometheus is told to scrape."""

from __future__ import annotations

import pytest
import yaml

from harness.errors import UsageError
from harness.probes.prometheus import ScrapeTarget
from harness.probes.prometheus.configuration import configuration


def _jobs(*targets: ScrapeTarget) -> list[dict[str, object]]:
    jobs: list[dict[str, object]] = yaml.safe_load(configuration(targets))["scrape_configs"]
    return jobs


def test_an_operators_page_is_scraped_each_second_with_native_histograms() -> None:
    url = "https://127.0.0.1:8443/metrics"
    (job,) = _jobs(ScrapeTarget(job="operator", url=url, interval_s=1.0, token_file="/s/token"))
    assert job["scrape_interval"] == "1000ms"
    assert job["scrape_native_histograms"] is True
    assert job["scheme"] == "https"
    assert job["metrics_path"] == "/metrics"
    assert job["authorization"] == {"credentials_file": "/s/token"}
    assert job["static_configs"] == [{"targets": ["127.0.0.1:8443"], "labels": {"job": "operator"}}]


def test_a_certificate_is_verified_where_its_authority_is_known() -> None:
    known = ScrapeTarget(job="a", url="https://127.0.0.1:1/m", interval_s=15, ca_file="/pki/ca.crt")
    own = ScrapeTarget(job="a", url="https://127.0.0.1:1/m", interval_s=15)
    plain = ScrapeTarget(job="a", url="http://127.0.0.1:1/m", interval_s=15)
    first, second, third = _jobs(known, own, plain)
    assert first["tls_config"] == {"ca_file": "/pki/ca.crt"}
    assert second["tls_config"] == {"insecure_skip_verify": True}
    assert "tls_config" not in third


def test_pages_of_one_job_are_kept_apart() -> None:
    jobs = _jobs(
        ScrapeTarget(job="operator", url="http://127.0.0.1:1/metrics", interval_s=1),
        ScrapeTarget(job="operator", url="http://127.0.0.1:2/metrics", interval_s=1),
    )
    assert [job["job_name"] for job in jobs] == ["0-operator", "1-operator"]


def test_another_machine_is_not_scraped() -> None:
    with pytest.raises(UsageError, match="loopback") as caught:
        configuration([ScrapeTarget(job="a", url="http://192.0.2.1/metrics", interval_s=1)])
    assert "--prometheus-url" in (caught.value.hint or "")
