"""What a phase shows, from the files of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.analysis.load.join import join
from harness.analysis.load.phases import Stamped, phase_result, rows_by_phase
from harness.model.load import ArrivalProcess, EventType, Operation, PhaseRole
from harness.tests.analysis.load.queues import S, SimulatedOperator, constant
from harness.tests.analysis.load.recording import Recording, phase

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.load import LoadPhase
    from harness.model.loadresult import PhaseResult

MS = 1_000_000


def shown(load: Recording, of: LoadPhase, until_s: float = 100) -> PhaseResult:
    arrivals, events = load.read()
    stamped = Stamped(arrivals, join(arrivals, events), int(until_s * S))
    return phase_result(stamped, rows_by_phase(arrivals, [of])[of.index], of, run_start_ns=0)


def served(load: Recording, operator: SimulatedOperator, rate: float, seconds: float) -> int:
    """Notes creates at a constant rate, each with its echo and its ready event."""
    due = constant(rate, seconds)
    done = operator.serve(due + 3 * MS)
    events = []
    for number, (at, end) in enumerate(zip(due / MS, done / MS, strict=True)):
        load.arrival(number, uid=number + 1, object=number, due=at, sent=at + 1)
        events += [(at + 3.5, number, False), (end, number, True)]
    for at, number, ready in sorted(events):
        load.event(at, uid=number + 1, object=number, done=ready)
    return len(due)


def test_every_arrival_has_exactly_one_fate(tmp_path: Path) -> None:
    load = Recording(tmp_path)
    statuses = [201, 201, 409, -1, -2, -3, 0, 201]
    for number, status in enumerate(statuses):
        load.arrival(number, uid=number + 1, object=number, status=status)
    load.event(5, uid=1, done=True)
    load.event(6, uid=2, object=1, generation=2, done=True)
    found = shown(load, phase(arrivals=8)).arrived
    assert (found.done, found.in_flight, found.errors, found.dropped) == (2, 1, 4, 1)
    assert (found.lost, found.collapsed) == (1, 1)
    assert found.conserved


def test_a_missing_or_a_repeated_row_breaks_the_conservation(tmp_path: Path) -> None:
    load = Recording(tmp_path)
    load.arrival(0)
    load.arrival(1, uid=2)
    assert shown(load, phase(arrivals=2)).arrived.conserved
    missing = shown(load, phase(arrivals=3)).arrived
    assert (missing.unaccounted, missing.conserved) == (1, False)
    load.arrival(1, uid=2, worker="1")
    repeated = shown(load, phase(arrivals=2)).arrived
    assert (repeated.duplicates, repeated.conserved) == (1, False)


def test_of_a_phase_that_was_cut_short_only_what_was_sent_counts(tmp_path: Path) -> None:
    load = Recording(tmp_path)
    load.arrival(0)
    found = shown(load, phase(arrivals=500, note="interrupted")).arrived
    assert (found.arrivals, found.conserved) == (1, True)


def test_what_is_passed_by_no_farther_than_others_were_is_backlog(tmp_path: Path) -> None:
    load = Recording(tmp_path)
    order = [1, 0, 3, 2, 5, 4, 7, 6, 9]  # neighbours change places; 8 isn't done
    for number in range(10):
        load.arrival(number, uid=number + 1, object=number, due=10 * number)
    for place, number in enumerate(order):
        load.event(500 + place, uid=number + 1, object=number, done=True)
    found = shown(load, phase(arrivals=10)).arrived
    assert (found.in_flight, found.overtaken) == (1, 0)


def test_what_is_passed_by_farther_than_any_other_is_forgotten(tmp_path: Path) -> None:
    load = Recording(tmp_path)
    order = [1, 0, 3, 2, 5, 6, 7, 8, 9]  # 4 isn't done
    for number in range(10):
        load.arrival(number, uid=number + 1, object=number, due=10 * number)
    for place, number in enumerate(order):
        load.event(500 + place, uid=number + 1, object=number, done=True)
    found = shown(load, phase(arrivals=10)).arrived
    assert (found.in_flight, found.overtaken) == (1, 1)


def test_the_latencies_lie_between_the_stamps(tmp_path: Path) -> None:
    load = Recording(tmp_path)
    load.arrival(0, due=10, sent=11, acknowledged=14)
    load.event(15)
    load.event(40, done=True)
    found = shown(load, phase(arrivals=1))
    means = {item.name: item.mean_ms for item in found.operations[0].latencies}
    assert means == {"total": 30, "send lag": 1, "API write": 3, "reconcile": 25, "echo lag": 1}


def test_operations_are_told_apart_and_writes_that_change_nothing_dont_dilute(
    tmp_path: Path,
) -> None:
    load = Recording(tmp_path)
    load.arrival(0, due=0)
    load.event(10, done=True)
    load.arrival(1, operation=Operation.UPDATE, generation=2, due=20, status=200)
    load.event(22, generation=2)
    load.event(50, generation=2, done=True)
    load.arrival(2, operation=Operation.NOOP_UPDATE, generation=2, due=60, status=200)
    load.arrival(3, operation=Operation.DELETE, due=70, status=200)
    load.event(90, generation=2, type=EventType.DELETED)
    found = shown(load, phase(arrivals=4))
    totals = {x.operation: (x.latencies[0].n, x.latencies[0].mean_ms) for x in found.operations}
    assert totals == {
        "converge": (2, 20),
        "create": (1, 10),
        "update": (1, 30),
        "delete": (1, 20),
        "no-op update": (1, 2),
    }
    assert found.arrived.unchanged == 1


def test_a_steady_phase_says_how_fast_and_holds_littles_law(tmp_path: Path) -> None:
    load = Recording(tmp_path)
    count = served(load, SimulatedOperator(workers=4, service_s=0.02, noise=0.5), 100, 5)
    found = shown(load, phase(end=5, arrivals=count, rate=100))
    assert found.completed_per_s == pytest.approx(100, rel=0.02)
    assert found.sustained is not None
    assert found.sustained.state == "sustained"
    assert found.audit is not None
    assert found.audit.holds
    assert found.audit.off < 0.02
    assert found.drain_s is not None
    assert 0 < found.drain_s < 0.2
    assert found.generator_limited == ""


def test_a_burst_says_how_long_it_took_to_drain(tmp_path: Path) -> None:
    load = Recording(tmp_path)
    done = SimulatedOperator(workers=1, service_s=0.01).serve(np.zeros(200, np.int64)) / MS
    for number, end in enumerate(done):
        load.arrival(number, uid=number + 1, object=number, sent=number)  # they queue
        load.event(float(end), uid=number + 1, object=number, done=True)
    found = shown(load, phase(end=2, arrivals=200, process=ArrivalProcess.BURST))
    assert found.drain_s == pytest.approx(2.0)
    assert found.generator_limited == ""
    assert found.completed_per_s == pytest.approx(100, rel=0.01)
    assert found.sustained is None


def test_what_never_ended_makes_the_tail_a_lower_bound_and_there_is_no_drain(
    tmp_path: Path,
) -> None:
    load = Recording(tmp_path)
    for number in range(200):
        load.arrival(number, uid=number + 1, object=number, due=number)
        if number < 190:
            load.event(number + 10, uid=number + 1, object=number, done=True)
    found = shown(load, phase(arrivals=200), until_s=60)
    total = found.latency("total")
    assert total is not None
    p99 = total.at(0.99)
    assert p99 is not None
    assert p99.at_least
    assert p99.ms > 59_000
    assert found.drain_s is None
    assert found.arrived.in_flight == 10


def test_dropped_or_late_arrivals_are_said_to_be_the_generators(tmp_path: Path) -> None:
    load = Recording(tmp_path)
    for number in range(200):
        load.arrival(number, uid=number + 1, due=number, sent=number + 8, status=201)
        load.event(number + 12, uid=number + 1, done=True)
    assert "8 ms late" in shown(load, phase(arrivals=200)).generator_limited
    load.arrival(200, uid=0, status=0)
    assert "1 arrivals were dropped" in shown(load, phase(arrivals=201)).generator_limited


def test_a_closed_loops_figure_stands_beside_the_measured_one(tmp_path: Path) -> None:
    load = Recording(tmp_path)
    operator = SimulatedOperator(workers=10, service_s=0.02, stalls=[(5, 7)])
    count = served(load, operator, 100, 60)
    found = shown(load, phase(end=60, arrivals=count, rate=100, role=PhaseRole.MEASURE))
    total = found.latency("total")
    assert total is not None
    p99 = total.at(0.99)
    assert p99 is not None
    assert found.closed_loop_p99_ms is not None
    assert p99.ms > 1000
    assert found.closed_loop_p99_ms < 50
