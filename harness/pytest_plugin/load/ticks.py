"""What is told of a load once a second, while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.records import LoadTick
from harness.pytest_plugin.load.gauges import OperatorCpu

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.model.time import Stamp
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load.live import Live

__all__ = ["Ticks"]

_NS = 1_000_000_000


class Ticks:
    """Records how it goes, with rates since the tick before.

    Args:
        context: The suite's view of the run.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._cpu = OperatorCpu(context.run.samples)
        self._last: tuple[int, int, int] | None = None  # instant, arrivals due, arrivals done

    def is_due(self, now: Stamp, *, due: int, done: int) -> bool:
        """Tells whether a second has gone by; the first call only takes note.

        Args:
            now: The instant.
            due: How many arrivals have been due in the run.
            done: How many are done.
        """
        if self._last is None:
            self._last = (now.mono_ns, due, done)
        return now.mono_ns - self._last[0] >= _NS

    def tell(
        self,
        phase: str,
        now: Stamp,
        *,
        due: int,
        unanswered: int,
        live: Live,
        depth: Callable[[], float | None],
    ) -> None:
        """Records a tick; after `is_due`.

        Args:
            phase: Its name.
            now: The instant.
            due: How many arrivals have been due in the run.
            unanswered: How many of them have no answer. Workers tell a tenth of a second late how
                much has been due, so answers may be ahead of it: then it's less than 0.
            live: What is done.
            depth: Returns how many items wait in the operator's queues.
        """
        assert self._last is not None  # noqa: S101 - is_due() makes it
        then, due_then, done_then = self._last
        self._last = (now.mono_ns, due, live.done)
        seconds = (now.mono_ns - then) / _NS
        p50, p99 = live.percentiles_ms
        self._context.record(
            LoadTick(
                stamp=now,
                phase=phase,
                rate_per_s=(due - due_then) / seconds,
                completed_per_s=(live.done - done_then) / seconds,
                in_flight=live.waiting + max(unanswered, 0),
                p50_ms=p50,
                p99_ms=p99,
                queue_depth=depth(),
                operator_cpu=self._cpu.cores(),
            )
        )
