"""Whether an operator keeps up with a rate: explicit tests of one step, with reasons.

A step is sustained if, after its begin (`settle_s`) is left out,

- completions are at least 99 % of arrivals,
- arrivals in flight don't grow: the 95 % interval of their slope reaches 0 or below,
- the p99 of the total latency keeps the limit, where there is one,
- no request failed.

Small differences mean nothing at low rates, where a few arrivals are 1 % and the backlog swings by
its own square root; so both tests on the backlog also ask that it grew by more than that swing: for
completions from its mean in the step's first twelfth to that in its last, since a pause of a tenth
of a second at the very end leaves arrivals open, too.
A step whose arrivals were dropped or sent late says nothing about the operator, neither does one
that failed while other work used much of the machine.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from scipy.special import stdtrit

from harness.analysis.load.join import Fate
from harness.analysis.load.percentiles import nearest_rank
from harness.model.loadresult import StepState, Sustainability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.analysis.load.join import Joined
    from harness.analysis.load.samples import Arrivals

__all__ = ["Limits", "StepStamps", "in_flight", "sustained"]

_S = 1e9
_MS = 1e6
_BLOCKS = 12
_POINTS_A_BLOCK = 20
_FEW = 100
"""Samples below which a p99 is the maximum by another name."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a step must keep.

    Attributes:
        ratio: Least completions by arrivals.
        p99_ms: Largest p99 of the total latency; None for none.
        send_lag_ms: Largest p99 of the send lag; above it the generator was the limit. It is wide
            since a short lag leaves the rate as it is; how far it spoils latencies is told apart.
        clear_ratio: Below it a failure needs no repetition.
        others: Share of the machine's cores; a failure while other work used more says nothing.
    """

    ratio: float = 0.99
    p99_ms: float | None = None
    send_lag_ms: float = 50.0
    clear_ratio: float = 0.90
    others: float = 0.20


class StepStamps(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The arrivals of one step.

    Attributes:
        start_ns, end_ns: When the first and the last arrival was due. What happens later isn't
            looked at, so that the answer is the same during the run and after it.
        intended_ns, sent_ns, done_ns: As in `Arrivals` and `Joined`.
        fate: As in `Joined`.
        echoed_ns: Likewise; None where nobody asks for it.
        others: Cores that other work used, and cores of the machine; None where nobody looked.
    """

    start_ns: int
    end_ns: int
    intended_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    done_ns: NDArray[np.int64]
    fate: NDArray[np.int8]
    echoed_ns: NDArray[np.int64] | None = None
    others: tuple[float, int] | None = None

    @classmethod
    def of(
        cls,
        arrivals: Arrivals,
        joined: Joined,
        rows: NDArray[np.int64],
        *,
        span: tuple[int, int],
        others: tuple[float, int] | None = None,
    ) -> StepStamps:
        """Chooses the arrivals of a step by their rows."""
        return cls(
            start_ns=span[0],
            end_ns=span[1],
            intended_ns=arrivals.intended_ns[rows],
            sent_ns=arrivals.sent_ns[rows],
            done_ns=joined.done_ns[rows],
            fate=joined.fate[rows],
            echoed_ns=joined.echoed_ns[rows],
            others=others,
        )


def in_flight(
    stamps: StepStamps, at_ns: NDArray[np.int64] | NDArray[np.float64]
) -> NDArray[np.int64]:
    """Returns how many arrivals were due and not done, at each instant.

    What failed or was dropped is never in flight.
    """
    good = stamps.fate <= Fate.IN_FLIGHT
    due = np.searchsorted(np.sort(stamps.intended_ns[good]), at_ns, side="right")
    done = np.searchsorted(np.sort(stamps.done_ns[good]), at_ns, side="right")
    count: NDArray[np.int64] = due - done
    return count


def sustained(
    stamps: StepStamps, *, rate_per_s: float, settle_s: float = 1.0, limits: Limits | None = None
) -> Sustainability:
    """Judges one step of constant rate.

    Args:
        stamps: Of the step.
        rate_per_s: Planned.
        settle_s: What is left out at the begin: time for the first arrivals to be done.
        limits: What it must keep; the defaults if None.
    """
    limits = limits or Limits()
    step = _Step(stamps, settle_s)
    faults = _faults(step, limits)
    guilty = _generator(step, limits)
    if faults:
        guilty += _disturbed(stamps, limits)
    state = StepState.FAILED if faults else StepState.SUSTAINED
    return Sustainability(
        state=StepState.GENERATOR_LIMITED if guilty else state,
        rate_per_s=rate_per_s,
        ratio=step.ratio,
        completed_per_s=step.completed / step.seconds,
        backlog_slope_per_s=step.slope[0],
        backlog_slope_low=step.slope[1],
        backlog_slope_high=step.slope[2],
        p50_ms=step.p50_ms,
        p99_ms=step.p99_ms,
        send_lag_p99_ms=step.send_lag_p99_ms,
        dropped=step.dropped,
        errors=step.errors,
        clear=step.ratio < limits.clear_ratio,
        reasons=(*guilty, *faults),
    )


