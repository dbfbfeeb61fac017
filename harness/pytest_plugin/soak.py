"""A soak as suites use it: cycles of load that begin and end with nothing, a plateau after each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.clock import Deadline
from harness.evidence.ndjson import NdjsonWriter, write_document
from harness.model.load import Mix, PhaseRole
from harness.model.soak import SoakPlan
from harness.probes.plateaus import take_plateau
from harness.pytest_plugin.leftovers import Leftovers
from harness.stimulus.load.schedule import Schedule

if TYPE_CHECKING:
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load.driver import Load
    from harness.pytest_plugin.scraping import Metrics

__all__ = ["Soak", "plan_soak"]

_DURATION_S = 1800.0
_RATE = 20.0
_CYCLES = 20  # many short cycles find smaller leaks than few long ones
_LEAST_CYCLE_S = 8.0
_SHARE = 0.3  # of a cycle for creates, and likewise for changes; the rest deletes and rests
_MOST_OBJECTS = 5_000  # at a time
_REST_S = 1.0  # requeues of what is gone, and the answers to the last requests
_OVERTIME = 2.0  # times the duration, from which on no new cycle begins


def plan_soak(*, duration: float, rate: float) -> SoakPlan:
    """Returns the cycles of a soak.

    Args:
        duration: Seconds of all cycles together; 0 for 30 minutes.
        rate: Arrivals a second while objects are created and changed; 0 for 20.
    """
    seconds, rate_per_s = duration or _DURATION_S, rate or _RATE
    cycles = min(_CYCLES, max(1, int(seconds // _LEAST_CYCLE_S)))
    cycle_s = seconds / cycles
    objects = max(1, min(_MOST_OBJECTS, round(rate_per_s * cycle_s * _SHARE)))
    return SoakPlan(cycles=cycles, cycle_s=cycle_s, rate_per_s=rate_per_s, objects=objects)


class Soak:
    """Runs the cycles.

    Args:
        context: The suite's view of the run.
        load: What arrives in them.
        metrics: Whose tokens may read the operator's metrics.
    """

    def __init__(self, context: Context, load: Load, metrics: Metrics) -> None:
        self._context = context
        self._load = load
        self._metrics = metrics
        self.plan = plan_soak(duration=load.settings.duration, rate=load.settings.rate)

    def run(self) -> int:
        """Runs all cycles; returns how many were complete.

        Cycles that take longer than planned delay the next ones; from twice the duration on no
        new one begins.

        Raises:
            HarnessError: The load broke.
        """
        run, clock, plan = self._context.run, self._context.clock, self.plan
        run.soak.mkdir(exist_ok=True)
        write_document(run.soak_plan_file, plan)
        writer = NdjsonWriter(run.plateaus_file)
        limit = Deadline(plan.cycles * plan.cycle_s * _OVERTIME, clock=clock)
        done = 0
        try:
            self._load.start()
            left = Leftovers(self._context)
            left.begin()
            for cycle in range(plan.cycles):
                if limit.passed:
                    break
                within = Deadline(plan.cycle_s, clock=clock)
                gone = self._cycle(cycle)
                clock.sleep(_REST_S)
                self._sample(writer, cycle, gone=gone)
                done += 1
                if cycle + 1 < plan.cycles and not within.passed:
                    clock.sleep(within.remaining)
            left.end()
        finally:
            writer.close()
        return done

    def _cycle(self, cycle: int) -> bool:
        """Creates, changes, deletes; returns whether nothing was left."""
        load, plan = self._load, self.plan
        schedule = Schedule.constant(plan.rate_per_s, plan.objects / plan.rate_per_s)
        limit = self._context.timeouts.converge
        name = f"cycle-{cycle + 1}"
        load.run(f"{name}-create", schedule, profile="soak", role=PhaseRole.CYCLE)
        load.drain(limit=limit)
        if load.plan.mutations:
            change = Mix(create=0.0, update=1.0)
            load.run(f"{name}-change", schedule, profile="soak", role=PhaseRole.CYCLE, mix=change)
            load.drain(limit=limit)
        return load.clear(f"{name}-delete", limit=self._context.timeouts.delete, profile="soak")

    def _sample(self, writer: NdjsonWriter, cycle: int, *, gone: bool) -> None:
        context = self._context
        pids = {status.name: status.pid for status in context.guard.processes() if status.running}
        for workload in context.installation.workloads:
            writer.write(
                take_plateau(
                    context.run,
                    workload,
                    cycle=cycle,
                    pid=pids.get(workload.process, 0),
                    token=self._metrics.token() if workload.metrics else "",
                    clock=context.clock,
                    objects=self.plan.objects,
                    gone=gone,
                )
            )
