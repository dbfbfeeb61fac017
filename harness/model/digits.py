"""Numbers as they are told in sentences."""

from __future__ import annotations

__all__ = ["digits"]

_LARGE = 999.5


def digits(value: float) -> str:
    """Returns three digits, or all before the point, and no powers of ten for large ones."""
    return f"{value:.0f}" if abs(value) >= _LARGE else f"{value:.3g}"
