"""Stage 4a: when each arrival of a phase is due, and what it does; drawn before the clock starts.

Open loop: nothing here depends on how fast anything is answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.errors import UsageError
from harness.model.load import MOST_ARRIVALS, ArrivalProcess, Mix, Operation

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Schedule", "Step", "draw_operations", "offsets"]

_NS = 1_000_000_000
_SPARE = 6.0  # standard deviations: that many more gaps than expected are drawn
_TIMES, _OPERATIONS = 1, 2  # streams of random numbers that don't touch each other


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a constant rate."""

    rate_per_s: float
    seconds: float


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """How the arrivals of a phase are spread over its time.

    Attributes:
        process: Which of the fields below hold.
        rate_per_s: Constant, Poisson: the rate. Ramp: the first rate, may be 0.
        to_rate_per_s: Ramp: the last rate.
        seconds: Constant, Poisson, ramp: how long.
        steps: Step: one after the other.
        count: Burst: how many are due at once; 0 for one on each object that is there.
        draw: Phases of one draw have the same arrivals, to be compared; None for the phase's own.
    """

    process: ArrivalProcess
    rate_per_s: float = 0.0
    to_rate_per_s: float = 0.0
    seconds: float = 0.0
    steps: tuple[Step, ...] = ()
    count: int = 0
    draw: int | None = None

    @classmethod
    def constant(cls, rate_per_s: float, seconds: float) -> Schedule:
        """Arrivals at even distances."""
        return cls(process=ArrivalProcess.CONSTANT, rate_per_s=rate_per_s, seconds=seconds)

    @classmethod
    def poisson(cls, rate_per_s: float, seconds: float) -> Schedule:
        """Arrivals that know nothing of each other: exponential distances."""
        return cls(process=ArrivalProcess.POISSON, rate_per_s=rate_per_s, seconds=seconds)

    @classmethod
    def ramp(cls, rate_per_s: float, to_rate_per_s: float, seconds: float) -> Schedule:
        """A rate that changes evenly from the first to the last."""
        return cls(
            process=ArrivalProcess.RAMP,
            rate_per_s=rate_per_s,
            to_rate_per_s=to_rate_per_s,
            seconds=seconds,
        )

    @classmethod
    def stepped(cls, *steps: Step) -> Schedule:
        """Constant rates, one after the other."""
        return cls(process=ArrivalProcess.STEP, steps=steps)

    @classmethod
    def burst(cls, count: int = 0) -> Schedule:
        """All due at once; with 0, one on each object that is there."""
        return cls(process=ArrivalProcess.BURST, count=count)

    @property
    def length_s(self) -> float:
        """Seconds from the first instant to the last; 0 for a burst."""
        if self.process is ArrivalProcess.STEP:
            return sum(step.seconds for step in self.steps)
        return 0.0 if self.process is ArrivalProcess.BURST else self.seconds

    @property
    def expected(self) -> float:
        """How many arrivals are to be expected."""
        if self.process is ArrivalProcess.BURST:
            return float(self.count)
        if self.process is ArrivalProcess.STEP:
            return sum(step.rate_per_s * step.seconds for step in self.steps)
        if self.process is ArrivalProcess.RAMP:
            return (self.rate_per_s + self.to_rate_per_s) / 2 * self.seconds
        return self.rate_per_s * self.seconds

    @property
    def mean_rate_per_s(self) -> float | None:
        """Arrivals a second on average; None for a burst."""
        return self.expected / self.length_s if self.length_s else None


