"""Stage 5: stretches in which the harness itself had taken rights from the operator.

What is denied then, or ends for it, is judged by the check that took them, and by no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.evidence.reader import Evidence
    from harness.model.records import Phase

__all__ = ["is_deprived", "stretch_of"]

_FACT = "deprived"


def stretch_of(phase: Phase) -> tuple[int, int] | None:
    """Returns when a window's rights were taken and given back; None where they never were.

    Returns:
        Wall clock, nanoseconds since the epoch.
    """
    fact = phase.facts.get(_FACT)
    if not isinstance(fact, dict) or "from_ns" not in fact:
        return None
    return int(fact["from_ns"]), int(fact.get("until_ns") or phase.span.end.wall_ns)


def is_deprived(evidence: Evidence, wall_ns: int) -> bool:
    """Whether the operator lacked rights of its own at an instant, since we had taken them."""
    stretches = (stretch_of(phase) for phase in evidence.phases())
    return any(item is not None and item[0] <= wall_ns <= item[1] for item in stretches)
