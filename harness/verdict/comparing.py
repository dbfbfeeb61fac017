"""Stage 6: the gates of a comparison, each held against the bound of its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.measurement import GateResult, Measurement
from harness.model.target import Gate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model.comparison import Change, Comparison

__all__ = ["held_changes"]


def held_changes(comparisons: Iterable[Comparison]) -> tuple[GateResult, ...]:
    """Returns a gate for each figure that has one.

    One that holds although something flatters head, or about which there is doubt, is open.
    """
    return tuple(
        _held(change, found) for found in comparisons for change in found.changes if _gated(change)
    )


def _gated(change: Change) -> bool:
    return change.allowed is not None


def _held(change: Change, found: Comparison) -> GateResult:
    allowed = change.allowed or 0.0
    phase = f"{found.phase}, " if found.phase else ""
    name = f"{change.name} against {found.base}"
    low, high = change.worsening
    spread = f"{100 * low:+.1f} % to {100 * high:+.1f} % worse"
    measured = Measurement(
        name=name,
        value=100 * change.point,
        unit="%",
        n=found.blocks,
        method=found.method,
        low=100 * low,
        high=100 * high,
        subject=found.phase,
    )
    met, words = _decision(change, found)
    return GateResult(
        gate=Gate(
            measurement=name,
            operator="<=",
            bound=100 * allowed,
            unit="%",
            text=f"<= {100 * allowed:g} %",
        ),
        met=met,
        measured=measured,
        reason=f"{phase}{change.name} of {found.head} is {spread} than that of {found.base} (95 % "
        f"interval over {found.blocks} blocks), which {words} {100 * allowed:g} %",
    )


def _decision(change: Change, found: Comparison) -> tuple[bool | None, str]:
    if found.doubts:
        return None, "is in doubt, whatever it is beside"
    if not change.passes:
        return False, "lies wholly beyond"
    if change.undecided:
        return None, "reaches across"
    if found.flattered:
        return None, "is flattered, so it proves nothing beside"
    return True, "keeps"
