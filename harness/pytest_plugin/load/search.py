"""The search for the knee: takes the steps that the analysis proposes, until it has an answer.

Each step begins with no objects. Else the search would look for a moving mark: many operators do
more for an object the more of them there are, and so do the control plane and the disk below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.analysis.load.knee import KneeSettings, Step, Taken, next_step
from harness.analysis.load.phases import rows_by_phase
from harness.analysis.load.result import stamped
from harness.analysis.load.steps import step_taken
from harness.clock import Deadline
from harness.model.loadresult import Knee
from harness.model.records import Notice
from harness.pytest_plugin.load.aftermath import clear_up
from harness.stimulus.load.schedule import Schedule

if TYPE_CHECKING:
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load.driver import Load

__all__ = ["find_knee"]

_SETTLE_S = 0.3  # until the last rows of a step are on disk
_CLEAR_S = 60.0  # hundreds of objects, each with a finalizer perhaps, and all that they own


def find_knee(load: Load, context: Context, settings: KneeSettings) -> Knee:
    """Searches, and returns the answer; a report finds the same steps among the phases.

    Args:
        load: What arrives.
        context: Of its suite.
        settings: Of the search.
    """
    taken: list[Taken] = []
    run, clock = context.run, context.clock
    ends = Deadline(settings.budget_s, clock=clock)
    while isinstance(step := next_step(taken, settings), Step):
        begin = clock.now()
        schedule = Schedule.constant(step.rate_per_s, step.seconds)
        phase = load.run(step.name, schedule, profile="knee", role=step.role)
        load.drain(limit=_SETTLE_S)
        found = stamped(run)
        rows = rows_by_phase(found.arrivals, [phase])[phase.index]
        seconds = (clock.now().mono_ns - begin.mono_ns) / 1e9
        one = step_taken(found, rows, phase, settle=step.settle_s, seconds=seconds)
        taken.append(one)
        if isinstance(next_step(taken, settings), Step):
            if load.drain(limit=ends.remaining) and not ends.passed:
                _leave_nothing(load, context, step, limit=min(_CLEAR_S, ends.remaining))
            seconds = (clock.now().mono_ns - begin.mono_ns) / 1e9
            taken[-1] = msgspec.structs.replace(one, seconds=seconds)
    return step


def _leave_nothing(load: Load, context: Context, step: Step, *, limit: float) -> None:
    name = f"{step.name}-clear"
    if not clear_up(load, context, name=name, profile="knee", limit=limit):
        text = (
            f"What {step.name} made isn't gone after {limit:.0f} s: the next step of the search "
            "begins with what is left of it."
        )
        context.record(Notice(stamp=context.clock.now(), text=text))
