"""Instants and named windows of a run."""

from __future__ import annotations

import msgspec

__all__ = ["Span", "Stamp"]


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """One instant on both clocks, in nanoseconds.

    Attributes:
        mono_ns: CLOCK_MONOTONIC; differences are exact, and comparable between processes.
        wall_ns: Since the epoch, UTC; for people and for joining with audit stamps.
    """

    mono_ns: int
    wall_ns: int


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A closed stretch of time.

    Attributes:
        start: First instant.
        end: Last instant, not before `start`.
    """

    start: Stamp
    end: Stamp

    @property
    def seconds(self) -> float:
        """Length in seconds, on the monotonic clock."""
        return (self.end.mono_ns - self.start.mono_ns) / 1e9

    def holds(self, stamp: Stamp) -> bool:
        """Whether the stamp lies inside, bounds included."""
        return self.start.mono_ns <= stamp.mono_ns <= self.end.mono_ns

    def holds_wall(self, wall_ns: int) -> bool:
        """Whether a wall-clock instant (an audit stamp) lies inside, bounds included."""
        return self.start.wall_ns <= wall_ns <= self.end.wall_ns
