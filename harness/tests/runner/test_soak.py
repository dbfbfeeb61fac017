"""A soak on a real control plane finds what grows, and names where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import command
from harness.model.soakresult import LeakVerdict
from harness.model.verdict import ExitCode

if TYPE_CHECKING:
    from harness.model.soakresult import SoakSignal
    from harness.tests.runner.running import Finished, Home

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator"),
]

SOAK = ("--suite", "soak", "--duration", "128", "--rate", "6")  # the least that a verdict needs
KEPT_BYTES = 16 << 10
"""For each Guestbook that goes: more than 3 MiB in the 14 cycles that count."""


def live_heap(done: Finished) -> SoakSignal:
    assert done.result.soak is not None, done.stdout
    (found,) = (item for item in done.result.soak.signals if item.name == "live heap")
    return found


def test_a_leak_of_memory_is_found_with_its_size_and_the_function_that_keeps_it(home: Home) -> None:
    done = home.run(*SOAK, "--twin", "leaks-memory", target="guestbook").finish()
    heap = live_heap(done)
    assert heap.verdict is LeakVerdict.LEAK, heap.sentence
    assert done.exit_code == ExitCode.FAIL
    assert "SOA-101" in done.failing
    assert done.result.soak is not None
    objects = done.result.soak.objects
    assert objects is not None
    assert heap.growth >= 0.8 * KEPT_BYTES * objects
    sites = [item.function for item in done.result.soak.sites if item.kind == "live heap"]
    assert any(name.endswith(".remember") for name in sites), sites


def test_events_that_client_go_keeps_for_minutes_are_not_called_a_leak(home: Home) -> None:
    """They are all that grows in the healthy operator, by more than half of what matters."""
    heap = live_heap(home.run(*SOAK, target="guestbook").finish())
    assert heap.verdict is not LeakVerdict.LEAK, heap.sentence
