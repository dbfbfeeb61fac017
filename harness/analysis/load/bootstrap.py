"""The bootstrap's percentile interval of a mean, as wide as Student's where there are few values.

The correction is Hesterberg's (What Teachers Should Know About the Bootstrap, 2015, 5.3): the
percentile interval of n values is too narrow by sqrt((n - 1) / n) and by the normal's quantile in
the place of Student's.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincinv, ndtr, stdtrit

from harness.model.comparison import Rate

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "RESAMPLES",
    "TAIL",
    "exact_rate",
    "expanded",
    "interval",
    "reach",
    "unpaired",
    "weights",
]

RESAMPLES = 5_000
TAIL = 0.025
_POWER = 0.8


def interval(logs: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """Returns the 95 % interval of the mean."""
    tail = expanded(len(logs))
    means = weights(len(logs), seed) @ logs
    low, high = np.quantile(means, tail), np.quantile(means, 1 - tail)
    return float(low), float(high)


def unpaired(
    base: NDArray[np.float64], head: NDArray[np.float64], seed: int
) -> tuple[float, float]:
    """Returns the 95 % interval of the difference of two means, each resampled by itself."""
    means = weights(len(head), seed) @ head - weights(len(base), seed + 1) @ base
    tail = expanded(min(len(base), len(head)))
    low, high = np.quantile(means, tail), np.quantile(means, 1 - tail)
    return float(low), float(high)


def reach(error: float, freedom: int) -> float:
    """Returns the difference that is found in 4 of 5 comparisons, by its standard error."""
    return float(stdtrit(freedom, 1 - TAIL) + stdtrit(freedom, _POWER)) * error


@lru_cache(maxsize=4)
def weights(n: int, seed: int) -> NDArray[np.float64]:
    """Returns how often each of n values is drawn in each resample, as shares."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    return drawn / n


def expanded(n: int) -> float:
    """Returns the tail of the percentile interval that is as wide as Student's for n values."""
    return float(ndtr(-math.sqrt(n / (n - 1)) * float(stdtrit(n - 1, 1 - TAIL))))


def exact_rate(times: int, trials: int) -> Rate:
    """Returns a rate with its exact 95 % interval (Clopper and Pearson, 1934)."""
    low = 0.0 if not times else float(betaincinv(times, trials - times + 1, TAIL))
    high = 1.0 if times == trials else float(betaincinv(times + 1, trials - times, 1 - TAIL))
    return Rate(times=times, trials=trials, low=low, high=high)
