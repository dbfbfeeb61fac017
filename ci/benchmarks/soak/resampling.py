"""Traces that are put together from blocks of soaks that really ran.

Each trace has the level, the warm-up and the slope of one soak, and around that line what remained
around the lines of all of them, block after block, so that what hangs together within a block still
does (moving blocks; Künsch, 1989). All signals of a trace are taken at the same cycles: what moves
together stays together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.soak.leaks import Churn, judge_soak, warm_up
from harness.analysis.soak.trend import trends

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from harness.analysis.soak.leaks import Plateaus
    from harness.model.soakresult import SoakResult

__all__ = ["BLOCK", "SENTENCE", "Trace", "resampled"]

BLOCK = 4
"""Cycles that stay together."""

SENTENCE = (
    "Resampling tests the statistic, not the noise: what never happened in these soaks happens "
    "in no trace of them."
)


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """The signals of a soak that decide, and what was done in it.

    Attributes:
        signals: Each with as many values as the soak had cycles.
        churn: By which growth is divided.
    """

    signals: tuple[Plateaus, ...]
    churn: Churn

    def judge(self) -> SoakResult:
        """Judges it as a soak is judged."""
        return judge_soak(self.signals, churn=self.churn)


def resampled(soaks: Sequence[Trace], *, trials: int, seed: int = 0) -> Iterator[Trace]:
    """Yields traces that are put together from those of soaks.

    Args:
        soaks: Of one kind; signals that some of them lack are left out.
        trials: How many.
        seed: Of the resampling.

    Raises:
        ValueError: There is no soak, or one with another number of cycles.
    """
    names = _common(soaks)
    chosen = [[next(s for s in soak.signals if s.name == name) for name in names] for soak in soaks]
    lengths = {len(signal.values) for signals in chosen for signal in signals}
    if len(lengths) != 1:
        raise ValueError(f"soaks of the same length are needed, these have {sorted(lengths)}")
    cycles = lengths.pop()
    left_out = warm_up(cycles)
    values = np.array([[signal.values for signal in signals] for signals in chosen], float)
    lines, rests = _parted(values[:, :, left_out:])
    random = np.random.default_rng(seed)
    steps = cycles - left_out
    blocks = -(-steps // BLOCK)
    for _ in range(trials):
        own = int(random.integers(len(soaks)))
        of = random.integers(0, len(soaks), blocks)
        starts = random.integers(0, steps - BLOCK + 1, blocks)
        pieces = [
            rests[soak, :, start : start + BLOCK] for soak, start in zip(of, starts, strict=True)
        ]
        made = lines[own] + np.concatenate(pieces, axis=1)[:, :steps]
        whole = np.concatenate([values[own, :, :left_out], made], axis=1)
        yield Trace(
            signals=tuple(
                msgspec.structs.replace(signal, values=tuple(row.tolist()))
                for signal, row in zip(chosen[own], whole, strict=True)
            ),
            churn=soaks[own].churn,
        )


def _common(soaks: Sequence[Trace]) -> list[str]:
    if not soaks:
        raise ValueError("there is no soak to resample")
    every = [[signal.name for signal in soak.signals] for soak in soaks]
    return [name for name in every[0] if all(name in names for names in every)]


def _parted(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the lines of all rows, and what remains around them."""
    steps = values.shape[-1]
    flat = values.reshape(-1, steps)
    slopes = trends(flat).slope[:, None] * np.arange(steps)
    lines = slopes + np.median(flat - slopes, axis=1)[:, None]
    return lines.reshape(values.shape), (flat - lines).reshape(values.shape)
