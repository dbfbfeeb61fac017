"""Leak, no leak larger than X, or inconclusive: the verdict on each signal of a soak.

What must hold for a leak, all of it:

- growth at 1 %, after the first cycles are left out by a fixed rule, and after Holm's correction
  for the number of signals;
- growth in the last half, too, and no slowing down: a cache that fills grows, and then is flat;
- plateaus that don't hang together so much that their number means nothing;

or a last half that is a clear line by itself, which goes on to grow by what matters.

The memory of a process is what its allocator keeps, which grows for long and then is flat, and may
grow once more when something new happens to the operator. There only the last half decides: what it
shows, carried on over all cycles, must matter, and a quarter of that must be sure at 1 %. And no
third of the cycles may grow more slowly than what matters, since a leak grows with the work, which
is the same in each cycle; else it grew, and whether it goes on is open.

Growth that a cache with an end may explain, which the soak is too short to see full, isn't held
against a signal: only what is sure beyond that is a leak.

"No leak" needs power: the smallest growth that this soak could have seen must not be larger than
the growth that matters. No power is needed where all plateaus lie within half of that: then nothing
grew by it, as when a count goes up by one and stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.soak.trend import CLEAR, LEAST, Trends, holm, trends
from harness.model.soakresult import LeakVerdict, SoakResult, SoakSignal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Churn", "Plateaus", "decide", "judge_soak", "unread", "warm_up"]

_ALPHA = 0.01
_REFUSED = 0.7
"""Correlation of neighbours from which a number of plateaus says nothing."""

_LEAST_SHARE = 0.5
"""Of the growth that matters; less than that is no leak, however clearly it is seen."""

_SURE_SHARE = 0.25
"""Of the growth that matters, what the last half must show for sure where an allocator may have got
its fill. Its fill may have a tail: what is left of 2 MiB in the last half would pass for growth."""

_NARROW = 2.0
"""Times that the plateaus' span must fit into a growth that they rule out: noise can hide growth,
but not the same growth at all plateaus."""

_WARM_UP = 3
_SHORT = 20
_SHORT_WARM_UP = 2

_PAUSED = (
    "it grew in the last half, but hardly in some third of the cycles, and a leak grows in all: a "
    "longer soak would tell"
)
_LEAK, _NONE, _OPEN = 0, 1, 2
_VERDICTS = (LeakVerdict.LEAK, LeakVerdict.NO_LEAK, LeakVerdict.INCONCLUSIVE)
_MIB = 1 << 20
_KIB = 1 << 10


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


def judge_soak(signals: Sequence[Plateaus], *, churn: Churn | None = None) -> SoakResult:
    """Judges all signals of a soak together.

    Args:
        signals: Each with as many values as there were complete cycles.
        churn: What was done in the cycles that count.
    """
    churn = churn or Churn()
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
            allowed=np.array([signal.allowed for signal in signals]),
        )
        found = [
            _signal(
                signal, made, row, adjusted=float(adjusted[row]), code=int(codes[row]), to=churn
            )
            for row, signal in enumerate(signals)
        ]
    return SoakResult(
        cycles=cycles, signals=tuple(found), reconciles=churn.reconciles, objects=churn.objects
    )


def decide(
    found: Trends,
    adjusted: NDArray[np.float64],
    *,
    steps: int,
    matters: NDArray[np.float64],
    finest: NDArray[np.float64] | float = 0.0,
    settles: NDArray[np.bool_] | bool = False,
    allowed: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.int64]:
    """Returns 0 for a leak, 1 for none, 2 where it is open; one entry a series.

    Args:
        found: Trends of the cycles that count.
        adjusted: p-values, after Holm's correction.
        steps: How many cycles count.
        matters: Growth over them from which it is a leak.
        finest: Smallest difference that a signal can show.
        settles: Whether a signal grows for a while by itself.
        allowed: Growth over them that a cache with an end may explain.
    """
    grows = (adjusted <= _ALPHA) & (found.low > 0)
    refused = (found.correlation >= _REFUSED) & ~found.clear
    goes_on = grows & (found.late > 0) & ~found.bends & ~refused
    leak = goes_on & (found.slope * steps >= _LEAST_SHARE * matters)
    # A long warm-up bends the whole, so that all that remains around a line hangs together.
    straight = (found.low > 0) & (found.late >= CLEAR * found.late_detectable) & ~found.late_bends
    leak |= straight & (found.late > 0) & (found.late * steps >= _LEAST_SHARE * matters)
    leak = np.where(settles, _lasts(found, steps, matters) & ~_pauses(found, steps, matters), leak)
    leak &= ~_explained(found, steps, matters, allowed)
    small = goes_on & ~leak & (found.high * steps <= matters)
    calm = ~grows & (found.high * steps <= matters) & ~refused
    calm &= np.maximum(found.detectable * steps, finest) <= matters
    # What has stopped growing is judged on its last half alone; so less can be ruled out.
    stopped = ~leak & (found.late_high * steps <= matters)
    stopped &= np.maximum(found.late_detectable * steps, finest) <= matters
    narrow = ~leak & (np.maximum(_NARROW * found.span, finest) <= matters)
    none = small | calm | stopped | narrow
    return np.where(leak, _LEAK, np.where(none, _NONE, _OPEN))


def _explained(
    found: Trends,
    steps: int,
    matters: NDArray[np.float64] | float,
    allowed: NDArray[np.float64] | float,
) -> NDArray[np.bool_]:
    """Whether growth isn't sure to matter beyond what a cache may hold."""
    beyond = found.slope * steps - allowed >= _LEAST_SHARE * matters
    sure: NDArray[np.bool_] = beyond & (found.low * steps > allowed)
    return ~sure & (np.asarray(allowed) > 0)


