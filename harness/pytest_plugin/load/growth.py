"""The profile growth: the same updates on ever more objects, then beside ever more of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.evidence.ndjson import NdjsonWriter
from harness.model.growth import Growing, GrowthSize
from harness.model.load import Mix, PhaseRole
from harness.probes.holdings import holdings
from harness.stimulus.load.schedule import Schedule
from harness.stimulus.load.unrelated import Unrelated, kind_of

if TYPE_CHECKING:
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load.driver import Load

__all__ = ["Growth", "sizes"]

_PROFILE = "growth"
_OBJECTS = 1600
_SIZES = 6
_LEAST = 5
_RATE, _SECONDS = 20.0, 10.0
_WARM_UP_S = 5.0
_REST_S = 2.0  # requeues, and events of objects that nobody waits for
_PER_S = 10.0  # creates that even a slow operator gets ready in a second


def sizes(last: int) -> tuple[int, ...]:
    """Returns the sizes, each twice the one before: 50, 100, ... 1600.

    Args:
        last: The largest.
    """
    found = (round(last / 2**halved) for halved in reversed(range(_SIZES)))
    return tuple(dict.fromkeys(size for size in found if size >= _LEAST))


class Growth:
    """Measures the operator at each size.

    First custom resources become more; the last of them stay, and unrelated objects become more in
    the same sizes. At each size updates of the spec arrive at one fixed rate, on all custom
    resources in turn; then the operator comes to rest and its memory is read.

    Args:
        load: What arrives.
        context: The suite's view of the run.
    """

    def __init__(self, load: Load, context: Context) -> None:
        self._load = load
        self._context = context
        settings = load.settings
        self._sizes = sizes(settings.objects or _OBJECTS)
        self._schedule = Schedule.constant(settings.rate or _RATE, settings.duration or _SECONDS)
        self._there = 0
        self._writer: NdjsonWriter | None = None

    def run(self) -> bool:
        """Measures all sizes; returns whether the operator kept up with each.

        What it doesn't work off in time ends the growth there: what is larger would be measured
        beside a backlog.

        Raises:
            HarnessError: The load broke.
        """
        load, context = self._load, self._context
        load.start()
        plan = load.plan
        self._mix = Mix(create=0.0, update=1.0) if plan.mutations else Mix(create=0.5, delete=0.5)
        unrelated = Unrelated(
            context.client,
            kind_of(context.session.target.scope.owns),
            namespaces=plan.namespaces or (load.home,),
            prefix=plan.name_prefix,
        )
        self._writer = NdjsonWriter(context.run.load_sizes_file)
        try:
            for size in self._sizes:
                if not (
                    self._populate(size) and self._measure(Growing.CUSTOM_RESOURCES, unrelated)
                ):
                    return False
            for size in self._sizes:
                unrelated.grow(size)
                context.clock.sleep(_REST_S)
                if not self._measure(Growing.UNRELATED, unrelated):
                    return False
        finally:
            self._writer.close()
            unrelated.remove()
        return True

    def _populate(self, size: int) -> bool:
        """Creates what is missing; returns whether all are ready."""
        missing, first = size - self._there, not self._there
        name = f"growth-create-{size}"
        self._load.run(name, Schedule.burst(missing), profile=_PROFILE, role=PhaseRole.WARM_UP)
        self._there = size
        if not self._drain(missing):
            return False
        if first:
            warm = Schedule.constant(self._schedule.rate_per_s, _WARM_UP_S)
            self._load.run(
                "growth-warm-up", warm, profile=_PROFILE, role=PhaseRole.WARM_UP, mix=self._mix
            )
        return self._drain(missing)

    def _measure(self, by: Growing, unrelated: Unrelated) -> bool:
        """Runs the phase of one size; returns whether nothing is left open."""
        size = unrelated.count if by is Growing.UNRELATED else self._there
        name = f"growth-{by.partition(' ')[0]}-{size}"
        phase = self._load.run(name, self._schedule, profile=_PROFILE, mix=self._mix)
        drained = self._drain(phase.arrivals)
        context = self._context
        rest = context.clock.now()
        context.clock.sleep(_REST_S)
        pids = {status.name: status.pid for status in context.guard.processes() if status.running}
        values, notes = holdings(context.installation.workloads, pids, clock=context.clock)
        assert self._writer is not None  # noqa: S101 - run() makes it
        self._writer.write(
            GrowthSize(
                phase=name,
                by=by,
                objects=self._there,
                unrelated=unrelated.count,
                kind=unrelated.kind,
                rest=rest,
                values=values,
                notes=notes,
            )
        )
        return drained

    def _drain(self, arrivals: int) -> bool:
        return self._load.drain(limit=self._context.timeouts.converge + arrivals / _PER_S)
