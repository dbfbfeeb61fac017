"""The search for the knee: the highest rate that an operator sustains.

A pure function: what was done so far goes in, the next step or the answer comes out, so that the
search is replayed from evidence, and tested without a cluster. First a few arrivals tell how long
one takes at rest. Then the rate doubles until a step fails (or halves until one is sustained), the
bracket is bisected to 5 %, and the highest sustained rate is confirmed by a longer plateau. A
failure that isn't clear is repeated once, since a pause of a garbage collector or a neighbour on
the machine looks the same. Where the generator is the limit, or other work on the
machine, there is no knee, only "at least".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from harness.model.load import PhaseRole
from harness.model.loadresult import Knee, KneeState, StepState, Sustainability

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KneeSettings", "Step", "Taken", "answer", "at_rest_s", "next_step", "settle_s"]

_MOST_PLATEAUS = 5
_WARM_UP_RATE = 1.0  # so that one arrival doesn't wait for the other
_WARM_UP_S = 5.0
_START_IN_FLIGHT = 2.0
_DONE_SHARE = 0.98
_SAME = 1e-9  # relative
_OPEN_ABOVE = frozenset({KneeState.AT_LEAST, KneeState.GENERATOR_LIMITED})


class KneeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to search.

    Attributes:
        start: First rate, per second, or less where an arrival takes long even at rest.
        least, most: Rates between which to search.
        precision: The bracket's width at which bisecting ends.
        step_s: Shortest step, in seconds.
        least_arrivals: In any step after the warm-up that `plateau_s` is long enough for, so that
            what is left of them at its end isn't chance.
        arrivals: In a step of the bisection, so that a few of them aren't 1 %.
        plateau_s: How long the plateau lasts, and any step at most, unless one arrival takes long.
        budget_s: For all of it, also what lies between the steps.
    """

    start: float = 20.0
    least: float = 0.5
    most: float = 5_000.0
    precision: float = 0.05
    step_s: float = 6.0
    least_arrivals: int = 40
    arrivals: int = 200
    plateau_s: float = 30.0
    budget_s: float = 360.0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What to do next: arrivals at constant distances.

    Attributes:
        name: Unique in the search, for example "bracket-3".
        role: As the phase's.
        rate_per_s: How many arrivals a second.
        seconds: How long.
        settle_s: What the judge leaves out at its begin.
    """

    name: str
    role: PhaseRole
    rate_per_s: float
    seconds: float
    settle_s: float


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A step that was taken.

    Attributes:
        outcome: As `sustained` judged it. Of the warm-up only the median latency counts, and
            that of all its arrivals.
        seconds: That it took, with the clearing up after it.
    """

    step: Step
    outcome: Sustainability
    seconds: float


def next_step(taken: Sequence[Taken], settings: KneeSettings | None = None) -> Step | Knee:
    """Returns the next step, or the answer.

    Args:
        taken: All steps so far, in order.
        settings: How to search; the defaults if None.
    """
    return _Search(taken, settings or KneeSettings()).next()


def answer(taken: Sequence[Taken], settings: KneeSettings | None = None) -> Knee:
    """Returns what the steps so far say, however the search ended.

    Args:
        taken: All steps, in order.
        settings: As in `next_step`.
    """
    return _Search(taken, settings or KneeSettings()).answer()


def settle_s(at_rest_s: float) -> float:
    """Returns what the judge leaves out at a step's begin.

    Args:
        at_rest_s: Median latency where arrivals don't wait for each other.
    """
    return max(1.0, 2 * at_rest_s)


def at_rest_s(taken: Sequence[Taken]) -> float:
    """Returns the median latency that the warm-up showed; 0 where there was none."""
    found = (item.outcome.p50_ms for item in taken if item.step.role is PhaseRole.WARM_UP)
    return (next(found, None) or 0.0) / 1e3


