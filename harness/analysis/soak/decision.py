"""Leak, no leak larger than X, or inconclusive: what must hold for each verdict on a signal.

What must hold for a leak, all of it:

- growth at 1 %, after the first cycles are left out by a fixed rule, and after Holm's correction
  for the number of signals;
- growth in the last half, too, which isn't sure to be less than what matters, and no slowing down:
  a cache that fills grows, and then is flat; others grow by steps, and by little in between;
- plateaus that don't hang together so much that their number means nothing;

or a last half that is a clear line by itself, which goes on to grow by what matters.

The memory of a process is what its allocator keeps, which grows for long and then is flat, and may
grow once more when something new happens to the operator. There only the last half decides: what it
shows, carried on over all cycles, must matter, and a quarter of that must be sure at 1 %. It must
not slow down, by more than chance. And no third of the cycles may grow by less than that quarter,
or far more slowly than the last half, since a leak grows with the work, which is the same in each
cycle; else it grew, and whether it goes on is open. It stays open in a soak of less than eight
minutes, too: Go collects garbage once in two minutes if nothing else makes it (`forcegcperiod` in
its runtime), and a half must hold two such times.

Growth that a cache with an end may explain, which the soak is too short to see full, isn't held
against a signal: only what is sure beyond that is a leak.

"No leak" needs power: the smallest growth that this soak could have seen must not be larger than
the growth that matters. No power is needed where all plateaus lie within half of that: then nothing
grew by it, as when a count goes up by one and stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.analysis.soak.trend import CLEAR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.analysis.soak.trend import Trends

__all__ = [
    "ALPHA",
    "LEAST_SHARE",
    "NARROW",
    "REFUSED",
    "SETTLING_S",
    "decide",
    "lasts",
    "least_lasting",
    "pauses",
]

ALPHA = 0.01
REFUSED = 0.7
"""Correlation of neighbours from which a number of plateaus says nothing."""

LEAST_SHARE = 0.5
"""Of the growth that matters; less than that is no leak, however clearly it is seen."""

_SURE_SHARE = 0.25
"""Of the growth that matters, what the last half must show for sure where an allocator may have got
its fill, and any third by its slope. Its fill may have a tail: what is left of 2 MiB in the last
half would pass for growth."""

_PAUSED_SHARE = 0.3
"""Of the growth of the last half, below which a third stands still."""

SETTLING_S = 480.0
"""Seconds of cycles from which on the memory of a process can be called leaking."""

NARROW = 2.0
"""Times that the plateaus' span must fit into a growth that they rule out: noise can hide growth,
but not the same growth at all plateaus."""

_LEAK, _NONE, _OPEN = 0, 1, 2


def decide(
    found: Trends,
    adjusted: NDArray[np.float64],
    *,
    steps: int,
    matters: NDArray[np.float64],
    finest: NDArray[np.float64] | float = 0.0,
    settles: NDArray[np.bool_] | bool = False,
    settled: bool = True,
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
        settled: Whether the soak was long enough for those.
        allowed: Growth over them that a cache with an end may explain.
    """
    grows = (adjusted <= ALPHA) & (found.low > 0)
    refused = (found.correlation >= REFUSED) & ~found.clear
    goes_on = grows & (found.late > 0) & ~found.bends & ~refused
    leak = goes_on & (found.slope * steps >= LEAST_SHARE * matters)
    leak &= found.late_most * steps >= LEAST_SHARE * matters
    # A long warm-up bends the whole, so that all that remains around a line hangs together.
    straight = (found.low > 0) & (found.late >= CLEAR * found.late_detectable) & ~found.late_bends
    leak |= straight & (found.late > 0) & (found.late * steps >= LEAST_SHARE * matters)
    keeps_on = lasts(found, steps, matters) & ~pauses(found, steps, matters) & ~found.late_slows
    leak = np.where(settles, keeps_on & settled, leak)
    leak &= ~_explained(found, steps, matters, allowed)
    small = goes_on & ~leak & (found.high * steps <= matters)
    calm = ~grows & (found.high * steps <= matters) & ~refused
    calm &= np.maximum(found.detectable * steps, finest) <= matters
    # What has stopped growing is judged on its last half alone; so less can be ruled out.
    stopped = ~leak & (found.late_high * steps <= matters)
    stopped &= np.maximum(found.late_detectable * steps, finest) <= matters
    narrow = ~leak & (np.maximum(NARROW * found.span, finest) <= matters)
    none = small | calm | stopped | narrow
    return np.where(leak, _LEAK, np.where(none, _NONE, _OPEN))


def _explained(
    found: Trends,
    steps: int,
    matters: NDArray[np.float64] | float,
    allowed: NDArray[np.float64] | float,
) -> NDArray[np.bool_]:
    """Whether growth isn't sure to matter beyond what a cache may hold."""
    beyond = found.slope * steps - allowed >= LEAST_SHARE * matters
    sure: NDArray[np.bool_] = beyond & (found.low * steps > allowed)
    return ~sure & (np.asarray(allowed) > 0)


def lasts(found: Trends, steps: int, matters: NDArray[np.float64] | float) -> NDArray[np.bool_]:
    """Whether the last half grows by what matters, for sure by some of it."""
    goes_on: NDArray[np.bool_] = found.late * steps >= LEAST_SHARE * matters
    return goes_on & (found.late_low * steps >= _SURE_SHARE * matters)


def pauses(found: Trends, steps: int, matters: NDArray[np.float64] | float) -> NDArray[np.bool_]:
    """Whether some third of the cycles grows by a part of what matters, or far more slowly."""
    small: NDArray[np.bool_] = found.slowest * steps < _SURE_SHARE * matters
    pace = np.minimum(found.slope, found.late)  # the whole has a step where something was disturbed
    return small | (found.slowest < _PAUSED_SHARE * pace)


def least_lasting(found: Trends, row: int, matters: float) -> float:
    """The smallest slope of memory that settles which would have been called a leak."""
    late, below = float(found.late_detectable[row]), float(found.slowest_below[row])
    # Half of what is detectable is more than what is missed once in fifty times.
    sure = max(max(late, below) + _SURE_SHARE * matters, late / 2 + LEAST_SHARE * matters)
    return max(sure, below / (1 - _PAUSED_SHARE))
