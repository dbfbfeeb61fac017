"""What is open, and what the operator uses, by rows as they come."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from harness.evidence.columns import ColumnWriter
from harness.model.load import ARRIVAL_COLUMNS, EVENT_COLUMNS, EventType, Operation
from harness.probes.processes import COLUMNS
from harness.pytest_plugin.load.gauges import OperatorCpu
from harness.pytest_plugin.load.live import Live

if TYPE_CHECKING:
    from pathlib import Path

_MS = 1_000_000


class Rows:
    """Both files, and what follows them."""

    def __init__(self, folder: Path) -> None:
        arrivals, events = folder / "arrivals-0.i64", folder / "events.i64"
        self.live = Live([arrivals], events)
        self._arrivals = ColumnWriter(arrivals, ARRIVAL_COLUMNS)
        self._events = ColumnWriter(events, EVENT_COLUMNS)

    def arrival(
        self, operation: Operation, uid: int, *, generation: int = 1, status: int = 201
    ) -> None:
        self._arrivals.append(0, 0, operation, 0, 0, 1, 5 * _MS, status, generation, uid)
        self.live.follow()

    def event(
        self, uid: int, *, at_ms: int, generation: int = 1, observed: int = 1, done: int = 1,
        kind: EventType = EventType.MODIFIED,
    ) -> None:  # fmt: skip
        self._events.append(at_ms * _MS, 0, uid, generation, observed, done, kind, 0, 1)
        self.live.follow()


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    return Rows(tmp_path)


def test_a_create_is_open_until_its_generation_is_done(rows: Rows) -> None:
    rows.arrival(Operation.CREATE, 7)
    rows.event(7, at_ms=10, done=0)
    assert rows.live.waiting == 1

    rows.event(7, at_ms=20)

    assert (rows.live.waiting, rows.live.done) == (0, 1)
    assert rows.live.percentiles_ms == (20.0, 20.0)


def test_an_event_may_come_before_the_answer(rows: Rows) -> None:
    rows.event(7, at_ms=10)
    rows.arrival(Operation.CREATE, 7)

    assert (rows.live.waiting, rows.live.done) == (0, 1)


def test_a_status_of_an_older_generation_closes_nothing(rows: Rows) -> None:
    rows.arrival(Operation.UPDATE, 7, generation=3, status=200)
    rows.event(7, at_ms=10, generation=3, observed=2)
    assert rows.live.waiting == 1

    rows.event(7, at_ms=20, generation=4, observed=4)
    assert rows.live.waiting == 0


def test_a_delete_is_open_until_the_object_is_gone(rows: Rows) -> None:
    rows.arrival(Operation.DELETE, 7, generation=0, status=200)
    rows.event(7, at_ms=10)
    assert rows.live.waiting == 1

    rows.event(7, at_ms=20, kind=EventType.DELETED)
    assert rows.live.waiting == 0


def test_each_update_waits_for_its_own_generation(rows: Rows) -> None:
    for generation in (2, 3, 4):
        rows.arrival(Operation.UPDATE, 7, generation=generation, status=200)
    rows.event(7, at_ms=10, generation=3, observed=3)
    assert (rows.live.waiting, rows.live.done) == (1, 2)

    rows.arrival(Operation.UPDATE, 7, generation=5, status=200)
    rows.event(7, at_ms=20, generation=5, observed=5)

    assert (rows.live.waiting, rows.live.done) == (0, 4)


def test_another_object_of_the_same_name_closes_nothing(rows: Rows) -> None:
    rows.event(8, at_ms=5)  # was there before the load, and is listed
    rows.arrival(Operation.CREATE, 7)
    rows.event(8, at_ms=10, generation=2, observed=2)
    assert rows.live.waiting == 1

    rows.event(7, at_ms=20)
    assert rows.live.waiting == 0


def test_an_object_in_flight_takes_less_than_100_bytes(tmp_path: Path) -> None:
    few, many = 1_000, 9_000
    live = Live([tmp_path / "arrivals-0.i64"], tmp_path / "events.i64")
    writer = ColumnWriter(tmp_path / "arrivals-0.i64", ARRIVAL_COLUMNS)
    base = 10**15

    def arrive(numbers: range) -> None:
        for number in numbers:
            stamps = (base + number, base + number, base + 2 * number)
            writer.append(number, 0, Operation.CREATE, number, *stamps, 201, 1, base + number)
        live.follow()

    arrive(range(few))
    tracemalloc.start()
    try:
        arrive(range(few, few + many))
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert live.waiting == few + many
    assert held / many < 100


def test_what_was_not_accepted_is_never_open(rows: Rows) -> None:
    rows.arrival(Operation.CREATE, 0, status=0)
    rows.arrival(Operation.CREATE, 0, status=503)

    assert (rows.live.waiting, rows.live.dropped, rows.live.failed) == (0, 1, 1)


def test_the_operators_processor_time_is_told_by_its_last_two_samples(tmp_path: Path) -> None:
    cpu = OperatorCpu(tmp_path)
    assert cpu.cores() is None
    writer = ColumnWriter(tmp_path / "process-manager.i64", COLUMNS)

    def sample(at_ms: int, cpu_ms: int, pid: int) -> float | None:
        values = {"mono_ns": at_ms * _MS, "cpu_ns": cpu_ms * _MS, "pid": pid}
        writer.append(*(values.get(name, 0) for name in COLUMNS))
        return cpu.cores()

    assert sample(0, 0, 1) is None
    assert sample(1_000, 500, 1) == 0.5
    assert sample(2_000, 0, 2) is None
    assert sample(3_000, 1_500, 2) == 1.5


def test_percentiles_are_those_of_the_phase(rows: Rows) -> None:
    rows.arrival(Operation.CREATE, 7)
    rows.event(7, at_ms=9_000)
    rows.live.forget()
    assert list(rows.live.percentiles_ms) == [None, None]
    rows.arrival(Operation.CREATE, 8)
    rows.event(8, at_ms=20)
    assert rows.live.percentiles_ms == (20.0, 20.0)
    assert rows.live.done == 2
