"""A step is sustained or not, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.analysis.load.join import NEVER, Fate
from harness.analysis.load.sustain import Limits, StepStamps, in_flight, sustained
from harness.model.loadresult import StepState, Sustainability
from harness.tests.analysis.load.queues import S, SimulatedOperator, constant

if TYPE_CHECKING:
    from collections.abc import Sequence


def step(
    operator: SimulatedOperator,
    rate: float,
    *,
    seconds: float = 6,
    late_ms: float = 0,
    hiccups: Sequence[int] = (),
    dropped: int = 0,
    failed: int = 0,
    limits: Limits | None = None,
    others: tuple[float, int] | None = None,
) -> Sustainability:
    due = constant(rate, seconds)
    sent = due + int(late_ms * 1e6)
    sent[list(hiccups)] += S // 10
    fate = np.zeros(len(due), np.int8)
    fate[len(due) // 2 : len(due) // 2 + dropped] = Fate.DROPPED
    fate[:failed] = Fate.ERROR
    good = fate == Fate.DONE
    done = np.full(len(due), NEVER)
    done[good] = operator.serve(sent[good])
    stamps = StepStamps(
        start_ns=0,
        end_ns=int(seconds * S),
        intended_ns=due,
        sent_ns=sent,
        done_ns=done,
        fate=fate,
        others=others,
    )
    return sustained(stamps, rate_per_s=rate, limits=limits)


def operator(**changes: object) -> SimulatedOperator:
    """100/s."""
    return SimulatedOperator(**{"workers": 4, "service_s": 0.04, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [10, 50, 95])
def test_a_rate_below_the_capacity_is_sustained(rate: float) -> None:
    found = step(operator(), rate)
    assert found.state is StepState.SUSTAINED
    assert found.reasons == ()
    assert found.completed_per_s == pytest.approx(rate, rel=0.03)


@pytest.mark.parametrize("rate", [110, 150, 400])
def test_a_rate_above_the_capacity_is_not_and_the_reasons_say_what_was_missed(rate: float) -> None:
    found = step(operator(), rate)
    assert found.state is StepState.FAILED
    assert "arrivals were completed" in found.reasons[0]
    assert "arrivals in flight grew by" in found.reasons[1]
    assert found.completed_per_s == pytest.approx(100, rel=0.03)
    assert found.clear == (rate > 111)


def test_a_slow_operator_with_room_is_sustained_while_its_first_arrivals_are_open() -> None:
    assert step(operator(workers=400, service_s=0.9), 100).state is StepState.SUSTAINED


def test_a_short_pause_at_the_very_end_is_no_overload_and_a_long_one_is() -> None:
    paused = step(operator(workers=2, service_s=0.045, stalls=[(9.75, 10)]), 25, seconds=10)
    assert (paused.state, paused.ratio < 0.98) == (StepState.SUSTAINED, True)
    stood = operator(workers=2, service_s=0.045, stalls=[(8, 10)])
    assert step(stood, 25, seconds=10).state is StepState.FAILED


def test_a_p99_above_the_limit_is_not_sustained() -> None:
    found = step(operator(), 50, limits=Limits(p99_ms=30))
    assert found.reasons == ("p99 was 40 ms, above the limit of 30 ms",)
    assert found.state is StepState.FAILED


def test_failed_requests_are_not_sustained() -> None:
    assert step(operator(), 50, failed=2).reasons == ("2 requests failed",)


def test_dropped_or_late_arrivals_say_that_the_generator_was_the_limit_never_the_operator() -> None:
    late = step(operator(), 300, late_ms=60)
    dropped = step(operator(), 300, dropped=3)
    assert late.state is dropped.state is StepState.GENERATOR_LIMITED
    assert late.reasons[0] == "the generator sent late: p99 60 ms, above 50 ms"
    assert dropped.reasons[0] == "the generator dropped 3 arrivals"


def test_one_late_arrival_of_few_does_not_make_an_overload_the_generators() -> None:
    slow = operator(workers=1, service_s=1.0)
    assert step(slow, 4, seconds=18, hiccups=[7]).state is StepState.FAILED
    assert step(slow, 4, seconds=18, hiccups=[7, 40]).state is StepState.GENERATOR_LIMITED


def test_a_failure_beside_other_work_says_nothing_of_the_operator() -> None:
    found = step(operator(), 110, others=(0.9, 2))
    assert found.state is StepState.GENERATOR_LIMITED
    assert found.reasons[0] == "other work on this machine used 0.90 of its 2 cores"
    assert step(operator(), 110, others=(0.3, 2)).state is StepState.FAILED


def test_what_is_sustained_beside_other_work_is_sustained() -> None:
    assert step(operator(), 50, others=(1.5, 2)).state is StepState.SUSTAINED


def test_arrivals_in_flight_are_those_due_and_neither_done_nor_failed() -> None:
    stamps = StepStamps(
        start_ns=0,
        end_ns=10,
        intended_ns=np.array([0, 2, 4, 6]),
        sent_ns=np.array([0, 2, 4, 6]),
        done_ns=np.array([3, NEVER, NEVER, 7]),
        fate=np.array([Fate.DONE, Fate.IN_FLIGHT, Fate.ERROR, Fate.DONE], np.int8),
    )
    assert in_flight(stamps, np.array([0, 2, 3, 5, 6, 7])).tolist() == [1, 2, 1, 1, 2, 1]
