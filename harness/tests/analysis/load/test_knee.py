"""The search finds the capacity of operators whose capacity is known."""

from __future__ import annotations

from itertools import pairwise

import pytest

from harness.analysis.load.knee import KneeSettings
from harness.model.load import PhaseRole
from harness.model.loadresult import KneeState, StepState
from harness.tests.analysis.load.queues import SimulatedOperator, search

SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("workers", "service_s", "noise"), [(1, 0.04, 0.0), (1, 0.005, 0.1), (4, 0.03, 0.3)]
)
def test_the_knee_is_within_10_percent_of_the_capacity_in_4_minutes(
    seed: int, workers: int, service_s: float, noise: float
) -> None:
    service = service_s * (1 + 0.13 * seed)
    operator = SimulatedOperator(workers=workers, service_s=service, noise=noise, seed=seed)
    knee, _ = search(operator, seed=seed)
    assert knee.state is KneeState.CONFIRMED
    assert knee.per_s == pytest.approx(operator.capacity, rel=0.10)
    assert knee.low is not None
    assert knee.high is not None
    assert 0.97 * knee.low <= operator.capacity <= 1.05 * knee.high
    assert knee.seconds <= 240


@pytest.mark.parametrize("seed", SEEDS)
def test_short_pauses_of_the_operator_dont_move_the_knee(seed: int) -> None:
    stalls = [(at, at + 0.3) for at in range(3 + seed, 300, 29)]
    operator = SimulatedOperator(workers=4, service_s=0.04, noise=0.1, stalls=stalls, seed=seed)
    knee, _ = search(operator, seed=seed)
    assert knee.per_s == pytest.approx(operator.capacity, rel=0.10)


def test_the_reason_names_what_failed_above_the_knee() -> None:
    knee, taken = search(SimulatedOperator(workers=1, service_s=0.01))
    assert knee.high == min(
        item.step.rate_per_s for item in taken if item.outcome.state is StepState.FAILED
    )
    assert f"at {knee.high:.4g}/s " in knee.reason
    assert "arrivals were completed" in knee.reason or "grew" in knee.reason


def test_it_doubles_then_bisects_then_confirms_by_a_plateau() -> None:
    _, taken = search(SimulatedOperator(workers=1, service_s=0.01))
    names = [item.step.name.rpartition("-")[0] for item in taken]
    assert names[0] == "warm"
    assert names[1:] == sorted(names[1:], key=["bracket", "bisect", "plateau"].index)
    rates = [item.step.rate_per_s for item in taken if item.step.name.startswith("bracket")]
    assert all(after == pytest.approx(2 * before) for before, after in pairwise(rates))
    assert taken[-1].step.role is PhaseRole.PLATEAU
    assert taken[-1].step.seconds >= 30


def test_it_halves_where_even_the_first_rate_is_too_much() -> None:
    operator = SimulatedOperator(workers=1, service_s=0.2)
    knee, _ = search(operator, KneeSettings(start=50))
    assert knee.per_s == pytest.approx(5, rel=0.10)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_slow_operator_gets_enough_arrivals_and_no_endless_steps(seed: int) -> None:
    operator = SimulatedOperator(workers=1, service_s=0.45, noise=0.1, seed=seed)
    knee, taken = search(operator, seed=seed)
    assert knee.state is KneeState.CONFIRMED
    assert knee.per_s == pytest.approx(operator.capacity, rel=0.15)
    search_steps = [item.step for item in taken if item.step.role is PhaseRole.SEARCH]
    assert all(step.seconds <= 30 for step in search_steps)
    assert all(step.rate_per_s * step.seconds >= 40 for step in search_steps)


def test_what_comes_after_a_step_counts_as_its_time() -> None:
    operator = SimulatedOperator(workers=1, service_s=0.01)
    knee, taken = search(operator)
    failed = [item for item in taken[:-1] if item.outcome.clear]
    assert failed
    assert all(item.seconds > item.step.seconds for item in failed)
    assert knee.seconds == pytest.approx(sum(item.seconds for item in taken))


def test_a_generator_that_is_the_limit_gives_a_lower_bound_never_a_low_knee() -> None:
    operator = SimulatedOperator(workers=64, service_s=0.01)
    knee, _ = search(operator, generator_limit=300)
    assert knee.state is KneeState.GENERATOR_LIMITED
    assert knee.per_s is not None
    assert 250 < knee.per_s <= 300
    assert knee.high is None
    assert "no more could be judged: the generator dropped" in knee.reason


def test_an_operator_that_sustains_the_highest_rate_has_at_least_that() -> None:
    operator = SimulatedOperator(workers=64, service_s=0.001)
    knee, _ = search(operator, KneeSettings(most=100))
    assert (knee.state, knee.high) == (KneeState.AT_LEAST, None)
    assert knee.per_s == pytest.approx(100)


def test_an_operator_that_sustains_nothing_has_its_knee_below_the_lowest_rate() -> None:
    operator = SimulatedOperator(workers=1, service_s=1.0)
    knee, _ = search(operator, KneeSettings(start=40, least=30))
    assert (knee.state, knee.per_s) == (KneeState.BELOW, None)


def test_time_that_runs_out_leaves_it_inconclusive_with_what_was_found() -> None:
    knee, _ = search(SimulatedOperator(workers=1, service_s=0.01), KneeSettings(budget_s=60))
    assert knee.state is KneeState.INCONCLUSIVE
    assert knee.low is not None
    assert knee.high is not None
    assert knee.low <= 100 <= knee.high
    assert knee.seconds <= 60
