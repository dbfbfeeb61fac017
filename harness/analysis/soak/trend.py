"""Robust trends of short series, many series at once.

The slope is the median of all pairwise slopes (Theil, Sen), which a tenth of wild values doesn't
move; its interval and its test are those of Kendall's S (Sen 1968). Neighbouring values that hang
together make naive trend tests alarm falsely, so the variance is widened by (1 + r) / (1 - r), with
r what their correlation is beyond chance.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from scipy.special import ndtr, stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CLEAR", "LEAST", "Trends", "holm", "trends"]

LEAST = 14
"""Values below which no trend is tested: too few to tell noise from what hangs together."""

CLEAR = 3.0
"""Growth by the smallest that would have been seen without correlation, from which that no longer
matters: Kendall's S can't tell a perfect line from a good one, and what remains around a steep line
hangs together as soon as that is bent a little."""

_ALPHA = 0.01
_BENT, _SLOWED, _LATE_SLOWED = 0.005, 0.33, 0.67
_POWER = 0.98  # of each of the conditions for a leak, so that all hold in 19 of 20 soaks
_SURE = 2.054  # its normal quantile
_NORMAL = 1.4826  # standard deviations in the middle of the residuals of normal values
_SURE_OF_ALL = 2.75  # the same for the least of all thirds, which overlap; by simulation
_CHANCE = 0.05
_SHRINK = 1.0  # standard errors of a correlation that is 0: so much of it may be chance
_LEFT_OUT = 3  # about; the half is that of the whole soak
_WILD, _WILD_SHARE = 5.0, 0.1  # standard deviations, and how many of all values may be beyond them
_EFFICIENCY = 0.75  # of Theil-Sen and its test beside least squares, of a few normal values


class Trends(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One entry a series; slopes are per step.

    Attributes:
        slope: Theil-Sen; `low` and `high` bound it, each at 1 %.
        p: One-sided, for growth.
        noise: Standard deviation around the line, without a spike or two.
        correlation: Of neighbouring residuals, corrected for its bias.
        late: Slope of the last half.
        late_low, late_high: Its bounds, at 1 % and at 5 %, by the noise of that half alone, since a
            bend in the whole would count as noise. The upper one, by which growth is ruled out,
            is wider where neighbours hang together.
        late_most: Its upper bound at 5 % by the middle of the residuals, which a step or a spike
            doesn't widen.
        clear: Whether the slope is so large that correlation no longer matters.
        bends: Whether growth slows down: a parabola's second coefficient is below 0 by more than
            chance at 0.5 %, and its slope at the end is less than a third of that at the begin. A
            leak with some warm-up before it bends, too, but not as much.
        detectable: Smallest slope that would have been seen in 19 of 20 series.
        late_detectable: The same for the last half alone.
        late_bends: Whether the last half alone slows down, by its parabola as it is fitted.
        late_slows: The same, by more than chance at 1 %.
        slowest: Slope of that third of the steps, in a row, which grows least.
        slowest_below: How far chance takes that below a steady slope, in 49 of 50 series.
        span: Largest value less the smallest; not per step.
    """

    slope: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]
    noise: NDArray[np.float64]
    correlation: NDArray[np.float64]
    late: NDArray[np.float64]
    late_low: NDArray[np.float64]
    late_high: NDArray[np.float64]
    late_most: NDArray[np.float64]
    clear: NDArray[np.bool_]
    bends: NDArray[np.bool_]
    detectable: NDArray[np.float64]
    late_detectable: NDArray[np.float64]
    late_bends: NDArray[np.bool_]
    late_slows: NDArray[np.bool_]
    slowest: NDArray[np.float64]
    slowest_below: NDArray[np.float64]
    span: NDArray[np.float64]


