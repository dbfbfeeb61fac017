"""Little's law: what is in flight on average is the arrival rate times the mean latency.

Both sides come from other sums of the stamps (counts at instants, and stretches), so a stamp that
was joined to the wrong arrival, or two clocks, show as a difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.analysis.load.join import Fate
from harness.analysis.load.sustain import in_flight
from harness.model.loadresult import Audit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.analysis.load.sustain import StepStamps

__all__ = ["audit", "law"]

_S = 1e9
_INSTANTS, _MOST_INSTANTS = 2_000, 1_000_000
_OF_A_LATENCY = 20
"""So many instants in a mean latency: fewer would miss arrivals, and find the law broken."""
_TOLERANCE = 0.05
_LEAST = 200
"""Arrivals below which chance alone is more than the tolerance."""


def law(
    counted: float, *, rate_per_s: float, mean_s: float, tolerance: float = _TOLERANCE
) -> Audit:
    """Holds a counted mean against rate times latency.

    Args:
        counted: Mean number in flight, however it was counted.
        rate_per_s: Of arrivals.
        mean_s: Mean latency.
        tolerance: How far they may be apart, by the larger.
    """
    expected = rate_per_s * mean_s
    larger = max(counted, expected)
    off = abs(counted - expected) / larger if larger else 0.0
    return Audit(in_flight=counted, expected=expected, off=off, holds=off <= tolerance)


def audit(stamps: StepStamps) -> Audit | None:
    """Audits a phase of steady arrivals; None where there are too few, or one isn't done.

    What is in flight is counted at instants until the last arrival was done, so that nothing is
    cut off at the edges.
    """
    good = stamps.fate <= Fate.IN_FLIGHT
    if int(good.sum()) < _LEAST or (stamps.fate == Fate.IN_FLIGHT).any():
        return None
    latencies = (stamps.done_ns - stamps.intended_ns)[good]
    last = int(stamps.done_ns[good].max())
    seconds = (last - stamps.start_ns) / _S
    instants = _instants(stamps.start_ns, last, float(latencies.mean()))
    return law(
        float(in_flight(stamps, instants).mean()),
        rate_per_s=float(good.sum()) / seconds,
        mean_s=float(latencies.mean()) / _S,
    )


def _instants(start_ns: int, end_ns: int, latency_ns: float) -> NDArray[np.float64]:
    """One instant in each of many equal stretches, anywhere in it: arrivals may be periodic."""
    wanted = _OF_A_LATENCY * (end_ns - start_ns) / max(latency_ns, 1.0)
    count = int(min(max(wanted, _INSTANTS), _MOST_INSTANTS))
    within = np.random.default_rng(count).random(count)
    found: NDArray[np.float64] = start_ns + (np.arange(count) + within) * (
        (end_ns - start_ns) / count
    )
    return found
