"""Soak, first part: the operator is installed and ready before anything arrives."""


def test_installs_and_becomes_ready(operator, window):
    """INS-001, INS-002."""
    with window("ready", checks=["INS-001", "INS-002"]) as seen:
        seen.facts.update(operator.readiness())
