"""Soak, second part: cycles that begin and end with nothing, and a plateau after each."""


def test_soaks(soak, window):
    """SOA-101 to SOA-108, LOA-101 and LOA-103 are judged on the whole run, at its end."""
    with window("soak") as seen:
        seen.facts["cycles"] = soak.run()


def test_goes_on_when_its_definition_is_made_anew(soak, window):
    """SOA-105 is judged on the whole run, at its end."""
    with window("definition"):
        soak.recreate_definition()
