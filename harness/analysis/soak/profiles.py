"""What grew between two of Go's profiles in text form (`debug=1`), by call site.

The heap's profile holds a sample of the allocations that are still in use; what a stack holds is
estimated as `go tool pprof` does it: divided by the chance that an allocation of that size was
sampled.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from harness.model.soakresult import GrowingSite

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Stack", "goroutines", "growing", "heap"]

_HEAP_HEAD = re.compile(r"\Aheap profile: .* @ heap/(\d+)\s*$", re.MULTILINE)
_HEAP = re.compile(r"^(\d+): (\d+) \[\d+: \d+\] @((?: 0x[0-9a-f]+)*)$")
_GOROUTINES = re.compile(r"^(\d+) @((?: 0x[0-9a-f]+)*)$")
_FRAME = re.compile(r"^#\t0x[0-9a-f]+\t(.+?)(?:\+0x[0-9a-f]+)?\t+(.+)$")
_RUNTIME = re.compile(
    r"^(runtime|runtime/\w+|internal/(runtime|poll|bytealg)[\w/]*|sync|syscall|time)\."
)
_MOST = 5
_DEPTH = 12


class Stack(msgspec.Struct, frozen=True):
    """A call stack: functions with their places, innermost first."""

    frames: tuple[tuple[str, str], ...]

    @property
    def site(self) -> tuple[str, str]:
        """The innermost function that isn't of Go's runtime, and its place."""
        outside = (frame for frame in self.frames if not _RUNTIME.match(frame[0]))
        return next(outside, self.frames[0] if self.frames else ("", ""))


def heap(text: str) -> dict[Stack, float]:
    """Returns the bytes in use by stack; empty for what is no heap profile."""
    head = _HEAP_HEAD.match(text)
    if head is None:
        return {}
    rate = int(head[1]) / 2  # the head says twice the mean distance of samples, in bytes
    found: dict[Stack, float] = defaultdict(float)
    for match, stack in _records(text, _HEAP):
        count, size = int(match[1]), int(match[2])
        if count and size:
            chance = -math.expm1(-(size / count) / rate) if rate > 1 else 1.0
            found[stack] += size / chance
    return dict(found)


def goroutines(text: str) -> dict[Stack, float]:
    """Returns how many goroutines there are by stack; empty for what is no such profile."""
    if not text.startswith("goroutine profile:"):
        return {}
    found: dict[Stack, float] = defaultdict(float)
    for match, stack in _records(text, _GOROUTINES):
        found[stack] += int(match[1])
    return dict(found)


def growing(
    before: dict[Stack, float],
    after: dict[Stack, float],
    *,
    kind: str,
    unit: str,
    subject: str,
    cycles: tuple[int, int],
) -> tuple[GrowingSite, ...]:
    """Returns the stacks that grew, the most first; at most five.

    Args:
        before: By stack.
        after: Likewise, later.
        kind: Of the sites.
        unit: Of what is held.
        subject: Whose.
        cycles: After which the two were taken, from 1.
    """
    growth = {stack: held - before.get(stack, 0.0) for stack, held in after.items()}
    most = sorted((s for s in growth if growth[s] > 0), key=lambda s: -growth[s])[:_MOST]
    return tuple(
        GrowingSite(
            kind=kind,
            subject=subject,
            growth=growth[stack],
            unit=unit,
            function=stack.site[0],
            place=stack.site[1],
            first=cycles[0],
            last=cycles[1],
            stack=tuple(function for function, _ in stack.frames[:_DEPTH]),
        )
        for stack in most
    )


def _records(text: str, head: re.Pattern[str]) -> Iterator[tuple[re.Match[str], Stack]]:
    """Yields each record's first line and its stack."""
    match: re.Match[str] | None = None
    frames: list[tuple[str, str]] = []
    for line in text.splitlines():
        begun = head.match(line)
        if begun is not None or not line.startswith("#"):
            if match is not None and frames:
                yield match, Stack(tuple(frames))
            match, frames = begun, []
        elif frame := _FRAME.match(line):
            frames.append((frame[1], frame[2]))
    if match is not None and frames:
        yield match, Stack(tuple(frames))
