"""Two builds of the operator in turn (A B B A), in blocks of the same load.

Only one of them is there at a time, and each block begins with a fresh process of its own. Blocks
of one number have the same arrivals, so that what differs between them is the build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.evidence.ndjson import write_document
from harness.installers import control
from harness.installers.process.exchange import Exchange
from harness.model.comparison import BASE, HEAD, PROFILE, block_name
from harness.model.load import Mix, PhaseRole
from harness.pytest_plugin.operator import Operator
from harness.stimulus.load.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load.driver import Load
    from harness.pytest_plugin.scraping import Metrics

__all__ = ["Interleaved", "order"]

_WARM_UP = 1 << 20  # draws of warm-ups lie apart from those of blocks


def order(blocks: int) -> Iterator[tuple[str, int]]:
    """Yields build and number of each block: base head, head base, base head, ..."""
    for number in range(blocks):
        for side in (BASE, HEAD) if number % 2 == 0 else (HEAD, BASE):
            yield side, number


class Interleaved:
    """Runs the blocks.

    Args:
        context: The suite's view of the run, whose session has both builds.
        load: What arrives.
        metrics: Scrapes right before and after each block, where an operator has metrics.
    """

    def __init__(self, context: Context, load: Load, metrics: Metrics) -> None:
        assert context.session.comparison is not None  # noqa: S101 - the suite's own condition
        self._context = context
        self._plan = context.session.comparison
        self._load = load
        self._metrics = metrics
        self._there = HEAD  # the run has installed it
        self._exchange = Exchange(
            cluster=context.cluster,
            client=context.client,
            guard=context.guard,
            run=context.run,
            timeouts=context.timeouts,
            clock=context.clock,
        )

    def run(self) -> None:
        """Runs all blocks, and leaves the operator stopped.

        Raises:
            InstallFault: A build isn't accepted, or doesn't become ready.
            HarnessError: Something of the load broke.
        """
        self._load.start()
        write_document(self._context.run.comparison_plan_file, self._plan)
        Operator(self._context).stop()
        for side, number in order(self._plan.blocks):
            self._begin(side)
            self._block(block_name(side, number), number)
            Operator(self._context).stop()

    def _begin(self, side: str) -> None:
        """Has a build run, by a new process, and awaits that it's ready."""
        context, builds = self._context, self._context.session.builds
        if side != self._there:
            context.installed(
                self._exchange.swap(context.installation, old=builds[self._there], new=builds[side])
            )
            self._there = side
            return
        Operator(context).start()
        control(
            installation=context.installation,
            cluster=context.cluster,
            client=context.client,
            guard=context.guard,
        ).await_ready(timeout=context.timeouts.ready)

    def _block(self, name: str, number: int) -> None:
        plan, load, limits = self._plan, self._load, self._context.timeouts
        mix = self._mix()
        warm = _drawn(Schedule.poisson(plan.rate_per_s, plan.warm_up_s), _WARM_UP + number)
        load.run(f"{name}-warm-up", warm, profile=PROFILE, role=PhaseRole.WARM_UP, mix=mix)
        load.drain(limit=limits.converge)
        self._metrics.scrape()
        schedule = _drawn(Schedule.poisson(plan.rate_per_s, plan.seconds), number)
        load.run(name, schedule, profile=PROFILE, mix=mix)
        load.drain(limit=limits.converge)
        self._metrics.scrape()
        load.clear(f"{name}-clear", limit=limits.delete, profile=PROFILE)

    def _mix(self) -> Mix:
        shares = self._load.settings.mix
        if not any(shares):
            return Mix()
        create, update, noop_update, delete = shares
        return Mix(create=create, update=update, noop_update=noop_update, delete=delete)


def _drawn(schedule: Schedule, draw: int) -> Schedule:
    return msgspec.structs.replace(schedule, draw=draw)
