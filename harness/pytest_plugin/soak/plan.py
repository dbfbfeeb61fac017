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

_WARM = 300
"""Objects after which the memory of `reference`, a Python process, is flat; of Go programs it is
sooner. So many are made before the first cycle that counts."""

_LEFT_OUT = 3  # cycles that don't count
_JUDGED = 16  # cycles that a verdict needs
_WARM_UP_S, _WARM_UP_SHARE, _WARM_UP_MOST = 60.0, 0.1, 0.25
"""Seconds, or that share of the soak if it is more, that a warm-up may take; never more than a
quarter."""

_OVERLAP_S = 75.0
"""Seconds for which the old token is still valid: clients read their file again each minute."""

_ROTATED_S = 1500.0
"""Seconds of a soak from which on the token is rotated: 25 minutes."""

_REVOKED_BY_S = 2400.0
"""Of a soak, before a token that lives for an hour is replaced in any case."""


def plan_soak(
    *, duration: float, rate: float, rate_from: str = "", overlap_s: float = 0.0
) -> SoakPlan:
    """Returns the cycles of a soak.

    Args:
        duration: Seconds of all cycles together; 0 for 30 minutes.
        rate: Arrivals a second while objects are created and changed.
        rate_from: Who said so, in words.
        overlap_s: For so long the old token stays valid, which is rotated in a shorter soak than
            25 minutes, too; 0 for those alone, and for 75 seconds.
    """
    seconds = duration or DURATION_S
    cycles = max(_CYCLES, round(seconds / _LONGEST_CYCLE_S))
    cycles = min(cycles, max(1, int(seconds // LEAST_CYCLE_S)))
    cycle_s = seconds / cycles
    objects = max(1, min(_MOST_OBJECTS, round(rate * cycle_s * _SHARE)))
    warm_ups = _warm_ups(seconds, cycles=cycles, cycle_s=cycle_s, objects=objects)
    replaced, revoked = 0, 0
    if overlap_s or seconds >= _ROTATED_S:
        # Late, since what is found then is no longer there to be judged for the rest of the soak.
        overlap_s = overlap_s or _OVERLAP_S
        revoked = max(2, min(cycles * 3 // 4, int(_REVOKED_BY_S / cycle_s)))
        replaced = max(1, revoked - math.ceil(overlap_s / cycle_s))
    return SoakPlan(
        cycles=cycles,
        cycle_s=cycle_s,
        rate_per_s=rate,
        objects=objects,
        warm_ups=warm_ups,
        rate_from=rate_from,
        replaced_after=replaced,
        revoked_after=revoked,
        overlap_s=overlap_s,
    )


def _warm_ups(seconds: float, *, cycles: int, cycle_s: float, objects: int) -> int:
    """Returns how many rounds go before the first cycle; none where there's no verdict anyway."""
    if cycles < _JUDGED:
        return 0
    lacking = math.ceil(max(0, _WARM - _LEFT_OUT * objects) / objects)
    limit_s = min(max(_WARM_UP_S, _WARM_UP_SHARE * seconds), _WARM_UP_MOST * seconds)
    return min(lacking, int(limit_s / (2 * _SHARE * cycle_s)))
