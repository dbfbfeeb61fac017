"""When arrivals are due."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import UsageError
from harness.model.load import ArrivalProcess, Mix, Operation
from harness.stimulus.load.schedule import Schedule, Step, draw_operations, offsets

_S = 1_000_000_000


def drawn(schedule: Schedule, *, seed: int = 7, phase: int = 0) -> np.ndarray:
    return offsets(schedule, seed=seed, phase=phase)


def test_a_constant_rate_has_even_distances() -> None:
    due = drawn(Schedule.constant(200, 60))

    assert len(due) == 12_000
    assert set(np.diff(due).tolist()) == {5_000_000}
    assert due[0] == 0


def test_poisson_arrivals_have_the_mean_and_the_spread_of_exponential_distances() -> None:
    gaps = np.diff(drawn(Schedule.poisson(500, 200))) / _S

    assert gaps.mean() == pytest.approx(1 / 500, rel=0.02)
    assert gaps.std() == pytest.approx(1 / 500, rel=0.03)
    assert drawn(Schedule.poisson(500, 200))[-1] < 200 * _S


def test_the_same_seed_draws_the_same_and_another_phase_draws_others() -> None:
    schedule = Schedule.poisson(100, 5)

    assert drawn(schedule).tolist() == drawn(schedule).tolist()
    assert drawn(schedule).tolist() != drawn(schedule, phase=1).tolist()
    assert drawn(schedule).tolist() != drawn(schedule, seed=8).tolist()


def test_a_ramp_rises_evenly() -> None:
    due = drawn(Schedule.ramp(0, 100, 10)) / _S

    assert len(due) == 500
    halves = [int((due < 5).sum()), int((due >= 5).sum())]
    assert halves == [125, 375]  # the areas of the triangle
    assert due[-1] < 10


def test_a_ramp_may_fall_and_may_be_flat() -> None:
    assert drawn(Schedule.ramp(100, 0, 10))[-1] <= 10 * _S
    assert drawn(Schedule.ramp(50, 50, 2)).tolist() == drawn(Schedule.constant(50, 2)).tolist()


def test_steps_follow_each_other() -> None:
    due = drawn(Schedule.stepped(Step(rate_per_s=1, seconds=2), Step(rate_per_s=4, seconds=1)))

    assert (due / _S).tolist() == [0, 1, 2, 2.25, 2.5, 2.75]


def test_a_burst_is_due_at_once() -> None:
    assert drawn(Schedule.burst(3)).tolist() == [0, 0, 0]
    assert Schedule.burst(3).mean_rate_per_s is None


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule.constant(-1, 5),
        Schedule.poisson(float("nan"), 5),
        Schedule.constant(1e6, 1e6),
        Schedule(process=ArrivalProcess.STEP, steps=(Step(rate_per_s=1, seconds=float("inf")),)),
    ],
)
def test_refuses_what_cannot_be_drawn(schedule: Schedule) -> None:
    with pytest.raises(UsageError):
        drawn(schedule)


def test_nothing_arrives_at_a_rate_of_zero() -> None:
    assert len(drawn(Schedule.poisson(0, 5))) == 0
    assert len(drawn(Schedule.constant(0, 5))) == 0


def test_operations_have_the_shares_of_the_mix_exactly() -> None:
    mix = Mix(create=1, update=2, noop_update=0, delete=1)

    found = draw_operations(mix, 1_000, seed=1, phase=0)

    assert np.bincount(found, minlength=len(Operation)).tolist() == [250, 500, 0, 250]
    assert found.tolist() != sorted(found.tolist())


@pytest.mark.parametrize("mix", [Mix(create=0), Mix(create=1, delete=-1)])
def test_refuses_a_mix_without_a_share(mix: Mix) -> None:
    with pytest.raises(UsageError):
        draw_operations(mix, 10, seed=1, phase=0)
