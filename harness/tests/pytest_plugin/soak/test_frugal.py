"""What Python freed is given back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import psutil
import pytest

from harness.pytest_plugin.soak.frugal import give_back

KIB, MIB = 1 << 10, 1 << 20


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs malloc_trim of the GNU C library"
)
def test_holes_between_what_is_still_used_are_given_back() -> None:
    blocks: list[bytes | None] = [bytes([number % 256]) * 12 * KIB for number in range(8_000)]
    full = resident()
    blocks[::2] = [None] * 4_000
    give_back()
    assert resident() < full - 20 * MIB  # of 47 MiB
    assert blocks[1] is not None


REHEARSED = """
import psutil
from harness.pytest_plugin.soak.frugal import give_back
from harness.pytest_plugin.soak.news import rehearse
from harness.pytest_plugin.soak.plan import plan_soak
from harness.analysis.soak.leaks import Plateaus, judge_soak

def resident():
    give_back()
    return psutil.Process().memory_info().rss

REHEARSE
before = resident()
for cycles in range(14, 21):
    values = tuple(5e6 + 1e5 * cycle for cycle in range(cycles))
    judge_soak([Plateaus(name=str(n), unit="B", values=values, matters=1e6) for n in range(9)])
print(resident() - before)
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs malloc_trim of the GNU C library"
)
def test_after_a_rehearsal_a_soak_is_judged_without_the_harness_growing() -> None:
    grown = []
    for rehearsal in ("rehearse(plan_soak(duration=200, rate=20))", ""):
        program = REHEARSED.replace("REHEARSE\n", f"{rehearsal}\n", 1)
        done = subprocess.run(
            (sys.executable, "-c", program), capture_output=True, check=True, timeout=60
        )
        grown.append(int(done.stdout))
    rehearsed, not_rehearsed = grown
    assert rehearsed < not_rehearsed / 4
