"""Soak, last part: what must hold over the whole run."""


def test_leaks_nothing(window):
    """SOA-101."""
    window.whole_run("SOA-101")


def test_becomes_no_slower(window):
    """SOA-102."""
    window.whole_run("SOA-102")


def test_keeps_its_throughput(window):
    """SOA-103."""
    window.whole_run("SOA-103")


def test_survives_a_restart_of_its_api_server(window):
    """SOA-104."""
    window.whole_run("SOA-104")


def test_goes_on_with_its_new_definition(window):
    """SOA-105."""
    window.whole_run("SOA-105")


def test_keeps_its_lead(window):
    """SOA-106."""
    window.whole_run("SOA-106")


def test_swallows_no_panic(window):
    """SOA-107."""
    window.whole_run("SOA-107")


def test_follows_its_token(window):
    """SOA-108."""
    window.whole_run("SOA-108")


def test_lets_every_arrival_converge(window):
    """LOA-101."""
    window.whole_run("LOA-101")


def test_drains(window):
    """LOA-103."""
    window.whole_run("LOA-103")


def test_stayed_up(window):
    """INS-003."""
    window.whole_run("INS-003")


def test_was_denied_nothing(window):
    """RBA-004."""
    window.whole_run("RBA-004")


def test_logged_no_panic(window):
    """OBS-006."""
    window.whole_run("OBS-006")
