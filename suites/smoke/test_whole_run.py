"""Smoke, last part: what must hold over the whole run."""


def test_serves_metrics_under_way(metrics, window):
    """OBS-001: and the page from which reconciles are counted."""
    with window("metrics at end", checks=["OBS-001"]):
        metrics.scrape()


def test_stayed_up(window):
    """INS-003."""
    window.whole_run("INS-003")


def test_was_denied_nothing(window):
    """RBA-004."""
    window.whole_run("RBA-004")


def test_logged_no_panic(window):
    """OBS-006."""
    window.whole_run("OBS-006")
