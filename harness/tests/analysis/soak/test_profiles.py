"""Go's profiles as text: what they hold by stack, and what grew between two."""

from __future__ import annotations

import pytest

from harness.analysis.soak.profiles import goroutines, growing, heap
from harness.probes.pprof import goroutine_count, live_heap

FRAMES = (
    "#\t0x1\tbytes.growSlice+0x10\t/go/src/bytes/buffer.go:240\n"
    "#\t0x2\tmain.(*Cache).Put+0x20\t\t/app/cache.go:17\n"
)
HEAP = (
    "heap profile: {count}: {size} [9: 9999] @ heap/1048576\n"
    "{count}: {size} [9: 9999] @ 0x1 0x2\n" + FRAMES + "\n"
    "0: 0 [1: 8] @ 0x3\n#\t0x3\tmain.gone+0x1\t/app/gone.go:1\n\n"
    "# runtime.MemStats\n# Alloc = 5\n# HeapAlloc = 4096000\n"
)
PARKED = (
    "#\t0x1\truntime.gopark+0x1\t/go/src/runtime/proc.go:424\n"
    "#\t0x2\tmain.(*Pool).wait+0x2\t/app/pool.go:9\n"
)
GOROUTINES = "goroutine profile: total {count}\n{count} @ 0x1 0x2\n# labels: {{}}\n" + PARKED + "\n"


def test_what_a_stack_holds_is_scaled_by_the_chance_that_it_was_sampled() -> None:
    held = heap(HEAP.format(count=1, size=524288))
    assert list(held.values()) == [pytest.approx(524288 / (1 - 2.718281828**-1))]


def test_a_growing_call_site_is_named_by_the_innermost_function_outside_the_runtime() -> None:
    before = goroutines(GOROUTINES.format(count=3))
    after = goroutines(GOROUTINES.format(count=10))
    (site,) = growing(before, after, kind="goroutines", unit="1", subject="manager", cycles=(3, 20))
    assert (site.growth, site.function, site.place) == (7, "main.(*Pool).wait", "/app/pool.go:9")
    assert site.stack == ("runtime.gopark", "main.(*Pool).wait")


def test_what_did_not_grow_is_not_named() -> None:
    held = heap(HEAP.format(count=2, size=4096))
    assert not growing(held, held, kind="live heap", unit="B", subject="m", cycles=(1, 2))


def test_a_text_that_is_no_profile_holds_nothing() -> None:
    assert not heap("404 page not found")
    assert not goroutines("404 page not found")
    assert live_heap("404 page not found") is None
    assert goroutine_count("404 page not found") is None


def test_live_heap_and_number_of_goroutines_are_read() -> None:
    assert live_heap(HEAP.format(count=1, size=1)) == 4096000
    assert goroutine_count(GOROUTINES.format(count=12)) == 12
