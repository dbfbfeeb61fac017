"""Smoke, first part: the operator is installed and ready before anything is asked of it."""


def test_installs_and_becomes_ready(operator, window):
    """INS-001, INS-002: what the harness saw while it installed it, and its probes now."""
    with window("ready", checks=["INS-001", "INS-002"]) as seen:
        seen.facts.update(operator.readiness())


def test_serves_metrics(metrics, window):
    """OBS-001: a first page, before any custom resource exists."""
    with window("metrics at start", checks=["OBS-001"]):
        metrics.scrape()
