"""The generator against a server: what is sent when, and what each arrival's row says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import gevent
import numpy as np
import pytest

from harness.errors import UsageError
from harness.evidence.columns import Columns, read_columns
from harness.model.load import Mix, Operation, object_name
from harness.model.target import Mutation
from harness.stimulus.load.generator import Generator, Material
from harness.stimulus.load.population import Population
from harness.stimulus.load.protocol import PhaseOrder
from harness.stimulus.load.rendering import plan_changes, render
from harness.stimulus.load.rows import ArrivalRows
from harness.stimulus.load.schedule import Schedule, Step
from harness.stimulus.load.wire import Address
from harness.tests.stimulus.load.server import Server, serving
from harness.tests.stimulus.load.test_rendering import _RESOURCE, kind, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PREFIX = "load-0001-"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


class Run:
    """A generator and its rows."""

    def __init__(self, server: Server, path: Path, **options: int) -> None:
        rendering = plan_changes(kind(Mutation(path="spec.size", values=(1, 2))), stored(size=1))
        requests = render(
            rendering,
            _RESOURCE,
            headers={"Host": "test"},
            name_width=len(object_name(_PREFIX, 0)),
        )
        self._path = path
        worker = options.pop("worker", 0)
        workers = options.pop("workers", 1)
        self.generator = Generator(
            address=Address("127.0.0.1", server.port, None, ""),
            connections=options.pop("connections", 4),
            burst_connections=options.pop("burst_connections", 4),
            patience_ns=options.pop("patience_ns", 10_000_000_000),
            idle_ns=options.pop("idle_ns", 10_000_000_000),
            material=Material((requests,), (b"one", b"two"), _PREFIX.encode()),
            population=Population(worker=worker, workers=workers),
            rows=ArrivalRows(path),
            seed=1,
            worker=worker,
            workers=workers,
        )
        self._phase = 0
        self._first = 0
        self.generator.open()

    def __call__(self, schedule: Schedule, mix: Mix | None = None) -> Columns:
        order = PhaseOrder(
            index=self._phase, first_arrival=self._first, schedule=schedule, mix=mix or Mix()
        )
        self._first += self.generator.prepare(order)
        self._phase += 1
        self.generator.run(time.monotonic_ns())
        return self.rows

    @property
    def rows(self) -> Columns:
        return read_columns(self._path)


def once(there: Callable[[], bool], then: Callable[[], None]) -> None:
    while not there():
        gevent.sleep(0.01)
    then()


@pytest.fixture
def run(server: Server, tmp_path: Path) -> Iterator[Run]:
    made = Run(server, tmp_path / "arrivals-0.i64")
    yield made
    made.generator.close()


def test_each_arrival_has_a_row_with_its_stamps_in_order(run: Run, server: Server) -> None:
    rows = run(Schedule.constant(200, 0.2))

    assert len(rows) == 40
    assert sorted(rows["arrival"]) == list(range(40))
    assert set(rows["status"]) == {201}
    assert set(rows["generation"]) == {1}
    assert 0 not in set(rows["uid"])
    stamps = zip(rows["intended_ns"], rows["sent_ns"], rows["acknowledged_ns"], strict=True)
    assert all(intended <= sent < acknowledged for intended, sent, acknowledged in stamps)
    assert len(server.objects) == 40
    assert set(np.diff(sorted(rows["intended_ns"])).tolist()) == {
        5_000_000
    }  # what was meant, whenever it was sent


def test_objects_lie_in_their_namespaces_in_turn(run: Run, server: Server) -> None:
    run(Schedule.burst(4))

    root = "/apis/example.org/v1/namespaces"
    assert sorted(server.objects) == [
        f"{root}/one/boxes/load-0001-0000000",
        f"{root}/one/boxes/load-0001-0000002",
        f"{root}/two/boxes/load-0001-0000001",
        f"{root}/two/boxes/load-0001-0000003",
    ]


def test_updates_raise_the_generation_and_no_ops_do_not(run: Run) -> None:
    run(Schedule.burst(3))

    run(Schedule.burst(6), Mix(create=0, update=1))
    rows = run(Schedule.burst(), Mix(create=0, noop_update=1))

    generations: dict[int, list[int]] = {0: [1], 1: [1], 2: [1]}
    for found, operation, generation in zip(
        rows["object"], rows["operation"], rows["generation"], strict=True
    ):
        if operation == Operation.UPDATE:
            assert generation == generations[found][-1] + 1
            generations[found].append(generation)
        if operation == Operation.NOOP_UPDATE:
            assert generation == generations[found][-1]
    assert sum(len(raised) - 1 for raised in generations.values()) == 6


def test_a_burst_without_a_number_reaches_each_object_once(run: Run, server: Server) -> None:
    run(Schedule.burst(5))

    rows = run(Schedule.burst(), Mix(create=0, delete=1))

    assert server.objects == {}
    deleted = [
        found
        for found, operation in zip(rows["object"], rows["operation"], strict=True)
        if operation == Operation.DELETE
    ]
    assert sorted(deleted) == [0, 1, 2, 3, 4]


def test_what_finds_no_object_becomes_a_create_or_is_dropped(run: Run, server: Server) -> None:
    run(Schedule.burst(4), Mix(create=1, delete=1))
    assert set(server.methods) <= {"POST", "DELETE"}

    before = len(run.rows)
    run(Schedule.burst(), Mix(create=0, delete=1))
    rows = run(Schedule.burst(2), Mix(create=0, delete=1))

    assert server.objects == {}
    assert list(rows["status"])[-2:] == [0, 0]
    assert list(rows["object"])[-2:] == [-1, -1]
    assert len(rows) > before


def test_what_waits_longer_than_patience_is_dropped_and_never_sent(
    server: Server, tmp_path: Path
) -> None:
    run = Run(server, tmp_path / "rows.i64", connections=1, patience_ns=20_000_000)
    server.hold()
    release = gevent.spawn(once, lambda: len(run.rows) >= 29, server.gate.set)

    rows = run(Schedule.constant(100, 0.3))
    release.join()
    run.generator.close()

    dropped = [
        sent for sent, status in zip(rows["sent_ns"], rows["status"], strict=True) if not status
    ]
    assert len(rows) == 30
    assert len(dropped) >= 29
    assert set(dropped) == {0}
    assert server.methods["POST"] == 30 - len(dropped)


def test_more_connections_are_opened_while_arrivals_wait(server: Server, tmp_path: Path) -> None:
    run = Run(server, tmp_path / "rows.i64", connections=30, burst_connections=1)
    server.hold(30)

    rows = run(Schedule.constant(100, 0.3))
    run.generator.close()

    assert set(rows["status"]) == {201}
    assert max(rows["sent_ns"]) < min(rows["acknowledged_ns"])


@pytest.mark.parametrize(("idle_ns", "once_more"), [(200_000_000, True), (60_000_000_000, False)])
def test_a_connection_that_was_idle_for_long_is_not_used_again(
    server: Server, tmp_path: Path, idle_ns: int, *, once_more: bool
) -> None:
    run = Run(server, tmp_path / "rows.i64", connections=1, idle_ns=idle_ns)
    one, none = Step(rate_per_s=10, seconds=0.1), Step(rate_per_s=0, seconds=1)

    rows = run(Schedule.stepped(one, none, one))
    run.generator.close()

    assert list(rows["status"]) == [201] * 2
    assert (server.connections > 1) is once_more


def test_no_more_connections_are_opened_than_arrivals_wait(server: Server, tmp_path: Path) -> None:
    run = Run(server, tmp_path / "rows.i64", connections=100, burst_connections=1)
    server.hold(20)

    rows = run(Schedule.constant(100, 0.2))
    run.generator.close()

    assert len(rows) == 20
    assert server.connections <= 20


def test_arrivals_of_a_burst_wait_for_their_turn(server: Server, tmp_path: Path) -> None:
    run = Run(server, tmp_path / "rows.i64", connections=1, patience_ns=1)

    rows = run(Schedule.burst(20))
    run.generator.close()

    assert set(rows["status"]) == {201}
    assert len(set(rows["intended_ns"])) == 1


def test_a_connection_that_breaks_costs_its_arrival_only(run: Run, server: Server) -> None:
    server.drops = 1

    rows = run(Schedule.burst(20))

    assert sorted(set(rows["status"])) == [-1, 201]
    assert list(rows["status"]).count(-1) == 1
    assert len(server.objects) == 19


def test_refusals_are_rows_and_leave_nothing_to_be_touched(run: Run, server: Server) -> None:
    server.status = 429
    run(Schedule.burst(5))
    server.status = 0

    rows = run(Schedule.burst(), Mix(create=0, delete=1))

    assert list(rows["status"]) == [429] * 5


def test_answers_in_chunks_are_read(run: Run, server: Server) -> None:
    server.chunked = True

    rows = run(Schedule.burst(20))

    assert set(rows["status"]) == {201}
    assert set(rows["generation"]) == {1}
    assert 0 not in set(rows["uid"])


def test_a_phase_that_is_stopped_sends_nothing_more(run: Run, server: Server) -> None:
    stopping = gevent.spawn(once, lambda: server.methods["POST"] >= 5, run.generator.stop)

    rows = run(Schedule.constant(100, 60))
    stopping.join()

    assert len(rows) == server.methods["POST"] < 6_000


def test_workers_share_arrivals_and_never_an_object(server: Server, tmp_path: Path) -> None:
    every: list[tuple[int, int]] = []
    for worker in range(3):
        run = Run(server, tmp_path / f"{worker}.i64", worker=worker, workers=3)
        rows = run(Schedule.constant(1_000, 0.1))
        every += zip(rows["arrival"], rows["object"], strict=True)
        run.generator.close()

    assert sorted(arrival for arrival, _ in every) == list(range(100))
    assert len({found for _, found in every}) == 100
    assert len(server.objects) == 100


def test_refuses_updates_without_mutations(server: Server, tmp_path: Path) -> None:
    run = Run(server, tmp_path / "rows.i64")
    requests = render(
        plan_changes(kind(), stored(size=1)), _RESOURCE, headers={"Host": "test"}, name_width=17
    )
    run.generator.renew(Material((requests,), (b"one",), _PREFIX.encode()))

    with pytest.raises(UsageError, match="declares no mutation"):
        run(Schedule.burst(1), Mix(create=1, update=1))
    run.generator.close()
