"""What is used of a C heap, read from outside: of made ones, and of a real process."""

from __future__ import annotations

import platform
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from harness.probes.malloc import Heap, read_heap, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

KIB = 1 << 10
USED_BEFORE = 1


def heap(*chunks: tuple[int, bool]) -> bytes:
    """Chunks of so many bytes, used or not, in a row; the last one is the free rest."""
    data, before = bytearray(), True
    for size, used in chunks:
        flags = (USED_BEFORE if before else 0) | 0b100
        data += struct.pack("<QQ", 0, size | flags) + bytes(size - 16)
        before = used
    return bytes(data)


def used(data: bytes) -> int | None:
    return walk(lambda at, size: data[at : at + size], len(data))


def test_a_chunk_is_used_if_the_next_one_says_so() -> None:
    assert used(heap((64, True), (4096, False), (32, True), (48, True), (1024, False))) == 144
    assert used(heap((64, False), (1024, False))) == 0
    assert used(heap((1024, False))) == 0


def test_a_heap_is_read_in_windows() -> None:
    small = [(112, index % 3 > 0) for index in range(90_000)]
    assert used(heap(*small, (5 << 20, True), (64, False))) == 60_000 * 112 + (5 << 20)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(4096),
        heap((64, True), (1024, False))[:-16],
        heap((64, True), (1024, False)) + bytes(8),
        heap((64, True)) + struct.pack("<QQ", 0, 16 | USED_BEFORE) + bytes(64),
        heap((64, True)) + struct.pack("<QQ", 0, 1 << 60) + bytes(64),
    ],
    ids=["nothing", "zeros", "cut", "more", "too small", "too large"],
)
def test_what_is_no_heap_is_not_added_up(data: bytes) -> None:
    assert used(data) is None


GLIBC = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="needs a process on the GNU C library"
)


PROGRAM = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
libc.free.argtypes = (ctypes.c_void_p,)
input()
pieces = [libc.malloc(2048) for _ in range(4_000)]
for piece in pieces:
    ctypes.memset(piece, 1, 2048)
print("full", flush=True)
input()
for piece in pieces[::2]:
    libc.free(piece)
print("half", flush=True)
input()
"""


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    program = (sys.executable, "-c", PROGRAM)
    pipe = subprocess.PIPE
    with subprocess.Popen(program, text=True, stdin=pipe, stdout=pipe) as process:
        yield process
        process.kill()


def step(child: subprocess.Popen[str]) -> Heap:
    """Lets the child go on; returns its heap when it has."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n")
    child.stdin.flush()
    child.stdout.readline()
    found = read_heap(child.pid)
    assert found is not None
    return found


@GLIBC
def test_what_a_process_freed_is_resident_but_not_used(child: subprocess.Popen[str]) -> None:
    """Every second piece, so that nothing can be given back."""
    full, half = step(child), step(child)
    assert 8_000 * KIB < full.used <= full.resident
    assert full.used - half.used == pytest.approx(4_000 * KIB, rel=0.05)
    assert half.resident == pytest.approx(full.resident, rel=0.02)


@GLIBC
def test_a_process_that_is_gone_has_no_heap(child: subprocess.Popen[str]) -> None:
    assert step(child).used > 0
    child.kill()
    child.wait()
    assert read_heap(child.pid) is None
