"""What a soak tells of itself while it goes on: how far it is, and what it could see by now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.digits import data_size, digits
from harness.model.records import SoakTick
from harness.model.soakresult import LeakVerdict
from harness.pytest_plugin.soak.plan import LEAST_CYCLE_S

if TYPE_CHECKING:
    from harness.model.soak import SoakPlan
    from harness.model.soakresult import SoakSignal
    from harness.pytest_plugin.context import Context

__all__ = ["rehearse", "tick", "too_few"]

_ENOUGH = 20  # cycles, so that trends are looked for


def rehearse(plan: SoakPlan) -> None:
    """Judges a soak of nothing: what the libraries take at their first use, some MiB, is taken now.

    Else the harness would grow in the middle of the soak, beside what it measures. As many signals
    as there may be, as long as they get.
    """
    from harness.analysis.soak.leaks import Churn, Plateaus, judge_soak  # noqa: PLC0415 - SciPy

    cycles = range(max(_ENOUGH, plan.cycles))
    for slope in (0.0, 1.0):
        values = tuple(float(cycle % 2 + slope * cycle) for cycle in cycles)
        signals = [
            Plateaus(name="nothing", unit=unit, values=values, matters=1.0, settles=settles)
            for unit in ("B", "1", "s")
            for settles in (False, True)
        ]
        judge_soak(signals * 2, churn=Churn(reconciles=1, objects=1))


def too_few(plan: SoakPlan, *, settles: bool = False) -> str:
    """Returns a warning where no verdict can come of a soak; empty where one may.

    Args:
        plan: Of the soak.
        settles: Whether the memory of a process decides.
    """
    from harness.analysis.soak.decision import SETTLING_S  # noqa: PLC0415 - loads SciPy
    from harness.analysis.soak.leaks import warm_up  # noqa: PLC0415 - the same
    from harness.analysis.soak.trend import LEAST  # noqa: PLC0415 - the same

    needed = warm_up(plan.cycles) + LEAST
    if plan.cycles >= needed:
        if not settles or plan.cycles * plan.cycle_s >= SETTLING_S:
            return ""
        return (
            " Without a heap profile memory is that of the process, which this is too short to "
            f"call leaking: --duration {SETTLING_S:.0f} at least, or pprof in target.yaml."
        )
    return (
        f" These are too few for a verdict on leaks, which needs {needed}: "
        f"--duration {needed * LEAST_CYCLE_S:.0f} at least."
    )


def tick(context: Context, plan: SoakPlan, *, cycle: int, left_s: float, disk: int = 0) -> SoakTick:
    """Judges the plateaus so far, as a report would if the soak ended now.

    Args:
        context: The suite's view of the run.
        plan: Of the soak.
        cycle: How many are over.
        left_s: Until the last one is over.
        disk: Bytes of evidence by now.
    """
    from harness.analysis.soak.result import soaked  # noqa: PLC0415 - loads SciPy

    found = soaked(context.evidence, brief=True)
    return SoakTick(
        stamp=context.clock.now(),
        cycle=cycle,
        cycles=plan.cycles,
        left_s=left_s,
        disk=disk,
        detectable={
            _name(signal, found.signals): _amount(signal)
            for signal in found.signals
            if signal.detectable is not None
        },
        grows=tuple(
            _name(signal, found.signals)
            for signal in found.signals
            if signal.verdict is LeakVerdict.LEAK
        ),
    )


def _name(signal: SoakSignal, among: tuple[SoakSignal, ...]) -> str:
    """A signal's name, with whose it is where several workloads have it."""
    alone = sum(other.name == signal.name for other in among) == 1
    return signal.name if alone else f"{signal.subject} {signal.name}"


def _amount(signal: SoakSignal) -> str:
    least = signal.detectable or 0.0
    return data_size(least) if signal.unit == "B" else digits(least)