def offsets(schedule: Schedule, *, seed: int, phase: int) -> NDArray[np.int64]:
    """Returns when each arrival is due, in nanoseconds since the start, ascending.

    Args:
        schedule: How they are spread.
        seed: Of the run; only a Poisson process draws anything.
        phase: Index of the phase, so that two of them differ.

    Raises:
        UsageError: A rate or a time is negative or not finite, or there are too many arrivals.
    """
    _check(schedule)
    if schedule.process is ArrivalProcess.BURST:
        return np.zeros(schedule.count, dtype=np.int64)
    if schedule.process is ArrivalProcess.POISSON:
        return _poisson(schedule, np.random.default_rng((seed, phase, _TIMES)))
    if schedule.process is ArrivalProcess.RAMP:
        return _ramp(schedule)
    steps = schedule.steps
    if schedule.process is ArrivalProcess.CONSTANT:
        steps = (Step(rate_per_s=schedule.rate_per_s, seconds=schedule.seconds),)
    begin, parts = 0.0, []
    for step in steps:
        due = np.arange(round(step.rate_per_s * step.seconds)) / (step.rate_per_s or 1.0)
        parts.append(begin + due)
        begin += step.seconds
    return _nanoseconds(np.concatenate(parts) if parts else np.zeros(0))


def draw_operations(mix: Mix, count: int, *, seed: int, phase: int) -> NDArray[np.int8]:
    """Returns the operation of each arrival, in shares as exact as whole numbers allow.

    Args:
        mix: The shares.
        count: How many arrivals there are.
        seed: Of the run; decides their order.
        phase: Index of the phase.

    Raises:
        UsageError: No share is above 0, or one is below.
    """
    shares = np.array(mix.shares)
    if not np.isfinite(shares).all() or (shares < 0).any() or shares.sum() <= 0:
        raise UsageError(
            f"A mix of {', '.join(f'{share:g}' for share in mix.shares)} can't be drawn from.",
            hint="Shares are numbers from 0 up, and one of them is above 0.",
        )
    bounds = np.rint(np.cumsum(shares) / shares.sum() * count).astype(int)
    numbers = np.diff(bounds, prepend=0)
    drawn = np.repeat(np.array([int(one) for one in Operation], dtype=np.int8), numbers)
    np.random.default_rng((seed, phase, _OPERATIONS)).shuffle(drawn)
    return drawn


def _check(schedule: Schedule) -> None:
    steps = [(step.rate_per_s, step.seconds) for step in schedule.steps]
    numbers = np.array(
        [schedule.rate_per_s, schedule.to_rate_per_s, schedule.seconds, schedule.count]
        + [number for step in steps for number in step]
    )
    if not np.isfinite(numbers).all() or (numbers < 0).any():
        raise UsageError(f"No arrivals can be drawn from {schedule}.")
    if schedule.expected > MOST_ARRIVALS:
        raise UsageError(
            f"{schedule.expected:.0f} arrivals in one phase are more than {MOST_ARRIVALS:,}.",
            hint="Lower the rate, or shorten the phase.",
        )


def _poisson(schedule: Schedule, rng: np.random.Generator) -> NDArray[np.int64]:
    if not schedule.expected:
        return np.zeros(0, dtype=np.int64)
    wanted = schedule.expected
    times = np.zeros(0)
    while not len(times) or times[-1] < schedule.seconds:
        more = int(wanted + _SPARE * np.sqrt(wanted)) + 1
        gaps = rng.exponential(1.0 / schedule.rate_per_s, more)
        times = np.concatenate([times, (times[-1] if len(times) else 0.0) + np.cumsum(gaps)])
    return _nanoseconds(times[times < schedule.seconds])


def _ramp(schedule: Schedule) -> NDArray[np.int64]:
    """The n-th arrival is due when the area under the rate is n."""
    first, last, seconds = schedule.rate_per_s, schedule.to_rate_per_s, schedule.seconds
    area = np.arange(round(schedule.expected), dtype=float)
    slope = (last - first) / seconds if seconds else 0.0
    if not slope:
        return _nanoseconds(area / (first or 1.0))
    root = np.sqrt(np.maximum(first * first + 2.0 * slope * area, 0.0))
    return _nanoseconds((root - first) / slope)


def _nanoseconds(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(np.rint(seconds * _NS), dtype=np.int64)
