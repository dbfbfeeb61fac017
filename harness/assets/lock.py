"""A lock between runs on one machine, so that two of them don't build twice."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

import msgspec

from harness.clock import SYSTEM_CLOCK, Clock, Deadline, utc
from harness.errors import AssetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Busy", "Holder", "exclusive"]

_PAUSE_S = 0.1
_TRIES_UNNAMED = 10
_UNNAMED = "another process"


class Holder(msgspec.Struct, frozen=True):
    """Who holds the lock: process id, what it does, and since when (UTC, for people)."""

    pid: int
    doing: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.doing}, since {self.since} UTC)"


class Busy(AssetError):
    """Someone else holds the lock and we don't wait, or waited long enough."""


@contextlib.contextmanager
def exclusive(
    file: Path,
    *,
    doing: str,
    timeout: float,
    on_wait: Callable[[str], None] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[None]:
    """Holds the lock while the block runs; the kernel releases it when the process dies.

    Args:
        file: Its folder must exist.
        doing: What we are about to do, for those who wait for us.
        timeout: Seconds to wait for it; 0 to try once.
        on_wait: Told once, for whom we wait.
        clock: Of the wait.

    Raises:
        Busy: Someone else holds it for longer than `timeout`.
    """
    fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(fd, timeout=timeout, on_wait=on_wait, clock=clock)
        now = utc(clock.now()).strftime("%H:%M:%S")
        os.ftruncate(fd, 0)
        os.pwrite(fd, msgspec.json.encode(Holder(os.getpid(), doing, now)), 0)
        try:
            yield
        finally:
            os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def _take(fd: int, *, timeout: float, on_wait: Callable[[str], None] | None, clock: Clock) -> None:
    deadline = Deadline(timeout, clock=clock)
    said, tries = False, 0
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if deadline.passed:
                raise Busy(
                    f"The folder of binaries is in use by {_holder(fd) or _UNNAMED}.",
                    hint="Wait for it to end, or end it, and try again.",
                ) from None
            if on_wait and not said and (_holder(fd) or tries > _TRIES_UNNAMED):
                on_wait(f"waiting for {_holder(fd) or _UNNAMED}")
                said = True
            tries += 1
            clock.sleep(_PAUSE_S)
        else:
            return


def _holder(fd: int) -> str:
    """Returns who holds the lock; empty in the instant before it has said so."""
    try:
        return str(msgspec.json.decode(os.pread(fd, 4096, 0), type=Holder))
    except msgspec.DecodeError:
        return ""
