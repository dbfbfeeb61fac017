"""Load, last part: what must hold over the whole run."""


def test_stayed_up(window):
    """INS-003."""
    window.whole_run("INS-003")


def test_was_denied_nothing(window):
    """RBA-004."""
    window.whole_run("RBA-004")


def test_logged_no_panic(window):
    """OBS-006."""
    window.whole_run("OBS-006")
