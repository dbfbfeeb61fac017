"""What the receiver makes of an object's bytes."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from harness.model.load import uid_hash
from harness.model.resource import Resource
from harness.model.target import Readiness
from harness.probes.receiver.objects import Known, Reader, Sight
from harness.readiness import State, as_generation, judge

TASKS = Resource(group="example.org", version="v1", plural="tasks", kind="Task", namespaced=True)
UID = "d04d26ac-83c8-4b5c-bbbe-4167d129efa4"
READY = Readiness(condition="Ready")


def reader(ready: Readiness = READY) -> Reader:
    return Reader(resource=TASKS, ready=ready, prefix="load-2af3-", managers=("load", "harness"))


def task(*, status: Any = None, generation: int = 1, **metadata: Any) -> dict[str, Any]:
    found = {
        "apiVersion": "example.org/v1",
        "kind": "Task",
        "metadata": {
            "name": "load-2af3-0000017",
            "uid": UID,
            "generation": generation,
            "managedFields": [managed("load")],
            **metadata,
        },
        "spec": {"step": generation},
    }
    return found if status is None else {**found, "status": status}


def managed(manager: str, time: str = "2026-11-21T09:30:00Z", **fields: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields}


def ready(generation: int, status: str = "True") -> dict[str, Any]:
    condition = {"type": "Ready", "status": status, "observedGeneration": generation}
    return {"observedGeneration": generation, "conditions": [condition]}


def sight(obj: dict[str, Any], rule: Readiness = READY) -> Sight:
    return reader(rule).read(json.dumps(obj).encode())


def test_an_object_that_was_just_made_is_not_done() -> None:
    seen = sight(task())
    assert seen.object == 17
    assert seen.uid == uid_hash(UID)
    assert (seen.generation, seen.observed) == (1, -1)
    assert not seen.done
    assert not seen.deleting
    assert not seen.foreign


def test_a_condition_counts_for_the_generation_that_it_is_about() -> None:
    assert sight(task(status=ready(2), generation=2)).done
    behind = sight(task(status=ready(1), generation=2))
    assert (behind.generation, behind.observed, behind.done) == (2, 1, False)


def test_an_object_of_another_name_is_not_ours() -> None:
    assert sight(task(name="mine")).object == -1
    assert sight(task(name="load-ffff-0000017")).object == -1


def test_an_object_that_is_being_deleted_says_so() -> None:
    assert sight(task(deletionTimestamp="2026-11-21T09:30:00Z")).deleting


@pytest.mark.parametrize(
    "rule",
    [Readiness(), Readiness(cel="self.status.observedGeneration == self.metadata.generation")],
)
def test_other_rules_are_judged_on_the_whole_object(rule: Readiness) -> None:
    assert sight(task(status=ready(2), generation=2), rule).done
    assert not sight(task(status=ready(1), generation=2), rule).done


def test_an_item_of_a_list_is_judged_by_its_kind() -> None:
    claims = Resource(
        group="", version="v1", plural="persistentvolumeclaims", kind="PersistentVolumeClaim",
        namespaced=True,
    )  # fmt: skip
    by_kind = Reader(resource=claims, ready=Readiness(), prefix="load-", managers=())
    item = {"metadata": {"name": "a", "uid": UID}, "status": {"phase": "Pending"}}
    assert not by_kind.read(json.dumps(item).encode()).done
    item["status"] = {"phase": "Bound"}
    assert by_kind.read(json.dumps(item).encode()).done


def test_a_generation_that_fits_no_column_is_cut() -> None:
    assert sight(task(status={"observedGeneration": 1 << 70})).observed == (1 << 63) - 1


VALUES: tuple[Any, ...] = (
    None,
    True,
    "",
    "True",
    "False",
    "1",
    "2",
    "x",
    0,
    1,
    2,
    3,
    -1,
    1.0,
    [],
    {},
)


def some_status(some: random.Random) -> Any:
    """A status as an operator may write it where no schema holds it back."""

    def value() -> Any:
        return some.choice(VALUES)

    def condition() -> Any:
        found = {
            "type": some.choice(("Ready", "Ready", "Other", 1)),
            "status": "True" if some.random() < 0.7 else value(),
        }
        if some.random() < 0.7:
            found["observedGeneration"] = some.choice((1, 2, 3, "2", value()))
        return found if some.random() < 0.9 else value()

    if some.random() < 0.1:
        return value()
    found: dict[str, Any] = {}
    if some.random() < 0.7:
        found["observedGeneration"] = value()
    if some.random() < 0.9:
        found["conditions"] = [condition() for _ in range(some.randint(0, 3))]
    return found


def test_the_fast_way_judges_as_the_one_predicate_does() -> None:
    some = random.Random(20261121)  # noqa: S311 - the same cases each time
    ways = {False: 0, True: 0}
    for _ in range(5000):
        status = some_status(some)
        obj = task(generation=some.randint(1, 3)) | {"status": status}
        seen = sight(obj)
        assert seen.done == (judge(obj, READY).state is State.READY), status
        whole = status.get("observedGeneration") if isinstance(status, dict) else None
        number = as_generation(whole)
        assert seen.observed == (-1 if number is None else number), status
        ways[seen.done] += 1
    assert min(ways.values()) > 800


class TestKnown:
    def test_our_own_write_of_the_spec_is_not_the_operator_s(self) -> None:
        known = Known()
        assert not known.wrote(sight(task()))
        changed = task(generation=2, managedFields=[managed("load", "2026-11-21T09:30:07Z")])
        assert not known.wrote(sight(changed))

    def test_a_write_of_the_status_is_the_operator_s_each_time(self) -> None:
        known = Known()
        known.wrote(sight(task()))
        both = [managed("load"), managed("operator")]
        first = task(status={"observedGeneration": 1, "step": 1}, managedFields=both)
        second = task(status={"observedGeneration": 1, "step": 2}, managedFields=both)
        assert known.wrote(sight(first))
        assert known.wrote(sight(second)), "within the same second managedFields look the same"
        assert not known.wrote(sight({**second, "spec": {"step": 5}}))

    @pytest.mark.parametrize(
        "more",
        [{"finalizers": ["a/b"]}, {"labels": {"a": "b"}}, {"annotations": {"a": "b"}}],
    )
    def test_what_it_writes_into_the_metadata_counts(self, more: dict[str, Any]) -> None:
        known = Known()
        known.wrote(sight(task()))
        assert known.wrote(sight(task(**more)))

    def test_an_object_seen_first_is_the_operator_s_where_it_is_among_the_managers(self) -> None:
        assert Known().wrote(sight(task(managedFields=[managed("load"), managed("operator")])))

    def test_a_list_tells_what_has_vanished(self) -> None:
        known = Known()
        kept, gone = sight(task()), sight(task(uid="ffff", name="load-2af3-0000018"))
        known.wrote(kept)
        known.wrote(gone)
        assert list(known.vanished()) == [], "no list has begun"
        known.relist()
        known.wrote(kept)
        assert list(known.vanished()) == [(gone.uid, 18)]
        assert len(known) == 1
        assert list(known.vanished()) == []
