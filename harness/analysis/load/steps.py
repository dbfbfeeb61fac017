"""Judges the steps of a search: the same during the run, by the driver, and after it, for a report.

The driver takes the step that `next_step` wants, reads the stamps again, and lets `step_taken`
judge it. A report finds the same steps among the phases, and comes to the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.analysis.load.join import NEVER
from harness.analysis.load.knee import Step, Taken, at_rest_s, settle_s
from harness.analysis.load.sustain import sustained
from harness.model.load import PhaseRole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from harness.analysis.load.phases import Stamped
    from harness.analysis.load.sustain import Limits
    from harness.model.load import LoadPhase

__all__ = ["replay", "step_taken"]

_S = 1e9
_KNEE = frozenset({PhaseRole.SEARCH, PhaseRole.PLATEAU})


def step_taken(
    stamped: Stamped,
    rows: NDArray[np.int64],
    phase: LoadPhase,
    *,
    settle: float,
    seconds: float,
    limits: Limits | None = None,
) -> Taken:
    """Judges one step by the stamps of its phase.

    Args:
        stamped: All arrivals so far.
        rows: Of the phase.
        phase: The step's phase.
        settle: What is left out at its begin, in seconds.
        seconds: That it took, with the clearing up after it.
        limits: What a step must keep.
    """
    stamps = stamped.step(rows, phase)
    if phase.role is PhaseRole.WARM_UP:
        last = int(stamps.done_ns[stamps.done_ns < NEVER].max(initial=stamps.end_ns))
        stamps = msgspec.structs.replace(stamps, end_ns=last)
    rate = phase.rate_per_s or 0.0
    return Taken(
        step=Step(
            name=phase.name,
            role=phase.role,
            rate_per_s=rate,
            seconds=phase.span.seconds,
            settle_s=settle,
        ),
        outcome=sustained(stamps, rate_per_s=rate, settle_s=settle, limits=limits),
        seconds=seconds,
    )


def replay(
    stamped: Stamped,
    rows: Mapping[int, NDArray[np.int64]],
    phases: Sequence[LoadPhase],
    *,
    limits: Limits | None = None,
) -> list[Taken]:
    """Returns the steps of the search among a run's phases; none where there was no search.

    Args:
        stamped: All arrivals.
        rows: Of each phase, by its index.
        phases: All, in order.
        limits: What a step must keep.
    """
    wanted = [item for item in phases if item.role in _KNEE and item.rate_per_s]
    if not wanted:
        return []
    before = [
        item
        for item in phases
        if item.role is PhaseRole.WARM_UP and item.rate_per_s and item.index < wanted[0].index
    ]
    taken: list[Taken] = []
    settle, last_ns = settle_s(0.0), 0
    for phase in (*before[-1:], *wanted):
        since = last_ns or phase.span.start.mono_ns
        seconds = (phase.span.end.mono_ns - since) / _S
        taken.append(
            step_taken(
                stamped, rows[phase.index], phase, settle=settle, seconds=seconds, limits=limits
            )
        )
        last_ns = phase.span.end.mono_ns
        settle = settle_s(at_rest_s(taken))
    return taken
