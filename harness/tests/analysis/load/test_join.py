"""The join gives each arrival its four stamps and exactly one fate."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.analysis.load.join import NEVER, Fate, Joined, join
from harness.model.load import ArrivalStatus, EventType, Operation
from harness.tests.analysis.load.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

    from harness.analysis.load.samples import Arrivals, Events

MS = 1_000_000


@pytest.fixture
def load(tmp_path: Path) -> Recording:
    return Recording(tmp_path)


def joined(load: Recording) -> Joined:
    return join(*load.read())


def test_a_create_is_echoed_by_its_first_event_and_done_by_the_first_that_is_ready(
    load: Recording,
) -> None:
    load.arrival(0, due=0)
    load.event(3, type=EventType.ADDED)
    load.event(10, observed=1)
    load.event(20, observed=1, done=True)
    load.event(30, observed=1, done=True)
    found = joined(load)
    assert (found.echoed_ns[0], found.done_ns[0]) == (3 * MS, 20 * MS)
    assert found.fate[0] == Fate.DONE
    assert not found.collapsed[0]


def test_a_status_of_an_older_generation_closes_nothing(load: Recording) -> None:
    load.arrival(0, generation=2, operation=Operation.UPDATE, due=5, status=200)
    load.event(1, done=True, observed=1)
    load.event(8, generation=2, observed=1)
    load.event(9, generation=2, observed=1, done=True)
    found = joined(load)
    assert found.fate[0] == Fate.IN_FLIGHT
    assert found.echoed_ns[0] == 8 * MS


def test_generations_that_a_later_one_closes_are_counted_as_collapsed(load: Recording) -> None:
    for number in range(3):
        operation = Operation.UPDATE if number else Operation.CREATE
        load.arrival(number, generation=number + 1, operation=operation, due=10 * number)
        load.event(10 * number + 3, generation=number + 1)
    load.event(50, generation=3, observed=3, done=True)
    found = joined(load)
    assert found.done_ns.tolist() == [50 * MS] * 3
    assert found.collapsed.tolist() == [True, True, False]


def test_without_an_observed_generation_the_events_own_counts(load: Recording) -> None:
    load.arrival(0, generation=2, operation=Operation.UPDATE, due=5, status=200)
    load.event(8, generation=2)
    load.event(12, generation=2, done=True)
    assert joined(load).done_ns[0] == 12 * MS


def test_a_delete_is_done_when_the_object_is_gone(load: Recording) -> None:
    load.arrival(0, operation=Operation.DELETE, due=5, status=200)
    load.event(8, deleting=True)
    load.event(40, deleting=True, type=EventType.DELETED)
    found = joined(load)
    assert (found.echoed_ns[0], found.done_ns[0]) == (8 * MS, 40 * MS)


def test_an_update_that_its_objects_deletion_overtakes_is_closed_as_collapsed(
    load: Recording,
) -> None:
    load.arrival(0, due=0)
    load.arrival(1, operation=Operation.DELETE, due=5, status=200)
    load.event(3, type=EventType.ADDED)
    load.event(9, type=EventType.DELETED)
    found = joined(load)
    assert found.done_ns.tolist() == [9 * MS, 9 * MS]
    assert found.collapsed.tolist() == [True, False]


def test_a_name_that_is_used_again_is_another_object(load: Recording) -> None:
    load.arrival(0, uid=7, due=0)
    load.arrival(1, uid=8, due=20)
    load.event(3, uid=7, done=True)
    load.event(10, uid=7, type=EventType.DELETED)
    load.event(23, uid=8)
    load.event(25, uid=8, done=True)
    assert joined(load).done_ns.tolist() == [3 * MS, 25 * MS]


def test_a_write_that_changes_nothing_is_done_with_its_answer(load: Recording) -> None:
    load.event(1, done=True)
    load.arrival(0, operation=Operation.NOOP_UPDATE, due=5, acknowledged=7, status=200)
    load.arrival(1, operation=Operation.UPDATE, due=9, acknowledged=11, status=200)
    found = joined(load)
    assert found.unchanged.tolist() == [True, True]
    assert found.done_ns.tolist() == [7 * MS, 11 * MS]


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (ArrivalStatus.DROPPED, Fate.DROPPED),
        (ArrivalStatus.CONNECTION_ERROR, Fate.ERROR),
        (ArrivalStatus.TIMEOUT, Fate.ERROR),
        (ArrivalStatus.LOST, Fate.ERROR),
        (409, Fate.ERROR),
        (503, Fate.ERROR),
        (201, Fate.IN_FLIGHT),
    ],
)
def test_what_was_not_accepted_is_an_error_or_dropped(
    load: Recording, status: int, fate: Fate
) -> None:
    load.arrival(0, status=status, uid=0, generation=0)
    found = joined(load)
    assert found.fate[0] == fate
    assert found.done_ns[0] == NEVER


def test_a_relist_taints_what_was_open_since_the_event_before_it(load: Recording) -> None:
    dues = {1: (0, 5), 2: (2, 31), 3: (15, 40), 4: (29, 31), 5: (35, 40)}
    for uid, (due, _) in dues.items():
        load.arrival(uid, uid=uid, due=due)
    load.event(5, uid=1, done=True)
    load.event(10, object=-1)
    load.event(30, type=EventType.GAP, object=-1)
    for uid in (2, 4):
        load.event(31, uid=uid, done=True)
    for uid in (3, 5):
        load.event(40, uid=uid, done=True)
    arrivals, events = load.read()
    assert events.gaps.tolist() == [[10 * MS, 30 * MS]]
    tainted = dict(zip(arrivals.arrival.tolist(), join(arrivals, events).tainted, strict=True))
    assert tainted == {1: False, 2: True, 3: True, 4: True, 5: False}


def test_arrivals_of_all_workers_are_joined(load: Recording) -> None:
    load.arrival(0, uid=1, worker="0")
    load.arrival(1, uid=2, worker="1")
    load.event(5, uid=2, done=True)
    load.event(6, uid=1, done=True)
    arrivals, events = load.read()
    done = dict(zip(arrivals.arrival.tolist(), join(arrivals, events).done_ns, strict=True))
    assert done == {0: 6 * MS, 1: 5 * MS}


def test_no_events_leave_everything_in_flight(load: Recording) -> None:
    load.arrival(0)
    assert joined(load).fate.tolist() == [Fate.IN_FLIGHT]


@pytest.mark.parametrize("seed", range(20))
def test_the_join_agrees_with_a_scan_of_every_event(load: Recording, seed: int) -> None:
    _churn(load, random.Random(seed))  # noqa: S311 - a seeded simulation
    arrivals, events = load.read()
    found = join(arrivals, events)
    for row in range(len(arrivals)):
        echoed, done, fate, collapsed = _scanned(arrivals, events, row)
        assert found.fate[row] == fate
        assert found.done_ns[row] == done
        assert found.collapsed[row] == collapsed
        if fate is not Fate.ERROR and fate is not Fate.DROPPED:
            assert found.echoed_ns[row] == echoed


def _churn(load: Recording, chance: random.Random) -> None:
    """Some objects, each with updates, reconciles that skip generations, and maybe a deletion."""
    rows = []
    number = 0
    for uid in range(1, 15):
        at, generation, observed = chance.uniform(0, 50), 1, chance.choice([-1, 0])
        load.arrival(number, uid=uid, due=at, status=chance.choice([201] * 5 + [0, -1, 500]))
        for _ in range(chance.randrange(8)):
            rows.append((at + 1, uid, generation, observed, False, EventType.MODIFIED))
            at += chance.uniform(2, 30)
            if chance.random() < 0.4:
                number, generation = number + 1, generation + 1
                load.arrival(
                    number,
                    uid=uid,
                    generation=generation,
                    operation=Operation.UPDATE,
                    due=at,
                    status=200,
                )
            elif observed >= 0:
                observed = chance.randrange(observed, generation + 1)
            current = observed in {-1, generation}
            done = current and chance.random() < 0.5
            rows.append((at + 1.5, uid, generation, observed, done, EventType.MODIFIED))
        if chance.random() < 0.3:
            number += 1
            load.arrival(number, uid=uid, operation=Operation.DELETE, due=at + 2, status=200)
            rows.append((at + 4, uid, generation, observed, False, EventType.DELETED))
        number += 1
    for at, uid, generation, observed, done, kind in sorted(rows, key=lambda row: row[0]):
        load.event(at, uid=uid, generation=generation, observed=observed, done=done, type=kind)


def _scanned(arrivals: Arrivals, events: Events, row: int) -> tuple[int, int, Fate, bool]:
    """Looks at every event, for one arrival: slow, and as the definition says it."""
    status, wanted = int(arrivals.status[row]), int(arrivals.generation[row])
    if status == 0:
        return NEVER, NEVER, Fate.DROPPED, False
    if not 200 <= status < 300:
        return NEVER, NEVER, Fate.ERROR, False
    mine = np.flatnonzero(events.uid == arrivals.uid[row])
    deleted = [i for i in mine if events.type[i] == EventType.DELETED]
    gone = int(events.received_ns[deleted[0]]) if deleted else NEVER
    if arrivals.operation[row] == Operation.DELETE:
        return gone, gone, Fate.DONE if gone < NEVER else Fate.IN_FLIGHT, False
    echoed = done = NEVER
    closer = 0
    for i in mine:
        generation, observed = int(events.generation[i]), int(events.observed[i])
        if generation >= wanted and echoed == NEVER:
            echoed = int(events.received_ns[i])
        ready = events.done[i] == 1 and (observed == -1 or observed >= wanted)
        if generation >= wanted and ready and done == NEVER:
            done, closer = int(events.received_ns[i]), generation
    collapsed = closer > wanted
    if gone < done:
        done, collapsed = gone, True
    return echoed, done, Fate.DONE if done < NEVER else Fate.IN_FLIGHT, collapsed
