"""Stage 6: gates, each a bound on a measurement."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from harness.model.digits import digits
from harness.model.measurement import GateResult, Measurement
from harness.model.target import Gate

__all__ = ["hold"]

_COMPARE: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)
_UNITS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "ns": ("time", 1e-9),
        "us": ("time", 1e-6),
        "µs": ("time", 1e-6),
        "ms": ("time", 1e-3),
        "s": ("time", 1.0),
        "m": ("time", 60.0),
        "min": ("time", 60.0),
        "h": ("time", 3600.0),
        "B": ("memory", 1.0),
        "KiB": ("memory", 2.0**10),
        "MiB": ("memory", 2.0**20),
        "GiB": ("memory", 2.0**30),
        "kB": ("memory", 1e3),
        "MB": ("memory", 1e6),
        "GB": ("memory", 1e9),
        "1/s": ("rate", 1.0),
        "/s": ("rate", 1.0),
        "1/min": ("rate", 1 / 60),
        "/min": ("rate", 1 / 60),
        "1": ("count", 1.0),
        "%": ("count", 0.01),
    }
)
"""Dimension, and what one of it is in the dimension's base."""


def hold(
    gates: Sequence[Gate],
    measurements: Sequence[Measurement],
    *,
    unanswered: Mapping[str, str] = MappingProxyType({}),
) -> tuple[GateResult, ...]:
    """Holds each gate against its measurement.

    Where several subjects were measured, the worst one decides. A gate whose measurement isn't
    there, or is in a unit of another dimension, can't be decided: never met, never broken.

    Args:
        gates: Of the target.
        measurements: All of the run.
        unanswered: Why a measurement that was asked for isn't there, by its name.
    """
    return tuple(_held(gate, measurements, unanswered) for gate in gates)


def _held(
    gate: Gate, measurements: Sequence[Measurement], unanswered: Mapping[str, str]
) -> GateResult:
    candidates = [item for item in measurements if item.name == gate.measurement]
    if not candidates:
        reason = unanswered.get(gate.measurement) or _unmeasured(gate, measurements)
        return GateResult(gate=gate, met=None, measured=None, reason=reason)
    sign = gate.operator or (">=" if candidates[0].direction == "higher" else "<=")
    worst = min if sign.startswith(">") else max
    measured = worst(candidates, key=lambda item: item.value)
    value = _convert(measured.value, measured.unit, gate.unit)
    if value is None:
        reason = f"{gate.measurement} is measured in {measured.unit}, the gate is in {gate.unit}"
        return GateResult(gate=gate, met=None, measured=measured, reason=reason)
    met = _COMPARE[sign](value, gate.bound)
    unit = gate.unit or measured.unit
    about = f" ({measured.subject})" if measured.subject else ""
    found = f"{gate.measurement}{about} is {digits(value)} {unit} (n {measured.n})"
    if measured.at_least and met is not sign.startswith(">"):
        reason = f"{found} or more, which leaves {sign} {gate.bound:g} {unit} open"
        return GateResult(gate=gate, met=None, measured=measured, reason=reason)
    reason = f"{found}, which is {'within' if met else 'not within'} {sign} {gate.bound:g} {unit}"
    return GateResult(gate=gate, met=met, measured=measured, reason=reason)


def _unmeasured(gate: Gate, measurements: Sequence[Measurement]) -> str:
    stem = gate.measurement.rpartition("_")[0]
    kin = [item for item in measurements if stem and item.name.rpartition("_")[0] == stem]
    if not kin:
        return f"{gate.measurement} was not measured in this run"
    known = ", ".join(f"{item.name} (n {item.n})" for item in kin)
    return f"{gate.measurement} was not measured in this run; there is {known}"


def _convert(value: float, unit: str, wanted: str) -> float | None:
    """Returns a value in another unit; None where the dimensions differ."""
    if not wanted or wanted == unit:
        return value
    here, there = _UNITS.get(unit), _UNITS.get(wanted)
    if here is None or there is None or here[0] != there[0]:
        return None
    return value * here[1] / there[1]
