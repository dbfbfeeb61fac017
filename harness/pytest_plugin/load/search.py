"""The search for the knee: takes the steps that the analysis proposes, until it has an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.load.knee import KneeSettings, Step, Taken, next_step
from harness.analysis.load.phases import rows_by_phase
from harness.analysis.load.result import stamped
from harness.analysis.load.steps import step_taken
from harness.model.loadresult import Knee
from harness.stimulus.load.schedule import Schedule

if TYPE_CHECKING:
    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.pytest_plugin.load.driver import Load

__all__ = ["find_knee"]

_SETTLE_S = 0.3  # until the last rows of a step are on disk


def find_knee(load: Load, run: RunFolder, clock: Clock, settings: KneeSettings) -> Knee:
    """Searches, and returns the answer; a report finds the same steps among the phases.

    Args:
        load: What arrives.
        run: Where its stamps are.
        clock: Says how long a step took.
        settings: Of the search.
    """
    taken: list[Taken] = []
    while isinstance(step := next_step(taken, settings), Step):
        begin = clock.now()
        load.drain(limit=step.drain_s)
        schedule = Schedule.constant(step.rate_per_s, step.seconds)
        phase = load.run(step.name, schedule, profile="knee", role=step.role)
        load.drain(limit=_SETTLE_S)
        found = stamped(run)
        rows = rows_by_phase(found.arrivals, [phase])[phase.index]
        seconds = (clock.now().mono_ns - begin.mono_ns) / 1e9
        taken.append(step_taken(found, rows, phase, settle=step.settle_s, seconds=seconds))
    return step