class _Step:
    """The figures that the tests look at."""

    def __init__(self, stamps: StepStamps, settle_s: float) -> None:
        begin = min(stamps.start_ns + int(settle_s * _S), stamps.end_ns - 1)
        self.seconds = (stamps.end_ns - begin) / _S
        due = (stamps.intended_ns > begin) & (stamps.fate != Fate.DROPPED)
        self.arrived = int(due.sum())
        self.completed = int(((stamps.done_ns > begin) & (stamps.done_ns <= stamps.end_ns)).sum())
        self.ratio = self.completed / self.arrived if self.arrived else 1.0
        self.dropped = int((stamps.fate == Fate.DROPPED).sum())
        self.errors = int((stamps.fate == Fate.ERROR).sum())

        edges = np.linspace(begin, stamps.end_ns, _BLOCKS * _POINTS_A_BLOCK)
        backlog = in_flight(stamps, edges)
        self.swing = 2 + 2 * math.sqrt(float(backlog.mean()))
        blocks = backlog.reshape(_BLOCKS, -1).mean(axis=1)
        self.grown = float(blocks[-1] - blocks[0])
        self.slope = _slope(blocks, self.seconds)

        sent = stamps.fate != Fate.DROPPED
        lag = (stamps.sent_ns - stamps.intended_ns)[sent & (stamps.sent_ns > 0)]
        self.send_lag_p99_ms = _late(lag)
        good = stamps.fate <= Fate.IN_FLIGHT
        ends = np.minimum(stamps.done_ns[good], stamps.end_ns)
        total = ends - stamps.intended_ns[good]
        self.p50_ms = _at(total, 0.5)
        self.p99_ms = _at(total, 0.99) if len(total) >= _FEW else None


def _faults(step: _Step, limits: Limits) -> list[str]:
    """Why the operator didn't keep up."""
    found = []
    if step.ratio < limits.ratio and step.grown > step.swing:
        found.append(
            f"{step.completed} of {step.arrived} arrivals were completed "
            f"({step.ratio:.1%}, at least {limits.ratio:.0%} needed)"
        )
    grown = step.slope[0] * step.seconds
    rate = step.arrived / step.seconds
    if step.slope[1] > 0 and grown > step.swing and step.slope[0] > (1 - limits.ratio) * rate:
        found.append(
            f"arrivals in flight grew by {step.slope[0]:.3g} a second "
            f"(95 % interval {step.slope[1]:.3g} to {step.slope[2]:.3g})"
        )
    if limits.p99_ms is not None and step.p99_ms is not None and step.p99_ms > limits.p99_ms:
        found.append(f"p99 was {step.p99_ms:.4g} ms, above the limit of {limits.p99_ms:.4g} ms")
    if step.errors:
        found.append(f"{step.errors} requests failed")
    return found


def _generator(step: _Step, limits: Limits) -> list[str]:
    """Why the load wasn't what it should have been."""
    found = []
    if step.dropped:
        found.append(f"the generator dropped {step.dropped} arrivals")
    lag = step.send_lag_p99_ms
    if lag is not None and lag > limits.send_lag_ms:
        found.append(f"the generator sent late: p99 {lag:.3g} ms, above {limits.send_lag_ms:g} ms")
    return found


def _disturbed(stamps: StepStamps, limits: Limits) -> list[str]:
    """Whose work it may have been that the operator waited for."""
    if stamps.others is None:
        return []
    used, cores = stamps.others
    if used <= limits.others * cores:
        return []
    return [f"other work on this machine used {used:.2f} of its {cores} cores"]


def _slope(blocks: NDArray[np.float64], seconds: float) -> tuple[float, float, float]:
    """Least squares over block means, with its 95 % interval, each a second."""
    n = len(blocks)
    at = (np.arange(n) + 0.5) * seconds / n
    centred = at - at.mean()
    spread = float((centred**2).sum())
    slope = float((centred * blocks).sum()) / spread
    rest = blocks - blocks.mean() - slope * centred
    error = math.sqrt(float((rest**2).sum()) / (n - 2) / spread)
    reach = float(stdtrit(n - 2, 0.975)) * error
    return slope, slope - reach, slope + reach


def _late(lag: NDArray[np.int64]) -> float | None:
    """The p99; of less than 100 the second largest, as of 100: one late arrival spoils no step."""
    if not 1 < len(lag) < _FEW:
        return _at(lag, 0.99)
    return float(np.partition(lag, -2)[-2]) / _MS


def _at(values: NDArray[np.int64], q: float) -> float | None:
    if not len(values):
        return None
    rank = nearest_rank(q, len(values))
    return float(np.partition(values, rank)[rank]) / _MS
