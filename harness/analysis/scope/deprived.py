"""Stage 5: stretches in which the harness itself had taken from the operator what is its own.

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
    """Whether the operator lacked what is its own at an instant, since we had taken it.

    That is: rights, or, in a soak, the API server and the definition of its custom resource.
    """
    stretches = (stretch_of(phase) for phase in evidence.phases())
    if any(item is not None and item[0] <= wall_ns <= item[1] for item in stretches):
        return True
    spans = (item.span for item in evidence.disturbances if item.tried)
    return any(span.start.wall_ns <= wall_ns <= span.end.wall_ns for span in spans)
