"""Scope, last part: what must hold over the whole run; the uninstall comes after it."""


def test_stayed_in_its_namespaces(window):
    """SCO-101."""
    window.whole_run("SCO-101")


def test_wrote_declared_kinds_only(window):
    """SCO-105."""
    window.whole_run("SCO-105")


def test_was_denied_nothing(window):
    """RBA-004."""
    window.whole_run("RBA-004")


def test_stayed_up(window):
    """INS-003."""
    window.whole_run("INS-003")
