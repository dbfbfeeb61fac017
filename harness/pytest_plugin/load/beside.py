"""Who watches the operator from the inside while there is load: scrapes, gates, queue depth."""

from __future__ import annotations

import math
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from harness.errors import HarnessError
from harness.model.load import PhaseRole
from harness.model.promql import QUEUE_WAIT, QUEUE_WORK, growth
from harness.model.time import Span, Stamp

if TYPE_CHECKING:
    from harness.clock import Clock
    from harness.probes.prometheus import Promql
    from harness.pytest_plugin.load.driver import Load
    from harness.pytest_plugin.scraping import Metrics
    from harness.pytest_plugin.whitebox import WhiteBox

__all__ = ["Beside", "Observed"]

_EVERY_S = 1.0
_JOIN_S = 30.0
_TOKEN_NS = 1_800_000_000_000  # half of a token's life
_RETRY_NS = 30_000_000_000
_LEAST_STEP_S = 1.0
_POINTS = 10_000
_MEASURED = frozenset({PhaseRole.MEASURE, PhaseRole.CYCLE})
_LOOKED_INTO = frozenset({PhaseRole.SEARCH, PhaseRole.PLATEAU, PhaseRole.MEASURE})
_SCRAPED_NS = 1_000_000_000  # by then what the phase's last instant counted has been scraped


class Beside:
    """What a load tells of itself; this one does nothing with it."""

    def begins(self, name: str, role: PhaseRole) -> None:
        """A phase is ready, its first arrival is due soon."""

    def ends(self) -> None:
        """The phase is over, in whatever way."""

    def answered(self) -> None:
        """The phase's last arrival has its answer; what it asked for may not be done yet."""

    def rests(self) -> None:
        """What was open is done, or isn't waited for any more."""

    def depth(self) -> float | None:
        """Returns how many items wait in the operator's queues; asked about once a second."""
        return None


class Observed(Beside):
    """Watches the operator while a load is on it; use as a context manager.

    Its pages are scraped right before a phase and after it, and again as soon as nothing is open:
    at rest the sums of its counters are exact. PromQL gates are asked for in measured phases only:
    a search for the knee overloads the operator on purpose.

    Args:
        load: On which it looks.
        whitebox: Its Prometheus, if it has one.
        metrics: Scrapes.
        clock: Says when a token is old.
    """

    def __init__(self, load: Load, whitebox: WhiteBox, metrics: Metrics, clock: Clock) -> None:
        self._load = load
        self._whitebox = whitebox
        self._metrics = metrics
        self._clock = clock
        self._phase = ""
        self._loaded = False
        self._scrapes = True
        self._depth: _Depth | None = None
        self._renew_ns = clock.now().mono_ns + _TOKEN_NS
        self._rest = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as rest:
            self._metrics.scrape()  # an identity that can't be made is told now
            gates = self._whitebox.gates(lambda: self._phase)
            if gates is not None:
                rest.enter_context(gates)
            promql = self._whitebox.unrecorded()
            if promql is not None:
                self._depth = rest.enter_context(_Depth(promql, self._whitebox.depths))
                rest.callback(self._ask_depths)
                rest.callback(self._ask_histograms)
            self._load.beside = self
            rest.callback(setattr, self._load, "beside", Beside())
            self._rest = rest.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.close()

    def begins(self, name: str, role: PhaseRole) -> None:
        """Scrapes, and lets gates be asked for where the phase is measured.

        A soak has hundreds of phases, and scrapes once a cycle itself, at rest.
        """
        if role is not PhaseRole.CLEAR:
            self._scrapes = role is not PhaseRole.CYCLE
        self._scrape()
        self._loaded = True
        self._phase = name if role in _MEASURED else ""

    def ends(self) -> None:
        """Lets no gate be asked for any more."""
        self._phase = ""

    def answered(self) -> None:
        """Scrapes: what comes to no rest has a page at the end of its phase."""
        self._scrape()

    def rests(self) -> None:
        """Scrapes, if there was a phase since the last scrape."""
        if self._loaded:
            self._scrape()
            self._loaded = False

    def depth(self) -> float | None:
        """Returns the latest depth; renews Prometheus' token when that is due."""
        now = self._clock.now().mono_ns
        if now >= self._renew_ns:
            self._renew_ns = now + _RETRY_NS
            with suppress(HarnessError):  # the old one still holds for long: once more, soon
                self._whitebox.refresh()
                self._renew_ns = now + _TOKEN_NS
        return self._depth.latest if self._depth is not None else None

    def _scrape(self) -> None:
        if not self._scrapes:
            return
        with suppress(HarnessError):  # the phase then has no figures of the operator's, as is told
            self._metrics.scrape()

    def _ask_depths(self) -> None:
        """Has Prometheus tell the depths of the whole load, as evidence."""
        promql, phases = self._whitebox.promql, self._load.phases
        if promql is None or not phases:
            return
        span = Span(start=phases[0].span.start, end=self._clock.now())
        seconds = (span.end.mono_ns - span.start.mono_ns) / 1e9
        step_s = max(_LEAST_STEP_S, float(round(seconds / _POINTS)))
        promql.over(self._whitebox.depths, span, step_s=step_s)

    def _ask_histograms(self) -> None:
        """Has Prometheus tell what native histograms counted in each measured phase, as evidence.

        An operator without any is asked for nothing more once that is known.
        """
        promql = self._whitebox.promql
        if promql is None:
            return
        for phase in self._load.phases:
            if phase.role not in _LOOKED_INTO or not phase.arrivals:
                continue
            end = Stamp(
                mono_ns=phase.span.end.mono_ns + _SCRAPED_NS,
                wall_ns=phase.span.end.wall_ns + _SCRAPED_NS,
            )
            seconds = math.ceil((end.mono_ns - phase.span.start.mono_ns) / 1e9) + 1
            for histogram in (QUEUE_WAIT, QUEUE_WORK):
                answer = promql.instant(growth(histogram, seconds), phase=phase.name, at=end)
                if not any(series.buckets for series in answer.series):
                    return


class _Depth:
    """Asks for the depth of all queues again and again; use as a context manager.

    A thread of its own: a slow Prometheus delays no load.
    """

    def __init__(self, promql: Promql, query: str) -> None:
        self._promql = promql
        self._query = query
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="queue-depth", daemon=True)
        self.latest: float | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._stopped.wait(_EVERY_S):
            series = self._promql.instant(self._query).series
            self.latest = sum(item.points[-1][1] for item in series) if series else None
