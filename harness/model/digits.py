"""Numbers as they are told in sentences."""

from __future__ import annotations

__all__ = ["data_size", "digits"]

_LARGE = 999.5
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_MANY = 1000 / 1024  # of a unit: a thousand of the next smaller one


def digits(value: float) -> str:
    """Returns three digits, or all before the point, and no powers of ten for large ones."""
    return f"{value:.0f}" if abs(value) >= _LARGE else f"{value:.3g}"


def data_size(value: float) -> str:
    """Returns a number of bytes in the unit that fits."""
    for unit, name in _UNITS:
        if abs(value) >= _MANY * unit:
            return f"{digits(value / unit)} {name}"
    return f"{digits(value)} B"
