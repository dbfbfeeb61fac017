"""Stage 1: bounds as people write them, brought to one unit a quantity."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from harness.model.target import Gate

__all__ = ["GateError", "parse_gate", "read_gate"]

_TEXT = re.compile(r"\s*(<=|>=|<|>)?\s*([0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*(\S*)\s*")
_UNITS = {
    "": ("1", 1.0),
    "us": ("s", 1e-6),
    "ms": ("s", 1e-3),
    "s": ("s", 1.0),
    "m": ("s", 60.0),
    "h": ("s", 3600.0),
    "/s": ("1/s", 1.0),
    "1/s": ("1/s", 1.0),
    "/m": ("1/s", 1 / 60),
    "KiB": ("MiB", 1 / 1024),
    "MiB": ("MiB", 1.0),
    "GiB": ("MiB", 1024.0),
}
_MAX = 1e15


class GateError(ValueError):
    """A bound that can't be understood; the message says why, `hint` what to write."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def parse_gate(measurement: str, bound: str | float) -> Gate:
    """Returns a gate, for example of "<= 2s", ">= 50/s", "64MiB" or 3.

    Its unit is "s", "1/s", "MiB" or "1". A bare value has no operator: the measurement's better
    direction decides.

    Raises:
        GateError: It isn't an optional comparison, a number and an optional unit.
    """
    words = bound if isinstance(bound, str) else repr(bound)
    found = _TEXT.fullmatch(words)
    if found is None:
        raise GateError(
            f"{_clipped(words)} isn't a bound", 'write a bound like 2s, "<= 2s" or ">= 50/s"'
        )
    operator, number, unit = found.groups()
    if unit not in _UNITS:
        known = ", ".join(name for name in _UNITS if name)
        raise GateError(f"{_clipped(unit)} isn't a unit", f"known: {known}, or none")
    base, factor = _UNITS[unit]
    value = float(number) * factor
    if value > _MAX:
        raise GateError(f"{_clipped(words)} is too large", "nothing that is measured comes near")
    return Gate(
        measurement=measurement,
        operator=operator or "",
        bound=value,
        unit=base,
        text=words.strip(),
    )


def read_gate(measurement: str, written: str | float | dict[str, Any]) -> Gate:
    """Returns a gate as a target holds it: a bound, or a PromQL expression and its bound.

    Raises:
        GateError: The bound can't be understood, or one of a PromQL expression has no direction.
    """
    if not isinstance(written, dict):
        return parse_gate(measurement, written)
    gate = parse_gate(measurement, written["is"])
    if not gate.operator:
        raise GateError(
            f"{_clipped(gate.text)} has no direction",
            'write one like "< 1": nobody can know which way is better for an expression',
        )
    return msgspec.structs.replace(gate, promql=written["promql"])


def _clipped(words: str) -> str:
    shown = repr(words)
    return shown if len(shown) <= 40 else shown[:39] + "…"  # noqa: PLR2004 - a line's worth
