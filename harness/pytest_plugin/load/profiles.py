"""What each profile of the load suite does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.clock import Deadline
from harness.errors import NotVerified
from harness.model.load import LoadPhase, Mix, PhaseRole
from harness.model.records import Notice
from harness.pytest_plugin.load.aftermath import clear_up
from harness.pytest_plugin.load.growth import Growth
from harness.stimulus.load.schedule import Schedule

if TYPE_CHECKING:
    from harness.model.loadresult import Knee
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load.driver import Load

__all__ = ["Profiles"]

_RATE = 20.0
_BURST = 200
_STEADY_S, _RAMP_S, _CHURN_S = 120.0, 60.0, 120.0
_WARM_UP_S = 5.0
_SHARE = 0.7  # of the knee: queues are short there, and still seen
_POPULATION_S = 5.0  # of churn: so many seconds' arrivals are there before it begins
_LEAST_POPULATION = 50
_CLEAR_S = 120.0  # thousands of objects, each with a finalizer perhaps
_CHURN = Mix(create=0.25, update=0.4, noop_update=0.1, delete=0.25)
_CHURN_WITHOUT_UPDATES = Mix(create=0.5, delete=0.5)


class Profiles:
    """Runs profiles on a load; each leaves nothing open, unless the operator can't keep up.

    Args:
        load: What arrives.
        context: The suite's view of the run.
    """

    def __init__(self, load: Load, context: Context) -> None:
        self._load = load
        self._context = context
        self._settings = load.settings
        self.found: Knee | None = None

    def knee(self) -> Knee:
        """Searches for the highest rate that is sustained, and deletes what that made."""
        from harness.analysis.load.knee import KneeSettings  # noqa: PLC0415 - loads SciPy
        from harness.pytest_plugin.load.search import find_knee  # noqa: PLC0415 - the same

        settings = KneeSettings()
        if self._settings.rate:
            settings = msgspec.structs.replace(settings, start=self._settings.rate)
        if self._settings.duration:
            settings = msgspec.structs.replace(settings, budget_s=self._settings.duration)
        self.found = find_knee(self._load, self._context, settings)
        self.drain("knee-drain")
        self._clear("knee")
        return self.found

    def steady(self) -> LoadPhase:
        """Runs a constant rate: the one that was asked for, or 70 % of the knee.

        Raises:
            NotVerified: There is no knee to take a share of.
        """
        rate, seconds = self._rate(), self._settings.duration or _STEADY_S
        load, mix = self._load, self._mix(Mix())
        warm = Schedule.poisson(rate, _WARM_UP_S)
        load.run("steady-warm-up", warm, profile="steady", role=PhaseRole.WARM_UP, mix=mix)
        return load.run("steady", Schedule.poisson(rate, seconds), profile="steady", mix=mix)

    def ramp(self) -> LoadPhase:
        """Runs a rate that rises from nothing."""
        rate, seconds = self._settings.rate or _RATE, self._settings.duration or _RAMP_S
        schedule = Schedule.ramp(0.0, rate, seconds)
        return self._load.run("ramp", schedule, profile="ramp", mix=self._mix(Mix()))

    def churn(self) -> LoadPhase:
        """Runs creates, updates and deletes on objects that are there."""
        rate, seconds = self._settings.rate or _RATE, self._settings.duration or _CHURN_S
        load = self._load
        usual = _CHURN if load.plan.mutations else _CHURN_WITHOUT_UPDATES
        count = max(_LEAST_POPULATION, round(rate * _POPULATION_S))
        populate = Schedule.constant(rate, count / rate)
        load.run("churn-population", populate, profile="churn", role=PhaseRole.WARM_UP)
        self.drain("churn-population-drain")
        schedule = Schedule.poisson(rate, seconds)
        return load.run("churn", schedule, profile="churn", mix=self._mix(usual))

    def burst(self) -> LoadPhase:
        """Creates many objects at once, in a cluster without those of a steady phase before."""
        if any(phase.profile == "steady" for phase in self._load.phases):
            self._clear("steady")
        schedule = Schedule.burst(self._settings.burst or _BURST)
        return self._load.run("burst", schedule, profile="burst")

    def growth(self) -> bool:
        """Runs the same updates on ever more objects; returns whether it kept up with each size.

        The sizes are in the evidence, and a report fits how figures grow with them.
        """
        return Growth(self._load, self._context).run()

    def drain(self, name: str) -> bool:
        """Waits until nothing is open, as a phase; returns whether that came."""
        return self._load.drain(limit=self._context.timeouts.converge, name=name)

    def _clear(self, profile: str) -> None:
        """Deletes what was made, and waits until the cluster has got over it."""
        context = self._context
        within = Deadline(max(context.timeouts.delete, _CLEAR_S), clock=context.clock)
        name = f"{profile}-clear"
        if not clear_up(self._load, context, name=name, profile=profile, limit=within.remaining):
            text = (
                f"What {profile} made isn't gone after {within.seconds:.0f} s: figures of the next "
                "phases are of a busy cluster."
            )
            context.record(Notice(stamp=context.clock.now(), text=text))

    def _rate(self) -> float:
        if self._settings.rate:
            return self._settings.rate
        if self._settings.profile:
            return _RATE
        if self.found is None or self.found.per_s is None:
            why = f": {self.found.reason}" if self.found else ""
            raise NotVerified(f"no knee was found of which {_SHARE:.0%} could be taken{why}")
        return _SHARE * self.found.per_s

    def _mix(self, usual: Mix) -> Mix:
        shares = self._settings.mix
        if not any(shares):
            return usual
        create, update, noop_update, delete = shares
        return Mix(create=create, update=update, noop_update=noop_update, delete=delete)
