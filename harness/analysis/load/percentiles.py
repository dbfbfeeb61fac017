"""Exact percentiles with intervals, from raw samples.

A percentile is the sample of nearest rank, never interpolated, so each is a latency that occurred.
Its interval is that of order statistics: how many of n independent samples lie below the true
percentile is binomial, whatever the distribution (David and Nagaraja, Order Statistics, 7.1).
Latencies of one queue are correlated, so the truth is somewhat wider; comparisons between builds
therefore resample blocks instead (`comparison`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtr, ndtri

from harness.model.loadresult import Latency, Percentile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["QUANTILES", "distribution", "latency", "nearest_rank", "rank_interval"]

QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
_MS = 1e6  # nanoseconds
_CONFIDENCE = 0.95
_BODY = 20  # points of the half below the median
_DECADE = 12  # points of each tenth of what is left above it
_SKEWED = 8  # more than the binomial is off from the normal distribution, in ranks


def nearest_rank(q: float, n: int) -> int:
    """Returns the 0-based rank of a quantile among n samples.

    Args:
        q: Above 0, at most 1.
        n: At least 1.
    """
    return min(max(math.ceil(q * n - 1e-9), 1), n) - 1


def rank_interval(
    q: float, n: int, *, confidence: float = _CONFIDENCE
) -> tuple[int | None, int | None]:
    """Returns the 0-based ranks between which the true quantile lies.

    Args:
        q: Between 0 and 1.
        n: How many samples, at least 1.
        confidence: At least this, exactly.

    Returns:
        None for a bound that n samples can't give: 99 % lie below the largest of 100 only with
        probability 0.63.
    """
    tail = (1 - confidence) / 2
    reach = float(ndtri(1 - tail)) * math.sqrt(n * q * (1 - q))
    below, at_most = _binomial(n, q, around=n * q - reach)
    low = below[at_most <= tail]  # P(B <= low) <= tail: the sample of rank low + 1 is a bound
    below, at_most = _binomial(n, q, around=n * q + reach)
    high = below[at_most >= 1 - tail]  # P(B <= high) >= 1 - tail: so is that of rank high + 1
    lower = int(low[-1]) if len(low) else None
    upper = int(high[0]) if len(high) and high[0] < n else None
    return lower, upper


def _binomial(n: int, q: float, *, around: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Numbers around one that the normal distribution gives, and how likely at most so many are."""
    first = min(max(math.floor(around) - _SKEWED, 0), n)
    below = np.arange(first, min(first + 2 * _SKEWED, n) + 1)
    return below, np.where(below < n, bdtr(np.minimum(below, n - 1), n, q), 1.0)


def latency(
    name: str,
    values_ns: NDArray[np.int64],
    *,
    open_ns: NDArray[np.int64] | None = None,
    quantiles: tuple[float, ...] = QUANTILES,
) -> Latency | None:
    """Summarises latencies.

    Args:
        name: Of the latency.
        values_ns: Of those that ended.
        open_ns: How long those that did not end have lasted so far. They count, since leaving
            out the slowest would flatter; a percentile they reach into is only a lower bound.
        quantiles: Which.

    Returns:
        None without samples. Percentiles for which there are too few samples are left out:
        q needs 1 / (1 - q) of them.
    """
    waiting = np.empty(0, np.int64) if open_ns is None else open_ns
    every = np.sort(np.concatenate([values_ns, waiting])) if len(waiting) else np.sort(values_ns)
    n = len(every)
    if not n:
        return None
    shortest_open = int(waiting.min()) if len(waiting) else None
    return Latency(
        name=name,
        n=n,
        open=len(waiting),
        mean_ms=float(values_ns.mean()) / _MS if len(values_ns) else None,
        max_ms=float(every[-1]) / _MS,
        percentiles=tuple(
            _percentile(q, every, shortest_open)
            for q in quantiles
            if n * (1 - q) >= 1 - 1e-9  # else it is the maximum by another name
        ),
    )


def distribution(values_ns: NDArray[np.int64]) -> tuple[tuple[float, float], ...]:
    """Returns (share, latency in ms), denser towards the slowest, as its tail is what is read.

    Args:
        values_ns: In any order.

    Returns:
        At most 20 points up to the median, then 12 for each tenth part of what is left, up to what
        all but one of the samples kept; nothing for less than two samples.
    """
    n = len(values_ns)
    if n < 2:  # noqa: PLR2004 - one sample is no distribution
        return ()
    every = np.sort(values_ns)
    first = math.ceil(_DECADE * math.log10(2)) + 1
    last = math.floor(_DECADE * math.log10(n) + 1e-9)
    shares = [step / (2 * _BODY) for step in range(1, _BODY + 1)]
    shares += [1 - 10 ** (-step / _DECADE) for step in range(first, last + 1)]
    return tuple((q, int(every[nearest_rank(q, n)]) / _MS) for q in shares if q * n >= 1 - 1e-9)


def _percentile(q: float, every: NDArray[np.int64], shortest_open: int | None) -> Percentile:
    value = int(every[nearest_rank(q, len(every))])
    low, high = rank_interval(q, len(every))
    at_least = shortest_open is not None and shortest_open <= value
    return Percentile(
        q=q,
        ms=value / _MS,
        low_ms=None if low is None else int(every[low]) / _MS,
        high_ms=None if high is None or at_least else int(every[high]) / _MS,
        at_least=at_least,
    )