def _lasts(found: Trends, steps: int, matters: NDArray[np.float64] | float) -> NDArray[np.bool_]:
    """Whether the last half grows by what matters, for sure by some of it."""
    lasts: NDArray[np.bool_] = found.late * steps >= _LEAST_SHARE * matters
    return lasts & (found.late_low * steps >= _SURE_SHARE * matters)


def _pauses(found: Trends, steps: int, matters: NDArray[np.float64] | float) -> NDArray[np.bool_]:
    """Whether some third of the cycles grows by less than what matters."""
    return found.slowest * steps < _LEAST_SHARE * matters


def _least_lasting(found: Trends, row: int, matters: float) -> float:
    """The smallest slope of memory that settles which would have been called a leak."""
    late, below = float(found.late_detectable[row]), float(found.slowest_below[row])
    return max(late + _SURE_SHARE * matters, below + _LEAST_SHARE * matters)


def _matters(signal: Plateaus, churn: Churn, cycles: int) -> float:
    """The growth that matters, over the cycles that count."""
    share = (cycles - warm_up(cycles)) / cycles
    return max(signal.matters * share, signal.matters_each * (churn.reconciles or 0))


def _signal(
    signal: Plateaus, found: Trends, row: int, *, adjusted: float, code: int, to: Churn
) -> SoakSignal:
    left_out = warm_up(len(signal.values))
    steps = len(signal.values) - left_out
    slope, low, high = (float(x[row]) for x in (found.slope, found.low, found.high))
    verdict = _VERDICTS[code]
    detectable, matters = float(found.detectable[row]), _matters(signal, to, len(signal.values))
    if verdict is LeakVerdict.NO_LEAK:  # by the whole, by the last half alone, or by the span
        late = max(float(found.late_detectable[row]), float(found.late_high[row]), 0.0)
        detectable = min(max(detectable, high), late, _NARROW * float(found.span[row]) / steps)
    elif signal.settles:
        detectable = _least_lasting(found, row, matters / steps)
    elif signal.allowed:
        detectable = max(detectable, _LEAST_SHARE * matters / steps) + signal.allowed / steps
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
    paused = _lasts(found, steps, matters) & _pauses(found, steps, matters) & signal.settles
    why = _PAUSED if paused[row] else _cached(signal, made) or _why_open(made, found, row)
    sentence = _sentence(made, steps, why_open=why)
    return msgspec.structs.replace(made, sentence=sentence)


def _each(
    slope: float, low: float, high: float, *, steps: int, by: int | None
) -> tuple[float, float, float] | None:
    if not by:
        return None
    return slope * steps / by, low * steps / by, high * steps / by


def _sentence(made: SoakSignal, steps: int, *, why_open: str) -> str:
    amount = _amount(made.growth, made.unit)
    least = _amount(made.detectable or 0.0, made.unit)
    seen = f"a growth of {least} over {steps} cycles would have shown"
    if made.verdict is LeakVerdict.LEAK:
        each = made.each_reconcile
        why = f"p {made.adjusted_p:.2g} after correction"
        if made.adjusted_p > _ALPHA:
            why = "the last half by itself is a clear line"
        a_reconcile = f", {_amount(each[0], made.unit)} a reconcile" if each else ""
        grew = f"{made.name} leaks: it grew by {amount} over {steps} cycles{a_reconcile}"
        return f"{grew} ({why}; {seen})"
    if made.verdict is LeakVerdict.NO_LEAK:
        return f"{made.name} doesn't leak more than that: {seen}"
    return f"{made.name} stays open: {why_open}; {seen}"


def _cached(signal: Plateaus, made: SoakSignal) -> str:
    """Says what a cache may hold of clear growth; empty where there is none, or no cache."""
    if not signal.allowed or made.low <= 0 or made.growth < _LEAST_SHARE * made.matters:
        return ""
    grew, may = _amount(made.growth, made.unit), _amount(signal.allowed, made.unit)
    return f"it grew by {grew}, but {may} may be {signal.allowed_for}: a longer soak would tell"


def _why_open(made: SoakSignal, found: Trends, row: int) -> str:
    if made.autocorrelation >= _REFUSED:
        return (
            f"its plateaus hang together (correlation {made.autocorrelation:.2f}), so their number "
            "means nothing"
        )
    if made.adjusted_p > _ALPHA or made.low <= 0:
        if made.matters <= 0:
            return "nobody said which growth matters"
        least = _amount(made.matters, made.unit)
        return f"it doesn't grow clearly, but a leak of {least} could have been missed"
    if made.growth < _LEAST_SHARE * made.matters:
        least = _amount(made.matters, made.unit)
        return f"it grows, but by less than the {least} that matter, and maybe by more"
    if found.bends[row]:
        return "it grows, but ever more slowly: a longer soak would tell a leak from a full cache"
    how = "then slowed down" if found.late[row] > 0 else "but not in the last half"
    return f"it grew, {how}: a longer soak would tell"


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


def _amount(value: float, unit: str) -> str:
    if unit != "B":
        return f"{value:.3g}{' s' if unit == 's' else ''}"
    size = abs(value)
    if size >= _MIB:
        return f"{value / _MIB:.3g} MiB"
    return f"{value / _KIB:.3g} KiB" if size >= _KIB else f"{value:.3g} B"
