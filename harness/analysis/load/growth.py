"""How figures grow with a number of objects: power laws, and what each further object costs.

A power law is a straight line in logarithms, so it is fitted there by least squares, with Student's
interval. An operator that lists everything at each reconcile has exponent 1 by unrelated objects;
one that keeps indexes has 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from harness.model.growth import Growth, Slope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["growth", "slope"]

_LEAST = 3
_TAIL = 0.975
_FLAT = 0.05  # twice the objects, and 3.5 % more: measurable, and nothing to worry about
_OPEN = 0.5  # such growth would matter, and wasn't excluded


def growth(
    points: Sequence[tuple[float, float]], *, figure: str, unit: str, by: str
) -> Growth | None:
    """Fits a power law.

    Args:
        points: (number of objects, figure); what isn't above 0 is left out.
        figure: What grows, for example "reconcile p50".
        unit: Of the figure.
        by: What it grows with, for example "custom resources".

    Returns:
        None for less than 3 points, or where all have the same number of objects.
    """
    good = [(x, y) for x, y in points if x > 0 and y > 0]
    fitted = _line(np.log([x for x, _ in good]), np.log([y for _, y in good])) if good else None
    if fitted is None:
        return None
    exponent, low, high, offset = fitted
    return Growth(
        figure=figure,
        unit=unit,
        by=by,
        exponent=exponent,
        low=low,
        high=high,
        scale=math.exp(offset),
        points=tuple(good),
        sentence=_sentence(figure, by, low, high),
    )


def slope(
    points: Sequence[tuple[float, float]],
    *,
    figure: str,
    unit: str,
    by: str = "custom resources",
) -> Slope | None:
    """Fits a straight line: what each further object costs, for example bytes of memory.

    Args:
        points: (number of objects, figure).
        figure: What each one costs, for example "memory".
        unit: Of the figure.
        by: What there is more of.

    Returns:
        None for less than 3 points, or where all have the same number of objects.
    """
    fitted = _line(np.array([x for x, _ in points]), np.array([y for _, y in points]))
    if fitted is None:
        return None
    each, low, high, _ = fitted
    return Slope(
        figure=figure,
        unit=unit,
        each=each,
        low=low,
        high=high,
        points=tuple(points),
        by=by,
        seen=not low <= 0 <= high,
        sentence=_cost(figure, by, unit, (each, low, high)),
    )


def _line(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[float, float, float, float] | None:
    """Slope with its 95 % interval, and offset."""
    if len(x) < _LEAST or np.ptp(x) == 0:
        return None
    centred = x - x.mean()
    spread = float((centred**2).sum())
    found = float((centred * y).sum()) / spread
    rest = y - y.mean() - found * centred
    freedom = len(x) - 2
    reach = float(stdtrit(freedom, _TAIL)) * math.sqrt(float((rest**2).sum()) / freedom / spread)
    return found, found - reach, found + reach, float(y.mean()) - found * float(x.mean())


def _cost(figure: str, by: str, unit: str, found: tuple[float, float, float]) -> str:
    each, low, high = found
    one = f"each of the {by}"
    if low <= 0 <= high:
        limit = f"below the detection limit of {high:.3g} {unit}"
        return f"what {one} costs in {figure} is {limit}"
    if high < 0:
        return f"{figure} falls with the number of {by}"
    return f"{one} costs {each:.3g} {unit} of {figure} ({low:.3g} to {high:.3g})"


def _sentence(figure: str, by: str, low: float, high: float) -> str:
    if low <= 0 <= high:
        if high > _OPEN:
            wide = f"the exponent lies between {low:.2f} and {high:.2f}"
            return f"whether {figure} grows with the number of {by} can't be told: {wide}"
        shown = f"no growth of {figure} with the number of {by} was found"
        return f"{shown} (exponent at most {high:.2f})"
    if low > -_FLAT and high < _FLAT:
        return f"{figure} hardly changes with the number of {by} (exponent {low:.2f} to {high:.2f})"
    if high < 0:
        return f"{figure} falls with the number of {by}"
    if low > 1:
        return f"{figure} grows faster than the number of {by} (exponent at least {low:.2f})"
    kind = "in proportion to" if low <= 1 <= high else "slower than"
    return f"{figure} grows {kind} the number of {by} (exponent {low:.2f} to {high:.2f})"
