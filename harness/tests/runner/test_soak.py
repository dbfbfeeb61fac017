"""A soak on a real control plane finds what grows, and names where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import command
from harness.model.soakresult import LeakVerdict
from harness.model.verdict import ExitCode
from harness.tests.runner.synthetic import write_target

if TYPE_CHECKING:
    from harness.tests.runner.running import Home

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator"),
]

SOAK = ("--suite", "soak", "--duration", "128", "--rate", "8")  # the least that a verdict needs
LEAK_BYTES = 8 << 10  # at each of two services of some 300 objects: 5 MiB, where 1 MiB matters


def test_a_leak_of_memory_is_found_with_its_size_and_the_function_that_keeps_it(home: Home) -> None:
    target = write_target(home.path / "target", leak_bytes=LEAK_BYTES)
    done = home.run(*SOAK, target=target).finish()
    assert done.exit_code == ExitCode.FAIL, done.stdout
    assert "SOA-101" in done.failing
    assert done.result.soak is not None
    (heap,) = (item for item in done.result.soak.signals if item.name == "live heap")
    assert heap.verdict is LeakVerdict.LEAK, heap.sentence
    objects = done.result.soak.objects
    assert objects is not None
    assert heap.growth == pytest.approx(2 * LEAK_BYTES * objects, rel=0.3)
    told = [f"{item.title} {item.detail}" for item in done.result.findings]
    assert any("live heap leaks: it grew by" in text for text in told), told
    sites = [item.function for item in done.result.soak.sites if item.kind == "live heap"]
    assert any("leakHeap" in name for name in sites), sites