def trends(values: NDArray[np.float64]) -> Trends:
    """Returns the trend of each row.

    Args:
        values: (series, steps); at least 14 steps.

    Raises:
        ValueError: There are less.
    """
    n = values.shape[1]
    if n < LEAST:
        raise ValueError(f"at least {LEAST} values are needed for a trend")
    first, last = np.triu_indices(n, 1)
    pairs = np.sort((values[:, last] - values[:, first]) / (last - first), axis=1)
    slope = np.median(pairs, axis=1)
    rest = _rest(values, slope)
    noise = _noise(values, slope)
    correlation = _neighbours(rest)
    whole = noise * _reach(n - 2) / math.sqrt(_EFFICIENCY * _spread(n))
    clear = slope >= CLEAR * whole
    widen = np.where(clear, 1.0, _widening(correlation, n))

    score = np.sign(values[:, last] - values[:, first]).sum(axis=1)
    spread = np.sqrt(_variance(values)) * widen
    low, high = _bounds(pairs, spread, n)
    p = ndtr(-(score - np.sign(score)) / np.maximum(spread, 1e-12))

    half, third = (n + _LEFT_OUT) // 2, round(n / 3)
    late = _theil_sen(values[:, -half:])
    late_noise = _noise(values[:, -half:], late)
    late_rest = _rest(values[:, -half:], late)
    late_error = late_noise / math.sqrt(_EFFICIENCY * _spread(half))
    late_middle = _NORMAL * np.median(np.abs(late_rest), axis=1)
    late_middle /= math.sqrt(_EFFICIENCY * _spread(half))
    late_widen = _widening(_neighbours(late_rest), half)
    below, above = (float(stdtrit(half - 2, 1 - x)) * late_error for x in (_ALPHA, _CHANCE))
    last_half = noise * _SURE / math.sqrt(_EFFICIENCY * _spread(half))
    return Trends(
        slope=slope,
        low=low,
        high=high,
        p=np.where(spread > 0, p, 1.0),
        noise=noise,
        correlation=correlation,
        late=late,
        late_low=late - below,
        late_high=late + above * late_widen,
        late_most=late + float(stdtrit(half - 2, 1 - _CHANCE)) * late_middle,
        clear=clear,
        bends=_bends(values, widen, chance=_BENT, slowed=_SLOWED),
        detectable=np.maximum(whole, last_half) * widen,
        late_detectable=_reach(half - 2) * late_error,
        late_bends=_bends(values[:, -half:], slowed=_LATE_SLOWED),
        late_slows=_bends(values[:, -half:], chance=_ALPHA, slowed=_LATE_SLOWED),
        slowest=_slowest(values, third),
        slowest_below=_SURE_OF_ALL * late_noise / math.sqrt(_EFFICIENCY * _spread(third)),
        span=np.ptp(values, axis=1),
    )


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns p-values adjusted for their number (Holm 1979), along the last axis."""
    count = p.shape[-1]
    order = np.argsort(p, axis=-1)
    ranked = np.take_along_axis(p, order, -1) * (count - np.arange(count))
    ranked = np.minimum(np.maximum.accumulate(ranked, axis=-1), 1.0)
    adjusted = np.empty_like(ranked)
    np.put_along_axis(adjusted, order, ranked, -1)
    return adjusted


def _theil_sen(values: NDArray[np.float64]) -> NDArray[np.float64]:
    first, last = np.triu_indices(values.shape[1], 1)
    slopes = (values[:, last] - values[:, first]) / (last - first)
    median: NDArray[np.float64] = np.median(slopes, axis=1)
    return median


def _slowest(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """The least slope of so many steps in a row."""
    begins = range(values.shape[1] - length + 1)
    slopes = [_theil_sen(values[:, begin : begin + length]) for begin in begins]
    least: NDArray[np.float64] = np.min(slopes, axis=0)
    return least


def _rest(values: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """What remains around the line."""
    rest: NDArray[np.float64] = values - slope[:, None] * np.arange(values.shape[1])
    middle: NDArray[np.float64] = np.median(rest, axis=1)
    rest -= middle[:, None]
    return rest


def _noise(values: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation around the line, but for a tenth of values that are wild.

    The slope isn't moved by these. A step is none: it moves all that follow.
    """
    squares = np.sort(_rest(values, slope) ** 2, axis=1)
    n = squares.shape[1]
    tame = n - math.ceil(_WILD_SHARE * n)
    middle = _NORMAL**2 * np.median(squares, axis=1)
    squares[:, tame:] *= squares[:, tame:] <= _WILD**2 * middle[:, None]
    noise: NDArray[np.float64] = np.sqrt(squares.sum(axis=1) / (n - 2))
    return noise


