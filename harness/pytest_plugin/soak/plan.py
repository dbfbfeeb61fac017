"""How many cycles a soak has, how long they are, and what arrives in each."""

from __future__ import annotations

import math

from harness.model.soak import SoakPlan

__all__ = ["DURATION_S", "LEAST_CYCLE_S", "plan_soak"]

DURATION_S = 1800.0
_CYCLES = 20  # many short cycles find smaller leaks than few long ones
LEAST_CYCLE_S = 8.0
_LONGEST_CYCLE_S = 90.0  # a longer soak has more cycles, not longer ones
_SHARE = 0.3  # of a cycle for creates, and likewise for changes; the rest deletes and rests
_MOST_OBJECTS = 5_000  # at a time

_WARM, _WARM_S, _WARM_MOST = 300, 60.0, 0.25
"""Objects after which an operator is warm, seconds that may be spent on more of them than those of
cycles that don't count, and the share of the soak that this may be at most."""
_SETTLED, _SETTLED_S, _SETTLED_MOST = 400, 90.0, 0.3
"""The same where the memory of its process decides: that of `reference`, a Python process, was flat
after 350 to 470 objects, and rose for as many when its API server had been restarted."""

_LEFT_OUT = 3  # cycles that don't count
_JUDGED = 16  # cycles that a verdict needs
_WARM_SHARE = 0.1
"""Share of the soak that may be spent on it if that is more."""

_OVERLAP_S = 75.0
"""Seconds for which the old token is still valid: clients read their file again each minute."""

_ROTATED_S = 1500.0
"""Seconds of a soak from which on the token is rotated: 25 minutes."""

_REVOKED_BY_S = 2400.0
"""Of a soak, before a token that lives for an hour is replaced in any case."""


def plan_soak(
    *,
    duration: float,
    rate: float,
    rate_from: str = "",
    overlap_s: float = 0.0,
    settles: bool = False,
    restarts: bool = True,
) -> SoakPlan:
    """Returns the cycles of a soak.

    Args:
        duration: Seconds of all cycles together; 0 for 30 minutes.
        rate: Arrivals a second while objects are created and changed.
        rate_from: Who said so, in words.
        overlap_s: For so long the old token stays valid, which is rotated in a shorter soak than
            25 minutes, too; 0 for those alone, and for 75 seconds.
        settles: Whether the memory of a process decides, which grows by itself for a while.
        restarts: Whether the API server is restarted in the middle.
    """
    seconds = duration or DURATION_S
    cycles = max(_CYCLES, round(seconds / _LONGEST_CYCLE_S))
    cycles = min(cycles, max(1, int(seconds // LEAST_CYCLE_S)))
    cycle_s = seconds / cycles
    objects = max(1, min(_MOST_OBJECTS, round(rate * cycle_s * _SHARE)))
    wanted, most_s, share = (
        (_SETTLED, _SETTLED_S, _SETTLED_MOST) if settles else (_WARM, _WARM_S, _WARM_MOST)
    )
    most_s = min(max(most_s, _WARM_SHARE * seconds), share * seconds)
    round_s = 2 * objects / rate
    most = int(most_s / round_s) if cycles >= _JUDGED else 0
    warm_ups = min(max(0, math.ceil(wanted / objects) - _LEFT_OUT), most)
    again = min(math.ceil(wanted / objects), most) if settles and restarts else 0
    replaced, revoked = 0, 0
    if overlap_s or seconds >= _ROTATED_S:
        # Late, since what is found then is no longer there to be judged for the rest of the soak.
        overlap_s = overlap_s or _OVERLAP_S
        left_s, middle = _REVOKED_BY_S - warm_ups * round_s, cycles // 2
        revoked = max(2, min(cycles * 3 // 4, int(left_s / cycle_s)))
        if revoked > middle:  # then what follows the restart comes before it, too
            revoked = min(revoked, max(middle, int((left_s - again * round_s) / cycle_s)))
        replaced = max(1, revoked - math.ceil(overlap_s / cycle_s))
    return SoakPlan(
        cycles=cycles,
        cycle_s=cycle_s,
        rate_per_s=rate,
        objects=objects,
        warm_ups=warm_ups,
        warm_ups_again=again,
        rate_from=rate_from,
        replaced_after=replaced,
        revoked_after=revoked,
        overlap_s=overlap_s,
    )
