"""Leak, no leak larger than X, or inconclusive: the verdict on each signal of a soak.

`harness.analysis.soak.decision` says what must hold for each of these.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.soak.decision import (
    LEAST_SHARE,
    NARROW,
    SETTLING_S,
    decide,
    lasts,
    least_lasting,
    pauses,
)
from harness.analysis.soak.sentences import sentence, why_open
from harness.analysis.soak.trend import LEAST, Trends, holm, trends
from harness.model.soakresult import LeakVerdict, SoakResult, SoakSignal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Churn", "Plateaus", "judge_soak", "unread", "warm_up"]

_WARM_UP = 3
_SHORT = 20
_SHORT_WARM_UP = 2

_VERDICTS = (LeakVerdict.LEAK, LeakVerdict.NO_LEAK, LeakVerdict.INCONCLUSIVE)


class Churn(msgspec.Struct, frozen=True, kw_only=True):
    """What was done in the cycles that count, by which growth is divided.

    Attributes:
        reconciles: None where nobody counted them.
        objects: Created and deleted again.
    """

    reconciles: int | None = None
    objects: int | None = None


class Plateaus(msgspec.Struct, frozen=True, kw_only=True):
    """One signal as it was sampled.

    Attributes:
        name: For example "live heap".
        unit: "B", "s" or "1".
        values: One a cycle, at rest.
        matters: Growth over all cycles from which it is a leak, in `unit`.
        matters_each: Growth a reconcile likewise; the larger of both counts.
        resolution: Smallest difference that the signal can show: 1 for what is counted.
        subject: Whose.
        settles: Whether it grows for a while by itself, as what an allocator keeps does.
        allowed: Growth over the cycles that count which a cache with an end may explain.
        allowed_for: What is in that, in words.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    matters: float
    matters_each: float = 0.0
    resolution: float = 0.0
    subject: str = ""
    settles: bool = False
    allowed: float = 0.0
    allowed_for: str = ""


def warm_up(cycles: int) -> int:
    """Returns how many cycles are left out at the begin: 3, or 2 of less than 20."""
    return _WARM_UP if cycles >= _SHORT else _SHORT_WARM_UP


def judge_soak(
    signals: Sequence[Plateaus], *, churn: Churn | None = None, seconds: float = math.inf
) -> SoakResult:
    """Judges all signals of a soak together.

    Args:
        signals: Each with as many values as there were complete cycles.
        churn: What was done in the cycles that count.
        seconds: Of all cycles, as planned.
    """
    churn = churn or Churn()
    settled = seconds >= SETTLING_S
    cycles = min((len(signal.values) for signal in signals), default=0)
    left_out = warm_up(cycles)
    if cycles - left_out < LEAST:
        found = [_too_short(signal, left_out) for signal in signals]
    else:
        values = np.array([signal.values[left_out:cycles] for signal in signals], float)
        made = trends(values)
        matters = np.array([_matters(signal, churn, cycles) for signal in signals])
        resolution = np.array([signal.resolution for signal in signals])
        adjusted = holm(made.p)
        codes = decide(
            made,
            adjusted,
            steps=values.shape[1],
            matters=matters,
            finest=resolution,
            settles=np.array([signal.settles for signal in signals]),
            settled=settled,
            allowed=np.array([signal.allowed for signal in signals]),
        )
        found = [
            _signal(
                signal,
                made,
                row,
                adjusted=float(adjusted[row]),
                code=int(codes[row]),
                to=churn,
                settled=settled,
            )
            for row, signal in enumerate(signals)
        ]
    return SoakResult(
        cycles=cycles, signals=tuple(found), reconciles=churn.reconciles, objects=churn.objects
    )


def _matters(signal: Plateaus, churn: Churn, cycles: int) -> float:
    """The growth that matters, over the cycles that count."""
    share = (cycles - warm_up(cycles)) / cycles
    return max(signal.matters * share, signal.matters_each * (churn.reconciles or 0))


def _signal(
    signal: Plateaus,
    found: Trends,
    row: int,
    *,
    adjusted: float,
    code: int,
    to: Churn,
    settled: bool,
) -> SoakSignal:
    left_out = warm_up(len(signal.values))
    steps = len(signal.values) - left_out
    slope, low, high = (float(x[row]) for x in (found.slope, found.low, found.high))
    verdict = _VERDICTS[code]
    detectable, matters = float(found.detectable[row]), _matters(signal, to, len(signal.values))
    if verdict is LeakVerdict.NO_LEAK:  # by the whole, by the last half alone, or by the span
        late = max(float(found.late_detectable[row]), float(found.late_high[row]), 0.0)
        detectable = min(max(detectable, high), late, NARROW * float(found.span[row]) / steps)
    elif signal.settles:
        detectable = least_lasting(found, row, matters / steps) + signal.allowed / steps
    else:
        detectable = max(detectable, LEAST_SHARE * matters / steps) + signal.allowed / steps
    detectable = max(detectable * steps, signal.resolution)
    made = SoakSignal(
        name=signal.name,
        unit=signal.unit,
        subject=signal.subject,
        values=signal.values,
        warm_up=left_out,
        slope=slope,
        low=low,
        high=high,
        p=float(found.p[row]),
        adjusted_p=adjusted,
        noise=float(found.noise[row]),
        autocorrelation=float(found.correlation[row]),
        growth=slope * steps,
        detectable=detectable,
        matters=matters,
        each_reconcile=_each(slope, low, high, steps=steps, by=to.reconciles),
        each_object=_each(slope, low, high, steps=steps, by=to.objects),
        verdict=verdict,
        sentence="",
    )
    goes_on = lasts(found, steps, matters) & signal.settles
    paused = goes_on & pauses(found, steps, matters)
    why = why_open(
        made,
        found,
        row,
        paused=bool(paused[row]),
        brief=bool(goes_on[row]) and not settled,
        allowed=signal.allowed,
        allowed_for=signal.allowed_for,
    )
    return msgspec.structs.replace(made, sentence=sentence(made, steps, why_open=why))


def _each(
    slope: float, low: float, high: float, *, steps: int, by: int | None
) -> tuple[float, float, float] | None:
    if not by:
        return None
    return slope * steps / by, low * steps / by, high * steps / by


def unread(signal: Plateaus, *, cycles: int) -> SoakSignal:
    """Returns what is said of a signal that could not be read after each cycle: it stays open.

    Args:
        signal: With the values that there are.
        cycles: How many there should be.
    """
    why = f"it could be read after {len(signal.values)} of {cycles} cycles only"
    return _open(signal, warm_up(cycles), why)


def _too_short(signal: Plateaus, left_out: int) -> SoakSignal:
    count = len(signal.values)
    return _open(
        signal, left_out, f"{count} cycles are too few, it needs at least {left_out + LEAST}"
    )


def _open(signal: Plateaus, left_out: int, why: str) -> SoakSignal:
    return SoakSignal(
        name=signal.name,
        unit=signal.unit,
        subject=signal.subject,
        values=signal.values,
        warm_up=left_out,
        slope=0.0,
        low=0.0,
        high=0.0,
        p=1.0,
        adjusted_p=1.0,
        noise=0.0,
        autocorrelation=0.0,
        growth=0.0,
        detectable=None,
        matters=signal.matters,
        verdict=LeakVerdict.INCONCLUSIVE,
        sentence=f"{signal.name} stays open: {why}",
    )