def _widening(correlation: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Times that an error is larger where neighbours hang together by more than chance."""
    held = np.clip(correlation - _SHRINK / math.sqrt(n), 0, 0.9)
    widening: NDArray[np.float64] = np.sqrt((1 + held) / (1 - held))
    return widening


def _variance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of Kendall's S, less for values that are equal."""
    n = values.shape[1]
    ordered = np.sort(values, axis=1)
    ties: NDArray[np.float64] = np.zeros(len(values))
    run: NDArray[np.float64] = np.ones(len(values))
    for step in range(1, n + 1):
        same = ordered[:, step] == ordered[:, step - 1] if step < n else np.zeros(len(values), bool)
        ties += np.where(same, 0.0, run * (run - 1) * (2 * run + 5))
        run = np.where(same, run + 1, 1.0)
    variance: NDArray[np.float64] = (n * (n - 1) * (2 * n + 5) - ties) / 18
    return variance


def _bounds(
    pairs: NDArray[np.float64], spread: NDArray[np.float64], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The pairwise slopes that bound the true one, each at 1 %."""
    count = n * (n - 1) // 2
    reach = 2.326 * spread
    below = np.clip(np.floor((count - reach) / 2).astype(int) - 1, 0, count - 1)
    rows = np.arange(len(pairs))
    return pairs[rows, below], pairs[rows, count - 1 - below]


def _neighbours(rest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of neighbours, corrected for its bias around a line (Kendall 1954)."""
    centred = rest - rest.mean(axis=1)[:, None]
    total = (centred**2).sum(axis=1)
    product = (centred[:, 1:] * centred[:, :-1]).sum(axis=1)
    found = np.divide(product, total, out=np.zeros(len(rest)), where=total > 0)
    n = rest.shape[1]
    corrected: NDArray[np.float64] = np.where(total > 0, (found + 2 / n) / (1 - 4 / n), 0.0)
    return corrected


def _bends(
    values: NDArray[np.float64],
    widen: NDArray[np.float64] | float = 1.0,
    *,
    chance: float = 0.5,
    slowed: float,
) -> NDArray[np.bool_]:
    """Whether growth slows down, by a parabola.

    Args:
        values: As in `trends`.
        widen: Times that the error of its second coefficient is larger.
        chance: At which that coefficient is below 0; 0.5 to take it as it is.
        slowed: Its slope at the end is less than so much of that at the begin.
    """
    n = values.shape[1]
    time = np.arange(n) - (n - 1) / 2
    basis = np.stack([np.ones(n), time, time**2 - (time**2).mean()])
    fitted = np.linalg.lstsq(basis.T, values.T, rcond=None)[0]
    rest = values - (basis.T @ fitted).T
    error = np.sqrt((rest**2).sum(axis=1) / (n - 3) / (basis[2] ** 2).sum()) * widen
    limit = -float(stdtrit(n - 3, 1 - chance)) * np.maximum(error, 1e-12)
    begin, end = (fitted[1] + 2 * fitted[2] * instant for instant in (time[0], time[-1]))
    bent: NDArray[np.bool_] = (fitted[2] < limit) & (end < slowed * begin)
    return bent


def _spread(n: int) -> float:
    """Sum of squares of n steps around their middle."""
    return n * (n * n - 1) / 12


def _reach(freedom: int) -> float:
    return float(stdtrit(freedom, 1 - _ALPHA) + stdtrit(freedom, _POWER))
