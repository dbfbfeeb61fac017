"""What Python freed is given back to the system."""

from __future__ import annotations

import ctypes

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
