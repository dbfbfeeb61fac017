"""Blocks: stretches of the same load on one build, each with a figure of every kind.

What builds differ in is judged by blocks, never by single arrivals: those of one block share all
that the machine did meanwhile.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.load.join import NEVER, Fate
from harness.analysis.load.percentiles import nearest_rank
from harness.model.comparison import Block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.analysis.load.sustain import StepStamps

__all__ = ["FIGURES", "Figure", "block", "split", "values"]

_S = 1e9
_MS = 1e6
_LEAST_MS = 1e-6
_LEAST_FOR_P90, _LEAST_FOR_P99 = 20, 100


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """What builds are compared by.

    Attributes:
        name: In tables and gates.
        field: Of `Block`.
    """

    name: str
    field: str
    unit: str
    lower_is_better: bool = True


FIGURES = (
    Figure(name="p50", field="p50_ms", unit="ms"),
    Figure(name="p90", field="p90_ms", unit="ms"),
    Figure(name="p99", field="p99_ms", unit="ms"),
    Figure(name="reconcile_p50", field="reconcile_p50_ms", unit="ms"),
    Figure(name="reconcile_p90", field="reconcile_p90_ms", unit="ms"),
    Figure(name="reconcile_p99", field="reconcile_p99_ms", unit="ms"),
    Figure(name="cpu_per_reconcile", field="cpu_ms", unit="ms"),
    Figure(name="api_calls_per_reconcile", field="api_calls", unit="1"),
    Figure(name="throughput", field="throughput_per_s", unit="1/s", lower_is_better=False),
)


def block(stamps: StepStamps) -> Block | None:
    """Returns the figures of a block that its stamps tell; None where nothing was done in it."""
    done = stamps.done_ns < NEVER
    done &= stamps.fate == Fate.DONE
    if not done.any():
        return None
    total = _sorted_ms(stamps.done_ns[done] - stamps.intended_ns[done])
    seconds = max((stamps.end_ns - stamps.start_ns) / _S, 1e-9)
    found = Block(
        p50_ms=_at(0.5, total),
        p90_ms=_at(0.9, total) if len(total) >= _LEAST_FOR_P90 else None,
        p99_ms=_at(0.99, total) if len(total) >= _LEAST_FOR_P99 else None,
        throughput_per_s=_rate(stamps.done_ns[done] <= stamps.end_ns, seconds),
    )
    if stamps.echoed_ns is None:
        return found
    echoed = done & (stamps.echoed_ns < NEVER)
    if not echoed.any():
        return found
    own = _sorted_ms(stamps.done_ns[echoed] - stamps.echoed_ns[echoed])
    return msgspec.structs.replace(
        found,
        reconcile_p50_ms=_at(0.5, own),
        reconcile_p90_ms=_at(0.9, own) if len(own) >= _LEAST_FOR_P90 else None,
        reconcile_p99_ms=_at(0.99, own) if len(own) >= _LEAST_FOR_P99 else None,
    )


def split(stamps: StepStamps, count: int = 12) -> list[Block]:
    """Cuts one long phase into blocks of equal time, for runs that weren't interleaved."""
    edges = np.linspace(stamps.start_ns, stamps.end_ns, count + 1).astype(np.int64).tolist()
    found = []
    for start, end in pairwise(edges):
        rows = (stamps.intended_ns >= start) & (stamps.intended_ns < end)
        part = msgspec.structs.replace(
            stamps,
            start_ns=start,
            end_ns=end,
            intended_ns=stamps.intended_ns[rows],
            sent_ns=stamps.sent_ns[rows],
            done_ns=stamps.done_ns[rows],
            fate=stamps.fate[rows],
            echoed_ns=None if stamps.echoed_ns is None else stamps.echoed_ns[rows],
        )
        figures = block(part)
        if figures is not None:
            # What is done in a block may have been due before it.
            done = (stamps.done_ns >= start) & (stamps.done_ns < end) & (stamps.fate == Fate.DONE)
            rate = _rate(done, (end - start) / _S)
            found.append(msgspec.structs.replace(figures, throughput_per_s=rate))
    return found


def values(blocks: Sequence[Block], figure: Figure) -> NDArray[np.float64] | None:
    """Returns one figure of each block; None where a block lacks it."""
    found = [value for item in blocks if (value := getattr(item, figure.field)) is not None]
    return np.array(found, dtype=float) if len(found) == len(blocks) else None


def _sorted_ms(nanoseconds: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.sort(nanoseconds) / _MS


def _at(q: float, ordered: NDArray[np.float64]) -> float:
    """The quantile of nearest rank; above 0, since ratios are taken."""
    return max(float(ordered[nearest_rank(q, len(ordered))]), _LEAST_MS)


def _rate(completed: NDArray[np.bool_], seconds: float) -> float:
    """Completions a second; none count as half of one, since logarithms need more than 0."""
    return max(float(completed.sum()), 0.5) / seconds
