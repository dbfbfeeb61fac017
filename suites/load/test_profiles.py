"""Load, second part: the profiles, in this order. Each ends with a drain: nothing stays open."""

import pytest


@pytest.mark.profile("knee")
def test_has_a_knee(profiles, window):
    """The highest rate that it sustains, confirmed by a plateau."""
    with window("knee") as seen:
        seen.facts["knee"] = profiles.knee()


@pytest.mark.profile("steady")
def test_keeps_up_with_a_steady_rate(profiles, window):
    """LOA-101 to LOA-103 are judged on the whole run, at its end."""
    with window("steady") as seen:
        profiles.steady()
        seen.facts["drained"] = profiles.drain("steady-drain")


@pytest.mark.profile("ramp")
def test_follows_a_ramp(profiles, window):
    """LOA-101 to LOA-103 are judged on the whole run, at its end."""
    with window("ramp") as seen:
        profiles.ramp()
        seen.facts["drained"] = profiles.drain("ramp-drain")


@pytest.mark.profile("churn")
def test_survives_churn(profiles, window):
    """LOA-101 to LOA-103 are judged on the whole run, at its end."""
    with window("churn") as seen:
        profiles.churn()
        seen.facts["drained"] = profiles.drain("churn-drain")


@pytest.mark.profile("burst")
def test_works_off_a_burst(profiles, window):
    """LOA-101 to LOA-103 are judged on the whole run, at its end."""
    with window("burst") as seen:
        profiles.burst()
        seen.facts["drained"] = profiles.drain("burst-drain")


@pytest.mark.profile("growth")
def test_grows_with_its_objects(profiles, window):
    """LOA-101 to LOA-103 are judged on the whole run, at its end."""
    with window("growth") as seen:
        seen.facts["drained"] = profiles.growth()


@pytest.mark.profile("compare")
def test_compares(interleaved, window):
    """Base and head in turn; `harness compare` alone asks for it."""
    with window("compare"):
        interleaved.run()
