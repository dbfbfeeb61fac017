"""How often two equal builds would have been called different, on blocks that really ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.analysis.load.blocks import FIGURES, values
from harness.analysis.load.bootstrap import exact_rate, expanded, weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.comparison import Block, Rate

__all__ = ["false_alarms"]


def false_alarms(
    blocks: Sequence[Block], *, pairs: int, figure: str = "p50", trials: int = 2_000, seed: int = 0
) -> dict[str, Rate]:
    """Returns how often two equal builds would have been called different, by resampling blocks.

    Each trial takes pairs of neighbouring blocks of one build, so that real drift stays in it, and
    calls them A B, B A, A B, ... It tests the statistic on this noise, not other noise.

    Args:
        blocks: In the order in which they ran, of one build; better 40 or more.
        pairs: Of each comparison.
        figure: Which figure.
        trials: How many comparisons.
        seed: Of the resampling.

    Returns:
        "worse" and "better": each one bound of the same interval.

    Raises:
        ValueError: A block lacks the figure.
    """
    chosen = next(item for item in FIGURES if item.name == figure)
    found = values(blocks, chosen)
    if found is None:
        raise ValueError(f"{figure} isn't there in every block")
    logs = np.log(found)
    random = np.random.default_rng(seed)
    first = random.integers(0, len(logs) - 1, (trials, pairs))
    turn = np.where(np.arange(pairs) % 2, -1.0, 1.0) * random.choice((-1.0, 1.0), (trials, 1))
    ratios = (logs[first + 1] - logs[first]) * turn
    means = ratios @ weights(pairs, seed).T
    tail = expanded(pairs)
    low = np.quantile(means, tail, axis=1)
    high = np.quantile(means, 1 - tail, axis=1)
    up, down = int((low > 0).sum()), int((high < 0).sum())
    worse, better = (up, down) if chosen.lower_is_better else (down, up)
    return {"worse": exact_rate(worse, trials), "better": exact_rate(better, trials)}
