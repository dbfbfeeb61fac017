"""Gates: bounds held against measurements."""

from __future__ import annotations

import pytest

from harness.model.measurement import GateResult, Measurement
from harness.model.target import Gate
from harness.verdict.gates import hold


def measurement(value: float, unit: str = "ms", **more: object) -> Measurement:
    fields = {"name": "latency_max", "n": 3, "method": "by hand", **more}
    return Measurement(value=value, unit=unit, **fields)  # type: ignore[arg-type]  # as named


def held(bound: float, unit: str, sign: str, *measured: Measurement) -> GateResult:
    gate = Gate(measurement="latency_max", operator=sign, bound=bound, unit=unit, text="x")
    return hold([gate], measured)[0]


@pytest.mark.parametrize(
    ("value", "sign", "met"),
    [
        (1999, "<", True),
        (2000, "<", False),
        (2000, "<=", True),
        (2001, "<=", False),
        (2001, ">", True),
        (2000, ">", False),
        (2000, ">=", True),
        (1999, ">=", False),
    ],
)
def test_a_measurement_meets_its_bound_or_not_in_any_unit(
    value: float,
    sign: str,
    met: bool,  # noqa: FBT001 - a table
) -> None:
    assert held(2, "s", sign, measurement(value)).met is met


def test_a_bare_value_takes_the_better_direction() -> None:
    assert held(2, "s", "", measurement(1000)).met is True
    assert held(2, "s", "", measurement(1000, direction="higher")).met is False


@pytest.mark.parametrize(
    ("value", "sign", "met"),
    [(3000, ">=", True), (1000, ">=", None), (3000, "<=", False), (1000, "<=", None)],
)
def test_a_lower_bound_of_the_truth_decides_only_what_more_can_t_change(
    value: float, sign: str, met: object
) -> None:
    result = held(2, "s", sign, measurement(value, at_least=True))

    assert result.met is met
    assert ("or more, which leaves" in result.reason) is (met is None)


def test_the_reason_has_value_n_and_bound() -> None:
    result = held(2, "s", "<=", measurement(2412.4))

    assert result.reason == "latency_max is 2.41 s (n 3), which is not within <= 2 s"
    assert held(9, "", "<=", measurement(1234.5)).reason == (
        "latency_max is 1234 ms (n 3), which is not within <= 9 ms"
    )


def test_the_worst_subject_decides() -> None:
    measured = (measurement(1, subject="a"), measurement(9, subject="b"))

    assert held(5, "ms", "<=", *measured).reason.startswith("latency_max (b) is 9 ms")
    assert held(5, "ms", ">=", *measured).reason.startswith("latency_max (a) is 1 ms")


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "bound"),
    [
        (1, "MiB", "KiB", 1024),
        (60, "1/min", "1/s", 1),
        (5, "%", "1", 0.05),
        (1, "h", "min", 60),
    ],
)
def test_units_of_one_dimension_are_converted(
    value: float, unit: str, wanted: str, bound: float
) -> None:
    assert held(bound * 1.001, wanted, "<=", measurement(value, unit)).met is True
    assert held(bound * 0.999, wanted, "<=", measurement(value, unit)).met is False


@pytest.mark.parametrize("unit", ["MiB", "furlong"])
def test_another_dimension_decides_nothing(unit: str) -> None:
    result = held(2, unit, "<=", measurement(1))

    assert result.met is None
    assert result.reason == f"latency_max is measured in ms, the gate is in {unit}"


def test_what_was_not_measured_decides_nothing() -> None:
    result = held(2, "s", "<=", measurement(1, name="other"))

    assert result.met is None
    assert result.measured is None
    assert result.reason == "latency_max was not measured in this run"


def test_what_was_not_measured_names_its_kin() -> None:
    result = held(2, "s", "<=", measurement(1, name="latency_median"))

    assert result.reason == (
        "latency_max was not measured in this run; there is latency_median (n 3)"
    )
