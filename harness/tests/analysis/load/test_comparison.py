"""A slower build is found, an equal one isn't called slower, and the interval decides."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analysis.load.alarms import false_alarms
from harness.analysis.load.blocks import block, split
from harness.analysis.load.bootstrap import exact_rate
from harness.analysis.load.comparison import compare, compare_stored, gated
from harness.analysis.load.stored import compare_runs
from harness.analysis.load.sustain import StepStamps
from harness.model.comparison import (
    Block,
    Change,
    Comparison,
    Direction,
    StoredLoad,
    StoredPhase,
)
from harness.model.load import ArrivalProcess
from harness.model.verdict import Verdict
from harness.tests.analysis.load.queues import S, SimulatedOperator, constant

PAIRS = 10


def blocks(
    count: int, *, slower: float = 0.0, noise: float = 0.02, drift: float = 0.0, seed: int = 0
) -> list[Block]:
    """Blocks in the order in which they ran; the machine drifts by `drift` over all of them."""
    random = np.random.default_rng(seed)
    factor = (1 + slower) * np.exp(random.normal(0, noise, count))
    factor *= 1 + drift * np.arange(count) / count
    return [
        Block(p50_ms=20 * f, p99_ms=50 * f**2, throughput_per_s=100 / f) for f in factor.tolist()
    ]


def change(found: Comparison, name: str) -> Change:
    return next(item for item in found.changes if item.name == name)


def interleaved(
    *, slower: float, noise: float = 0.02, drift: float = 0.0, seed: int = 0
) -> Comparison:
    """A B B A: of each four blocks the first and the last are base."""
    run = blocks(2 * PAIRS, noise=noise, drift=drift, seed=seed)
    base, head = [], []
    for place, item in enumerate(run):
        if place % 4 in {0, 3}:
            base.append(item)
        else:
            f = 1 + slower
            head.append(
                Block(
                    p50_ms=item.p50_ms * f,
                    p99_ms=(item.p99_ms or 0) * f,
                    throughput_per_s=item.throughput_per_s / f,
                )
            )
    return compare(base, head)


def test_a_build_that_is_5_percent_slower_is_found_in_9_of_10_trials() -> None:
    found = [change(interleaved(slower=0.05, seed=seed), "p50") for seed in range(50)]
    assert sum(not item.passes for item in found) >= 45
    covered = sum(item.low <= 1.05 <= item.high for item in found)
    assert covered >= 44  # 95 % of 50 are 47.5


def test_equal_builds_are_called_worse_in_at_most_1_of_20_comparisons() -> None:
    calls = [interleaved(slower=0.0, seed=seed) for seed in range(400)]
    for name in ("p50", "throughput"):
        assert sum(not change(found, name).passes for found in calls) <= 20


def test_drift_of_the_machine_is_not_a_difference_of_the_builds() -> None:
    found = change(interleaved(slower=0.0, drift=0.5, noise=0.002), "p50")
    assert found.direction is Direction.SAME
    assert found.ratio == pytest.approx(1, abs=0.01)


def test_throughput_that_falls_is_worse_and_latency_that_falls_is_better() -> None:
    worse, better = interleaved(slower=0.2), interleaved(slower=-0.2)
    assert {item.name: item.direction for item in worse.changes} == dict.fromkeys(
        ("p50", "p99", "throughput"), Direction.WORSE
    )
    assert {item.direction for item in better.changes} == {Direction.BETTER}
    assert better.passes
    assert change(better, "p50").worse_by < 0
    assert change(worse, "throughput").worse_by == pytest.approx(0.2, abs=0.05)


def test_what_is_allowed_to_become_worse_passes() -> None:
    base, head = blocks(PAIRS, seed=1), blocks(PAIRS, slower=0.05, seed=2)
    assert not change(compare(base, head), "p50").passes
    assert change(compare(base, head, allowed=0.10), "p50").passes


def test_a_worsening_that_is_proven_counts_though_another_gated_figure_is_lacking() -> None:
    worse, same = interleaved(slower=0.5), interleaved(slower=0.0)
    gates = {"p50": 0.05, "cpu_per_reconcile": 0.05}
    assert gated(worse, gates).verdict is Verdict.FAIL
    found = gated(same, {**gates, "p50": 0.5})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.lacking == (
        "cpu_per_reconcile is gated, but the operator's metrics don't tell it in every block",
    )


def test_the_smallest_detectable_change_is_what_is_found_in_4_of_5_trials() -> None:
    shown = np.median(
        [change(interleaved(slower=0.0, seed=s), "p50").detectable for s in range(40)]
    )
    found = [change(interleaved(slower=float(shown), seed=seed), "p50") for seed in range(200)]
    assert 0.7 <= np.mean([item.direction is Direction.WORSE for item in found]) <= 0.92


def test_two_stored_runs_are_weaker_and_say_so() -> None:
    found = compare_stored(blocks(12, seed=1), blocks(15, slower=0.3, seed=2))
    assert not found.interleaved
    assert "between them" in found.caveat
    assert {item.direction for item in found.changes} == {Direction.WORSE}
    drifting = compare_stored(blocks(12, seed=1), blocks(12, slower=0.1, seed=2))
    assert not drifting.passes  # a slower machine, for example: that is the caveat


def test_a_stored_run_whose_measurement_broke_decides_nothing() -> None:
    def stored(run: str, *problems: str) -> StoredLoad:
        phase = StoredPhase(
            name="steady",
            rate_per_s=20.0,
            process=ArrivalProcess.POISSON,
            mix=(1.0, 0.0, 0.0, 0.0),
            blocks=tuple(blocks(12)),
            arrivals=240,
            unfinished=0,
            limit="",
            note="",
        )
        return StoredLoad(run=run, ways={}, machine={}, phases=(phase,), problems=problems)

    gates = {"p50": 0.5}
    (sound,) = compare_runs(stored("a"), stored("b"), gates)
    assert sound.verdict is Verdict.PASS
    (broken,) = compare_runs(stored("a", "a clock is wrong"), stored("b"), gates)
    assert broken.verdict is Verdict.INCONCLUSIVE
    assert broken.doubts == ("the measurement of a broke: a clock is wrong",)


def test_alarms_of_equal_builds_are_counted_on_resampled_blocks() -> None:
    found = false_alarms(blocks(60, drift=0.1, seed=3), pairs=PAIRS)
    assert found["worse"].trials == 2000
    assert found["worse"].high <= 0.05
    assert found["better"].high <= 0.05


def test_too_few_or_unpaired_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 4 pairs"):
        compare(blocks(3), blocks(3))
    with pytest.raises(ValueError, match="one of each build"):
        compare(blocks(5), blocks(6))


def test_a_rate_has_its_exact_interval() -> None:
    none, all_ = exact_rate(0, 20), exact_rate(20, 20)
    assert (none.low, all_.high) == (0, 1)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert all_.low == pytest.approx(0.025 ** (1 / 20))
    some = exact_rate(5, 100)
    assert some.share == 0.05
    assert some.low == pytest.approx(0.0164, abs=1e-4)
    assert some.high == pytest.approx(0.1128, abs=1e-4)


def test_a_long_phase_is_cut_into_blocks_of_equal_time() -> None:
    due = constant(100, 60)
    done = SimulatedOperator(workers=4, service_s=0.02).serve(due)
    stamps = StepStamps(
        start_ns=0,
        end_ns=60 * S,
        intended_ns=due,
        sent_ns=due,
        done_ns=done,
        fate=np.zeros(len(due), np.int8),
    )
    found = split(stamps)
    assert len(found) == 12
    assert {round(item.p50_ms) for item in found} == {20}
    whole = block(stamps)
    assert whole is not None
    assert whole.throughput_per_s == pytest.approx(100, rel=0.01)
