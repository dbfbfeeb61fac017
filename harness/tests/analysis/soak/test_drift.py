"""Does it become slower, or fail more, the longer it runs?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.analysis import judge, load_questions
from harness.analysis.soak.drift import cycle_loads, drifts
from harness.evidence.ndjson import NdjsonWriter
from harness.model.findings import Status
from harness.model.load import PhaseRole
from harness.model.soak import Plateau
from harness.model.soakresult import CycleLoad, LeakVerdict
from harness.tests.analysis.load.queues import SimulatedOperator
from harness.tests.analysis.load.recording import LoadedRun
from harness.tests.analysis.recording import at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.tests.analysis.recording import Recording

CYCLES = 20
RATE, SECONDS = 20.0, 5.0
EACH = int(RATE * SECONDS)
STRIDE = EACH + 1
"""Arrivals of a cycle, with the one that stands for its deletes."""


def soak(
    recording: Recording,
    service_s: Callable[[int], float] = lambda _: 0.02,
    *,
    cycles: int = CYCLES,
    forget: Iterable[int] = (),
    refuse: Iterable[int] = (),
) -> None:
    """Records a soak of creates; what `forget` numbers is never ready."""
    load = LoadedRun(recording.run, SimulatedOperator(workers=2, service_s=0.02))
    writer = NdjsonWriter(recording.run.plateaus_file)
    for cycle in range(cycles):
        noise = 0.000005 * (cycle * 7919 % 41 - 20)
        load._operator = SimulatedOperator(workers=2, service_s=service_s(cycle) + noise)
        name = f"cycle-{cycle + 1}"
        load.constant(RATE, SECONDS, name=f"{name}-create", role=PhaseRole.CYCLE)
        load.constant(1.0, 1.0, name=f"{name}-delete", role=PhaseRole.CLEAR)
        writer.write(
            Plateau(
                cycle=cycle, workload="manager", stamp=at(10.0 * cycle), pid=1, values={}, cpu_s=0.0
            )
        )
    writer.close()
    load.write(forget=forget, refuse=refuse)


def test_each_cycle_has_its_exact_latencies_and_throughput(recording: Recording) -> None:
    soak(recording, cycles=2)
    first, second = cycle_loads(recording.evidence)
    assert (first.cycle, second.cycle) == (1, 2)
    assert first.arrivals == EACH
    assert first.p50_ms == pytest.approx(22.9, abs=0.01)
    assert first.per_s == pytest.approx(RATE, rel=0.02)
    assert first.failures == 0


def test_a_steady_operator_drifts_by_no_more_than_is_said(recording: Recording) -> None:
    soak(recording)
    assert judge("SOA-102", recording.evidence, None).status is Status.PASS
    assert judge("SOA-103", recording.evidence, None).status is Status.PASS


def test_latency_that_rises_with_the_cycles_is_found_with_its_amount(recording: Recording) -> None:
    soak(recording, lambda cycle: 0.02 + 0.0005 * cycle)
    outcome = judge("SOA-102", recording.evidence, None)
    assert outcome.status is Status.FAIL
    assert "latency p50 drifts: it rose by 8.51 ms over 17 cycles" in outcome.findings[0].title


def test_failures_that_become_more_are_found(recording: Recording) -> None:
    forgotten = [
        STRIDE * cycle + number for cycle in range(CYCLES) for number in range(0, 2 * cycle, 2)
    ]
    soak(recording, refuse=forgotten)
    outcome = judge("SOA-103", recording.evidence, None)
    assert outcome.status is Status.FAIL
    (found,) = (item for item in outcome.findings if item.subject == "failures")
    assert "failures drifts: it rose by 17.00% over 17 cycles" in found.title


def test_what_is_done_only_with_its_deletion_was_not_done(recording: Recording) -> None:
    soak(recording, cycles=2, forget=[0, 1, STRIDE])
    assert [item.unconverged for item in cycle_loads(recording.evidence)] == [2, 1]


def test_few_cycles_leave_it_open(recording: Recording) -> None:
    soak(recording, lambda cycle: 0.02 + 0.005 * cycle, cycles=8)
    outcome = judge("SOA-102", recording.evidence, None)
    assert outcome.status is Status.NOT_VERIFIED
    assert "8 cycles are too few" in outcome.reason
    assert not load_questions(recording.evidence)


def loads(per_s: Callable[[int], float]) -> list[CycleLoad]:
    return [
        CycleLoad(
            cycle=cycle + 1,
            end_s=10.0 * cycle,
            arrivals=100,
            errors=0,
            unconverged=0,
            p50_ms=20.0 + cycle % 3 * 0.1,
            p99_ms=40.0 + cycle % 5 * 0.2,
            per_s=per_s(cycle) + 0.05 * (cycle * 7919 % 7),
        )
        for cycle in range(CYCLES)
    ]


def test_throughput_that_falls_is_a_drift_and_one_that_rises_is_none() -> None:
    (falls,) = (x for x in drifts(loads(lambda cycle: 60.0 - cycle)) if x.name == "throughput")
    (rises,) = (x for x in drifts(loads(lambda cycle: 60.0 + cycle)) if x.name == "throughput")
    assert falls.verdict is LeakVerdict.LEAK
    assert "fell by 17" in falls.sentence
    assert falls.slope < 0
    assert falls.low <= falls.slope <= falls.high
    assert rises.verdict is LeakVerdict.NO_LEAK
