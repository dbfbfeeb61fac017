"""How many cycles a soak has, how long they are, and what arrives in each."""

from __future__ import annotations

from harness.model.soak import SoakPlan

__all__ = ["DURATION_S", "LEAST_CYCLE_S", "plan_soak"]

DURATION_S = 1800.0
_CYCLES = 20  # many short cycles find smaller leaks than few long ones
LEAST_CYCLE_S = 8.0
_LONGEST_CYCLE_S = 90.0  # a longer soak has more cycles, not longer ones
_SHARE = 0.3  # of a cycle for creates, and likewise for changes; the rest deletes and rests
_MOST_OBJECTS = 5_000  # at a time


def plan_soak(*, duration: float, rate: float, rate_from: str = "") -> SoakPlan:
    """Returns the cycles of a soak.

    Args:
        duration: Seconds of all cycles together; 0 for 30 minutes.
        rate: Arrivals a second while objects are created and changed.
        rate_from: Who said so, in words.
    """
    seconds = duration or DURATION_S
    cycles = max(_CYCLES, round(seconds / _LONGEST_CYCLE_S))
    cycles = min(cycles, max(1, int(seconds // LEAST_CYCLE_S)))
    cycle_s = seconds / cycles
    objects = max(1, min(_MOST_OBJECTS, round(rate * cycle_s * _SHARE)))
    return SoakPlan(
        cycles=cycles, cycle_s=cycle_s, rate_per_s=rate, objects=objects, rate_from=rate_from
    )
