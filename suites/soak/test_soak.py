"""Soak, second part: cycles that begin and end with nothing, and a plateau after each."""


def test_soaks(soak, window):
    """SOA-101, LOA-101 and LOA-103 are judged on the whole run, at its end."""
    with window("soak") as seen:
        seen.facts["cycles"] = soak.run()
