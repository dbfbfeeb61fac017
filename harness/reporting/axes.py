"""Stage 7: scales of charts: round ticks, and positions in percent of a chart's width.

Positions are percentages, so that a chart keeps its text size at every width of the page.
"""

from __future__ import annotations

import math

import msgspec

__all__ = ["Scale", "Tick", "percent", "ticks"]

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled value of an axis.

    Attributes:
        at: Position: "12.5%" on a time axis, pixels from the top on a value axis.
        anchor: SVG's text-anchor, so that labels at the ends stay inside.
    """

    at: str
    label: str
    anchor: str = "middle"


def ticks(high: float, *, about: int) -> tuple[float, ...]:
    """Returns round values from 0 to the first one that isn't below `high`.

    Args:
        high: Largest value to be shown; what isn't positive counts as 1.
        about: How many steps are wanted; there are at most one more.
    """
    if not math.isfinite(high) or high <= 0:
        high = 1.0
    raw = high / max(1, about)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in _STEPS if factor * power >= raw * (1 - 1e-9))
    steps = max(1, math.ceil(high / step - 1e-9))
    return tuple(index * step for index in range(steps + 1))


def percent(share: float) -> str:
    """Returns a share of the width as an SVG length, for example "12.5%"."""
    return f"{round(share * 100, 2):g}%"


class Scale:
    """Maps values from 0 to `end` to shares of a chart's width.

    Args:
        end: Value at the right end, above 0.
        left: Share of the width that is left free, so that marks at 0 aren't cut.
        right: Likewise at the right end.
    """

    def __init__(self, end: float, *, left: float = 0.0, right: float = 0.0) -> None:
        self.end = end if end > 0 and math.isfinite(end) else 1.0
        self._left = left
        self._width = 1.0 - left - right

    def share(self, value: float) -> float:
        """Returns the share of the width at which a value lies, kept inside the chart."""
        return self._left + self._width * min(1.0, max(0.0, value / self.end))

    def at(self, value: float) -> str:
        """Returns the position of a value as an SVG length."""
        return percent(self.share(value))
