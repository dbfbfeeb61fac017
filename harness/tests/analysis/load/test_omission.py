"""Latencies from the intended time show a stall as the closed form says; a closed loop hides it."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analysis.load.omission import closed_loop, stall_quantile_s
from harness.analysis.load.percentiles import latency, nearest_rank
from harness.tests.analysis.load.queues import S, SimulatedOperator, constant


@pytest.mark.parametrize("drain_rate", [400, 1000, 100_000])
@pytest.mark.parametrize(("q", "tolerance"), [(0.99, 0.005), (0.999, 0.005)])
def test_a_stall_shows_in_the_percentiles_as_the_closed_form_says(
    drain_rate: int, q: float, tolerance: float
) -> None:
    operator = SimulatedOperator(workers=1, service_s=1 / drain_rate, stalls=[(20, 22)])
    due = constant(200, 60)
    found = latency("total", operator.serve(due) - due)
    assert found is not None
    percentile = found.at(q)
    assert percentile is not None
    expected = stall_quantile_s(q, stall_s=2, window_s=60, rate=200, drain_rate=drain_rate)
    assert percentile.ms / 1000 == pytest.approx(expected, rel=tolerance)


def test_a_stall_too_short_for_a_percentile_is_not_in_it() -> None:
    assert stall_quantile_s(0.5, stall_s=2, window_s=60, rate=200, drain_rate=400) == 0


def test_a_closed_loop_hides_the_stall_that_the_open_loop_shows() -> None:
    operator = SimulatedOperator(workers=10, service_s=0.01, stalls=[(20, 22)])
    due = constant(200, 60)
    done = operator.serve(due)
    hidden = closed_loop(due, due, done, users=10)
    assert len(hidden) < len(due) - 300  # what was due in the stall was never sent
    assert float(np.sort(hidden)[nearest_rank(0.99, len(hidden))]) / S < 0.02
    shown = latency("total", done - due)
    assert shown is not None
    p99 = shown.at(0.99)
    assert p99 is not None
    assert p99.ms > 1300
