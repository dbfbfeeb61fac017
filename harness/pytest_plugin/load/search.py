"""The search for the knee: takes the steps that the analysis proposes, until it has an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.analysis.load.join import join
from harness.analysis.load.knee import KneeSettings, Step, Taken, next_step
from harness.analysis.load.samples import read_arrivals, read_events
from harness.analysis.load.sustain import StepStamps, sustained
from harness.model.loadresult import Knee
from harness.stimulus.load.schedule import Schedule

if TYPE_CHECKING:
    from harness.model.load import LoadPhase
    from harness.model.loadresult import Sustainability
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load.driver import Load

__all__ = ["find_knee"]

_SETTLE_S = 0.3  # until the last rows of a step are on disk


def find_knee(load: Load, context: Context, settings: KneeSettings) -> tuple[Knee, list[Taken]]:
    """Searches; returns the answer and the steps that led to it.

    Args:
        load: What arrives.
        context: The suite's view of the run.
        settings: Of the search.
    """
    taken: list[Taken] = []
    while isinstance(step := next_step(taken, settings), Step):
        begin = context.clock.now()
        load.drain(limit=step.drain_s)
        phase = load.run(
            step.name,
            Schedule.constant(step.rate_per_s, step.seconds),
            profile="knee",
            role=step.role,
        )
        outcome = _judge(load, context, step, phase)
        end = context.clock.now()
        taken.append(Taken(step=step, outcome=outcome, seconds=(end.mono_ns - begin.mono_ns) / 1e9))
    return step, taken


def _judge(load: Load, context: Context, step: Step, phase: LoadPhase) -> Sustainability:
    load.drain(limit=_SETTLE_S)
    run = context.run
    arrivals = read_arrivals(run.load_arrivals_file(k) for k in range(load.plan.workers))
    joined = join(arrivals, read_events(run.load_events_file))
    rows = np.flatnonzero(arrivals.phase == phase.index)
    span = (phase.span.start.mono_ns, phase.span.end.mono_ns)
    return sustained(
        StepStamps.of(arrivals, joined, rows, span=span),
        rate_per_s=step.rate_per_s,
        settle_s=step.settle_s,
    )
