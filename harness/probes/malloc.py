"""Stage 4b: what a process has taken of its C heap, and what the C library only keeps for it.

Free pieces between used ones stay resident, and their sum creeps for many minutes in a process that
holds ever the same. The GNU C library's heap can be read from outside, as each piece ("chunk")
begins with its size, and says whether the one before it is used ("boundary tags"; malloc/malloc.c
of glibc, "Chunk format"). Only sizes are read.
"""

from __future__ import annotations

import os
import re
import sys
from mmap import mmap
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Heap", "read_heap", "walk"]

_HEAP = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ 0 +\[heap\]$")  # not a file of that name
_WORD = 8
_LEAST = 32  # bytes of a chunk: two sizes, two links
_FLAGS = 0b111
_USED_BEFORE = 0b001
_WINDOW = 4 << 20
_TRIES = 3
_MOST = 1 << 30
"""Bytes of a heap, above which it isn't walked: that would take seconds."""


class Heap(msgspec.Struct, frozen=True, kw_only=True):
    """The heap that grows by brk(2), in bytes.

    Attributes:
        used: In chunks that the program has, or that lie in a cache of one of its threads.
        resident: In memory.
    """

    used: int
    resident: int


def read_heap(pid: int) -> Heap | None:
    """Measures the heap of a process.

    Returns:
        None where it has none, isn't ours to be read (ptrace(2), "access mode checking"), isn't
        that of glibc on 64 bits, or changed meanwhile.
    """
    if sys.maxsize <= 1 << 32 or sys.byteorder != "little":
        return None
    # In memory of its own: the harness's heap must not grow with the operator's.
    window = mmap(-1, _WINDOW)
    try:
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = (_measure(pid, memory, window) for _ in range(_TRIES))
        return next((heap for heap in found if heap is not None), None)
    except (OSError, ValueError):
        return None
    finally:
        os.close(memory)


def _measure(pid: int, memory: int, window: mmap) -> Heap | None:
    """Walks the heap once; None where it changes meanwhile.

    Raises:
        OSError: The process has ended, or isn't ours.
    """
    found = _segment(pid)
    if found is None or not 0 < found[1] - found[0] <= _MOST:
        return None
    start, end, resident = found

    def read(at: int, size: int) -> memoryview:
        view = memoryview(window)[:size]
        return view[: os.preadv(memory, [view], start + at)]

    used = walk(read, end - start)
    return None if used is None else Heap(used=used, resident=resident)


def walk(read: Callable[[int, int], bytes | memoryview], length: int) -> int | None:
    """Adds up the chunks that are used.

    Args:
        read: Returns so many bytes of the heap from an offset on.
        length: Of the heap, to the end of its last chunk, which is free.

    Returns:
        Bytes; None where these aren't chunks.
    """
    words, begin, at, used = memoryview(b"").cast("Q"), 0, 0, 0
    size = -1  # of the chunk at `at`; not known of the first one
    while True:
        following = at + max(size, 0)
        index = (following - begin) // _WORD + 1
        if index >= len(words):
            if following == length:
                return used if length else None
            if following + 2 * _WORD > length:
                return None
            piece = read(following, min(_WINDOW, length - following))
            words, begin, index = memoryview(piece)[: len(piece) & -_WORD].cast("Q"), following, 1
            if len(words) <= 1:
                return None
        header = words[index]
        if size >= 0 and header & _USED_BEFORE:
            used += size
        at, size = following, header & ~_FLAGS
        if size < _LEAST or size % (2 * _WORD):
            return None


def _segment(pid: int) -> tuple[int, int, int] | None:
    """Returns where the heap begins and ends, and its resident bytes."""
    with open(f"/proc/{pid}/smaps", "rb") as lines:  # noqa: PTH123 - no Path a cycle
        for line in lines:
            found = _HEAP.match(line.rstrip())
            if found is None:
                continue
            for field in lines:
                if field.startswith(b"Rss:"):
                    start, end = (int(edge, 16) for edge in found.groups())
                    return start, end, int(field.split()[1]) * 1024
    return None
