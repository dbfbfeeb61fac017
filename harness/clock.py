"""Time: the only module that reads a clock or sleeps.

Every stamp is taken on CLOCK_MONOTONIC, which all processes of one machine share, and carries
the wall clock beside it for people and for joining with the API server's audit stamps.
Tests replace `Clock` by `FakeClock` and advance it; nothing else may call `time`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

from harness.model.time import Stamp

__all__ = [
    "SYSTEM_CLOCK",
    "Clock",
    "Deadline",
    "FakeClock",
    "SystemClock",
    "monotonic_ns",
    "process_ns",
    "utc",
]

_NS = 1_000_000_000

monotonic_ns = time.monotonic_ns
"""The first half of a Stamp, for where thousands are taken a second."""

process_ns = time.process_time_ns
"""CPU time of this process."""


class Clock(Protocol):
    """What the rest of the harness may know of time."""

    def now(self) -> Stamp:
        """Returns the present instant on both clocks."""

    def sleep(self, seconds: float) -> None:
        """Waits; for back-off between attempts only, never to await an event."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Stamp:
        """Returns the present instant; the two reads are less than a microsecond apart."""
        return Stamp(mono_ns=time.monotonic_ns(), wall_ns=time.time_ns())

    def sleep(self, seconds: float) -> None:
        """Blocks the calling thread for `seconds`."""
        time.sleep(seconds)


class FakeClock:
    """A clock for tests: it stands still until it is advanced; sleeping advances it."""

    def __init__(self, *, mono_ns: int = 0, wall_ns: int = 1_800_000_000 * _NS) -> None:
        self._now = Stamp(mono_ns=mono_ns, wall_ns=wall_ns)

    def now(self) -> Stamp:
        """Returns the instant to which the clock was last advanced."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Advances instead of waiting."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Moves both clocks forward by `seconds`."""
        delta = int(seconds * _NS)
        self._now = Stamp(mono_ns=self._now.mono_ns + delta, wall_ns=self._now.wall_ns + delta)


SYSTEM_CLOCK = SystemClock()


class Deadline:
    """A point in time by which something must have happened.

    Args:
        seconds: From now.
        clock: Read on each question.
    """

    def __init__(self, seconds: float, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self.seconds = seconds
        self._end_ns = clock.now().mono_ns + int(seconds * _NS)

    @property
    def remaining(self) -> float:
        """Seconds that are left; 0.0 when the deadline has passed."""
        return max(0.0, (self._end_ns - self._clock.now().mono_ns) / _NS)

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return self.remaining <= 0.0


def utc(stamp: Stamp) -> datetime:
    """Returns the wall time of a stamp as an aware datetime in UTC."""
    return datetime.fromtimestamp(stamp.wall_ns / _NS, tz=UTC)
