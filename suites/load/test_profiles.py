"""Load, second part: the profiles, in this order. Each ends with a drain: nothing stays open."""

import pytest


@pytest.mark.profile("knee")
def test_has_a_knee(profiles, window):
    """The highest rate that it sustains, confirmed by a plateau."""
    with window("knee") as seen:
        seen.facts["knee"] = profiles.knee()


@pytest.mark.profile("steady")
def test_keeps_up_with_a_steady_rate(profiles, window):
    """PRF-001, PRF-002, PRF-003."""
    with window("steady") as seen:
        profiles.steady()
        seen.facts["drained"] = profiles.drain("steady-drain")


@pytest.mark.profile("ramp")
def test_follows_a_ramp(profiles, window):
    """PRF-001, PRF-002, PRF-003."""
    with window("ramp") as seen:
        profiles.ramp()
        seen.facts["drained"] = profiles.drain("ramp-drain")


@pytest.mark.profile("churn")
def test_survives_churn(profiles, window):
    """PRF-001, PRF-002, PRF-003."""
    with window("churn") as seen:
        profiles.churn()
        seen.facts["drained"] = profiles.drain("churn-drain")


@pytest.mark.profile("burst")
def test_works_off_a_burst(profiles, window):
    """PRF-001, PRF-002, PRF-003."""
    with window("burst") as seen:
        profiles.burst()
        seen.facts["drained"] = profiles.drain("burst-drain")
