"""Stage 4b: Go's profiles as text, and the two figures of them that a plateau needs.

`heap?gc=1` runs a garbage collection before it answers; with `debug=1` the answer ends with the
runtime's MemStats, taken right after it.
"""

from __future__ import annotations

import re

from harness.errors import HarnessError
from harness.probes.metrics import scrape

__all__ = ["goroutine_count", "goroutine_profile", "heap_profile", "live_heap"]

_OK = 200
_HEAP_ALLOC = re.compile(r"^# HeapAlloc = (\d+)$", re.MULTILINE)
_TOTAL = re.compile(r"\Agoroutine profile: total (\d+)$", re.MULTILINE)


def heap_profile(url: str, *, timeout: float = 20.0) -> str:
    """Runs a garbage collection and returns the heap's profile.

    Args:
        url: Base of the process's pprof endpoint, on a loopback address.
        timeout: Seconds, the collection included.

    Raises:
        HarnessError: It doesn't answer, or not with a profile.
    """
    return _fetched(f"{url}/debug/pprof/heap?gc=1&debug=1", timeout)


def goroutine_profile(url: str, *, timeout: float = 20.0) -> str:
    """Returns the goroutines, grouped by stack.

    Args:
        url: As of `heap_profile`.
        timeout: Seconds.

    Raises:
        HarnessError: It doesn't answer, or not with a profile.
    """
    return _fetched(f"{url}/debug/pprof/goroutine?debug=1", timeout)


def live_heap(profile: str) -> int | None:
    """Returns the bytes of objects on the heap; None where the profile doesn't tell."""
    found = _HEAP_ALLOC.search(profile)
    return int(found[1]) if found else None


def goroutine_count(profile: str) -> int | None:
    """Returns how many goroutines there are; None where the profile doesn't tell."""
    found = _TOTAL.search(profile)
    return int(found[1]) if found else None


def _fetched(url: str, timeout: float) -> str:
    page = scrape(url, timeout=timeout)
    if page.status != _OK:
        raise HarnessError(
            f"No profile from {url}: {page.error or f'HTTP {page.status}'}.",
            hint="Serve net/http/pprof on the port that target.yaml names as pprof.",
        )
    return page.body
