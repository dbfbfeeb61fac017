"""Bounds are brought to one unit a quantity; what was written is kept."""

from __future__ import annotations

import pytest

from harness.targets.gates import GateError, parse_gate, read_gate


@pytest.mark.parametrize(
    ("written", "operator", "bound", "unit"),
    [
        ("2s", "", 2.0, "s"),
        ("<= 2s", "<=", 2.0, "s"),
        (" < 1.5 ms ", "<", 0.0015, "s"),
        ("250us", "", 0.00025, "s"),
        (">1m", ">", 60.0, "s"),
        ("2h", "", 7200.0, "s"),
        (">= 50/s", ">=", 50.0, "1/s"),
        (">= 50 1/s", ">=", 50.0, "1/s"),
        ("30/m", "", 0.5, "1/s"),
        ("64MiB", "", 64.0, "MiB"),
        ("512 KiB", "", 0.5, "MiB"),
        ("<2GiB", "<", 2048.0, "MiB"),
        ("3", "", 3.0, "1"),
        (3, "", 3.0, "1"),
        (0.5, "", 0.5, "1"),
        ("1e2", "", 100.0, "1"),
    ],
)
def test_a_bound_has_a_comparison_a_number_and_a_unit(
    written: str | float, operator: str, bound: float, unit: str
) -> None:
    gate = parse_gate("knee", written)
    assert (gate.operator, gate.unit, gate.measurement) == (operator, unit, "knee")
    assert gate.bound == pytest.approx(bound)
    assert gate.text == str(written).strip()


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("", "'' isn't a bound", "write a bound like"),
        ("fast", "'fast' isn't a bound", "write a bound like"),
        ("-1s", "'-1s' isn't a bound", "write a bound like"),
        (-1, "'-1' isn't a bound", "write a bound like"),
        ("== 2s", "'== 2s' isn't a bound", "write a bound like"),
        ("2s 3s", "'2s 3s' isn't a bound", "write a bound like"),
        ("2S", "'S' isn't a unit", "known: us, ms, s"),
        ("2 MB", "'MB' isn't a unit", "MiB"),
        ("9e99", "'9e99' is too large", "nothing that is measured"),
        ("9" * 400, "is too large", "nothing"),
        ("x" * 400, "…", "write a bound like"),
    ],
)
def test_another_text_is_refused_with_what_to_write(
    written: str | float, message: str, hint: str
) -> None:
    with pytest.raises(GateError) as caught:
        parse_gate("knee", written)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 80
    assert hint in caught.value.hint


def test_a_bound_on_a_promql_expression_keeps_the_expression() -> None:
    gate = read_gate("queue", {"promql": "max(workqueue_depth)", "is": "< 100"})
    assert (gate.measurement, gate.operator, gate.bound) == ("queue", "<", 100)
    assert gate.promql == "max(workqueue_depth)"


def test_a_bound_on_a_promql_expression_needs_a_direction() -> None:
    with pytest.raises(GateError, match="has no direction"):
        read_gate("queue", {"promql": "max(workqueue_depth)", "is": "100"})