class _Search:
    def __init__(self, taken: Sequence[Taken], settings: KneeSettings) -> None:
        self._settings = settings
        self._taken = taken
        self._tried = [item for item in taken if item.step.role is not PhaseRole.WARM_UP]
        self._used = sum(item.seconds for item in taken)
        self._at_rest_s = at_rest_s(taken)
        failed = [item for item in self._tried if self._stands(item, StepState.FAILED)]
        self._high = min((item.step.rate_per_s for item in failed), default=None)
        stuck = [item for item in self._tried if self._stands(item, StepState.GENERATOR_LIMITED)]
        self._ceiling = min((item.step.rate_per_s for item in stuck), default=None)
        top = min((x for x in (self._high, self._ceiling) if x is not None), default=math.inf)
        held = [item.step.rate_per_s for item in self._tried if self._held(item)]
        self._low = max((rate for rate in held if rate < top), default=None)

    def next(self) -> Step | Knee:
        """Returns the next step or the answer."""
        if not self._taken:
            return self._step("warm-up", PhaseRole.WARM_UP, _WARM_UP_RATE)
        if not self._tried:
            slow = _START_IN_FLIGHT / self._at_rest_s if self._at_rest_s else math.inf
            start = max(min(self._settings.start, slow), self._settings.least)
            return self._search("bracket", start)
        last = self._tried[-1]
        if self._doubtful(last):
            return self._again(last)
        if last.step.role is PhaseRole.PLATEAU:
            return self._after_plateau(last)
        return self._narrow()

    def _narrow(self) -> Step | Knee:
        top = self._high if self._ceiling is None else min(self._ceiling, self._high or math.inf)
        if top is None:
            if self._low is not None and self._low >= self._settings.most * (1 - _SAME):
                return self._plateau(self._low)
            rate = min((self._low or self._settings.start) * 2, self._settings.most)
            return self._search("bracket", rate)
        if self._low is None:
            if top / 2 < self._settings.least:
                return self.answer()
            return self._search("bracket", top / 2)
        if top / self._low > 1 + self._settings.precision:
            return self._search("bisect", math.sqrt(top * self._low))
        return self._plateau(self._low)

    def _after_plateau(self, last: Taken) -> Step | Knee:
        if self._held(last):
            step = self._narrow() if self._wide else None
            return step if isinstance(step, Step) else self.answer()
        plateaus = sum(item.step.role is PhaseRole.PLATEAU for item in self._tried)
        if plateaus >= _MOST_PLATEAUS:
            return self.answer()
        # Under backlog, what is completed is what the operator can do.
        rate = last.step.rate_per_s
        rate = min(
            rate / (1 + self._settings.precision), _DONE_SHARE * last.outcome.completed_per_s
        )
        return self._plateau(max(rate, self._low or self._settings.least))

    def answer(self) -> Knee:
        """Returns what is known by now."""
        if self._low is None:
            return self._none_held()
        if self._ceiling is not None and (self._high is None or self._ceiling < self._high):
            why = "; ".join(self._at(self._ceiling).outcome.reasons)
            return self._knee(KneeState.GENERATOR_LIMITED, f"no more could be judged: {why}")
        if self._high is None:
            return self._knee(KneeState.AT_LEAST, f"it sustained all rates up to {self._low:.4g}/s")
        why = f"at {self._high:.4g}/s {'; '.join(self._at(self._high).outcome.reasons)}"
        if self._wide or not self._confirmed:
            lacking = "the bracket stayed wide" if self._wide else "no plateau confirmed it"
            return self._knee(KneeState.INCONCLUSIVE, f"{lacking} when time ran out; {why}")
        return self._knee(KneeState.CONFIRMED, why)

    def _none_held(self) -> Knee:
        if self._high is None:
            why = "; ".join(self._at(self._ceiling).outcome.reasons) if self._ceiling else ""
            return self._knee(KneeState.GENERATOR_LIMITED, f"no rate could be judged: {why}")
        why = "; ".join(self._at(self._high).outcome.reasons)
        return self._knee(KneeState.BELOW, f"at {self._high:.3g}/s {why}")

    def _at(self, rate: float) -> Taken:
        """Returns the last step at a rate that was tried."""
        return next(item for item in reversed(self._tried) if _is_rate(item, rate))

    def _knee(self, state: KneeState, reason: str) -> Knee:
        return Knee(
            state=state,
            per_s=self._low,
            low=self._low,
            high=self._high if state not in _OPEN_ABOVE else None,
            reason=reason,
            steps=tuple(item.outcome for item in self._tried),
            seconds=self._used,
        )

    @property
    def _confirmed(self) -> bool:
        """Whether a plateau held the rate that is the highest sustained one."""
        return any(
            item.step.role is PhaseRole.PLATEAU
            and self._low is not None
            and _is_rate(item, self._low)
            and self._held(item)
            for item in self._tried
        )

    @property
    def _wide(self) -> bool:
        """Whether the knee lies between rates that are too far apart."""
        if self._low is None or self._high is None:
            return False
        return self._high / self._low > 1 + 2 * self._settings.precision

    def _held(self, item: Taken) -> bool:
        """Whether a rate is sustained; what a plateau said of it counts more than a step."""
        if item.outcome.state is not StepState.SUSTAINED:
            return False
        return item.step.role is PhaseRole.PLATEAU or not any(
            _is_rate(other, item.step.rate_per_s)
            and other.step.role is PhaseRole.PLATEAU
            and self._stands(other, StepState.FAILED)
            for other in self._tried
        )

    def _stands(self, item: Taken, state: StepState) -> bool:
        """Whether a step ended so, and no repetition took it back."""
        if item.outcome.state is not state:
            return False
        later = self._tried[self._tried.index(item) + 1 :]
        return not any(
            _is_rate(other, item.step.rate_per_s)
            and other.step.role is item.step.role
            and other.outcome.state is not state
            for other in later
        )

    def _doubtful(self, item: Taken) -> bool:
        """Whether a step should be taken again: it failed, not clearly, and for the first time."""
        if item.outcome.state is StepState.SUSTAINED or item.step.role is PhaseRole.PLATEAU:
            return False
        if item.outcome.clear:
            return False
        return sum(_is_rate(other, item.step.rate_per_s) for other in self._tried) == 1

    def _again(self, item: Taken) -> Step | Knee:
        kind = item.step.name.rpartition("-")[0]
        return self._search(kind, item.step.rate_per_s)

    def _search(self, kind: str, rate: float) -> Step | Knee:
        step = self._step(f"{kind}-{len(self._tried) + 1}", PhaseRole.SEARCH, rate)
        if self._fits(step.seconds + self._settings.plateau_s):
            return step
        if self._low is None or self._confirmed:
            return self.answer()
        return self._plateau(self._low)

    def _plateau(self, rate: float) -> Step | Knee:
        step = self._step(f"plateau-{len(self._tried) + 1}", PhaseRole.PLATEAU, rate)
        return step if self._fits(step.seconds) else self.answer()

    def _fits(self, seconds: float) -> bool:
        return self._used + seconds <= self._settings.budget_s

    def _step(self, name: str, role: PhaseRole, rate: float) -> Step:
        settle = settle_s(self._at_rest_s)
        settings = self._settings
        wanted = settings.arrivals if name.startswith("bisect") else settings.least_arrivals
        lasting = min(settle + wanted / rate, settings.plateau_s)
        seconds = max(settings.step_s, 4 * settle, lasting)
        if role is PhaseRole.WARM_UP:
            seconds = _WARM_UP_S
        if role is PhaseRole.PLATEAU:
            seconds = max(seconds, settings.plateau_s)
        return Step(
            name=name,
            role=role,
            rate_per_s=rate,
            seconds=seconds,
            settle_s=settle,
        )


def _is_rate(item: Taken, rate: float) -> bool:
    """Whether a step had this rate; a schedule's mean differs by rounding from what was asked."""
    return math.isclose(item.step.rate_per_s, rate, rel_tol=_SAME)
