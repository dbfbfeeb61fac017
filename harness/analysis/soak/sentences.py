"""What is said of a signal of a soak: its verdict, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.soak.decision import ALPHA, LEAST_SHARE, REFUSED, SETTLING_S
from harness.model.digits import data_size, digits
from harness.model.soakresult import LeakVerdict

if TYPE_CHECKING:
    from harness.analysis.soak.trend import Trends
    from harness.model.soakresult import SoakSignal

__all__ = ["sentence", "why_open"]

_PAUSED = (
    "it grew in the last half, but hardly in some third of the cycles, and a leak grows in all: a "
    "longer soak would tell"
)
_BRIEF = (
    "it grew, but garbage may be collected as rarely as once in two minutes: a soak of "
    f"{SETTLING_S / 60:.0f} minutes or more would tell"
)


def sentence(made: SoakSignal, steps: int, *, why_open: str) -> str:
    """Returns the verdict with its numbers.

    Args:
        made: The signal; its sentence isn't read.
        steps: Cycles that count.
        why_open: Said where it stays open.
    """
    amount = _amount(made.growth, made.unit)
    least = _amount(made.detectable or 0.0, made.unit)
    seen = f"a growth of {least} over {steps} cycles would have shown"
    if made.verdict is LeakVerdict.LEAK:
        why = f"p {made.adjusted_p:.2g} after correction"
        if made.adjusted_p > ALPHA:
            why = "the last half by itself is a clear line"
        grew = f"{made.name} leaks: it grew by {amount} over {steps} cycles{_each(made)}"
        return f"{grew} ({why}; {seen})"
    if made.verdict is LeakVerdict.NO_LEAK:
        return f"{made.name} doesn't leak more than that: {seen}"
    return f"{made.name} stays open: {why_open}; {seen}"


def _each(made: SoakSignal) -> str:
    """How much that is for what was done; by objects where nobody counts reconciles."""
    for each, of in ((made.each_reconcile, "a reconcile"), (made.each_object, "an object")):
        if each:
            return f", {_amount(each[0], made.unit)} {of}"
    return ""


def why_open(
    made: SoakSignal,
    found: Trends,
    row: int,
    *,
    paused: bool,
    brief: bool,
    allowed: float,
    allowed_for: str,
) -> str:
    """Returns why nothing could be decided of a signal.

    Args:
        made: The signal.
        found: All trends; its own is in `row`.
        row: Of the signal.
        paused: Whether it grew in the end, but not in every third.
        brief: Whether it grew in the end of a soak that was too short for it.
        allowed: Growth that a cache may explain; 0 for none.
        allowed_for: What that cache holds, in words.
    """
    if paused:
        return _PAUSED
    if brief:
        return _BRIEF
    if allowed and made.low > 0 and made.growth >= LEAST_SHARE * made.matters:
        grew, may = _amount(made.growth, made.unit), _amount(allowed, made.unit)
        return f"it grew by {grew}, but {may} may be {allowed_for}: a longer soak would tell"
    return _why_open(made, found, row)


def _why_open(made: SoakSignal, found: Trends, row: int) -> str:
    if made.autocorrelation >= REFUSED:
        return (
            f"its plateaus hang together (correlation {made.autocorrelation:.2f}), so their number "
            "means nothing"
        )
    if made.adjusted_p > ALPHA or made.low <= 0:
        if made.matters <= 0:
            return "nobody said which growth matters"
        least = _amount(made.matters, made.unit)
        return f"it doesn't grow clearly, but a leak of {least} could have been missed"
    if made.growth < LEAST_SHARE * made.matters:
        least = _amount(made.matters, made.unit)
        return f"it grows, but by less than the {least} that matter, and maybe by more"
    if found.bends[row]:
        return "it grows, but ever more slowly: a longer soak would tell a leak from a full cache"
    how = "then slowed down" if found.late[row] > 0 else "but not in the last half"
    return f"it grew, {how}: a longer soak would tell"


def _amount(value: float, unit: str) -> str:
    if unit == "B":
        return data_size(value)
    return f"{digits(value)}{' s' if unit == 's' else ''}"
