"""The bundled operator in Python: smoke passes on it, and each of its twins is caught."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from harness.model.verdict import ExitCode
from harness.tests.runner.running import SHORT, Finished, Home

if TYPE_CHECKING:
    from harness.tests.runner.running import Runs

pytestmark = pytest.mark.controlplane

FOUND = {
    "loses-a-status-update": {"STA-002"},
    "lacks-a-permission": {"RBA-004"},
}
"""By twin; those of the guestbook show the other checks."""


def _run(home: Home, *words: str) -> Finished:
    return home.run(*SHORT, *words, target="reference").finish()


SCENARIOS = {"healthy": _run} | {
    twin: partial(lambda home, name: _run(home, "--twin", name), name=twin) for twin in FOUND
}


def test_smoke_passes_from_any_folder(runs: Runs) -> None:
    done: Finished = runs["healthy"]
    assert done.exit_code == ExitCode.PASS, done.stdout
    assert done.failing == set()


@pytest.mark.parametrize(("twin", "checks"), FOUND.items(), ids=FOUND)
def test_a_twin_is_caught_by_its_check_alone(runs: Runs, twin: str, checks: set[str]) -> None:
    done: Finished = runs[twin]
    assert done.exit_code == ExitCode.FAIL, done.stdout
    assert done.failing == checks


def test_at_rest_kopf_keeps_no_notes_of_its_own_on_the_object(runs: Runs) -> None:
    """Its finalizer is all that the operator adds; annotations would be writes of the framework."""
    events = runs["healthy"].evidence.timeline("noteboards.notes.example.org")
    seen = [event.object["metadata"] for event in events if event.object]
    assert any(meta.get("finalizers") == ["notes.example.org/cleanup"] for meta in seen)
    assert not any("annotations" in meta for meta in seen)
