"""A target's rule decides by a condition, by CEL, by "settled", or by kstatus."""

from __future__ import annotations

from typing import Any

import pytest

from harness.model.target import Readiness
from harness.readiness import ExpressionError, State, judge, observed_generation

READY = Readiness(condition="Ready")
CEL = Readiness(cel="self.status.ready == self.spec.size")
SETTLED = Readiness(writes="settled")
DEFAULT = Readiness()


def _widget(
    *conditions: dict[str, Any], generation: int | None = 2, **status: Any
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "sample", "namespace": "a"},
        "spec": {"size": 3},
    }
    if generation is not None:
        found["metadata"]["generation"] = generation
    if conditions:
        status["conditions"] = list(conditions)
    if status:
        found["status"] = status
    return found


def _condition(status: str = "True", kind: str = "Ready", **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, **more}


@pytest.mark.parametrize(
    ("obj", "state", "reason"),
    [
        (_widget(_condition()), State.READY, "condition Ready is True"),
        (_widget(_condition(observedGeneration=2)), State.READY, "condition Ready is True"),
        (_widget(_condition(observedGeneration=3)), State.READY, "condition Ready is True"),
        (_widget(_condition(), observedGeneration=2), State.READY, "condition Ready is True"),
        (_widget(_condition(), observedGeneration="2"), State.READY, "condition Ready is True"),
        (_widget(_condition(), generation=None), State.READY, "condition Ready is True"),
        (
            _widget(_condition(observedGeneration=2), observedGeneration=1),
            State.READY,
            "condition Ready is True",
        ),
        (
            _widget(_condition(observedGeneration=1), observedGeneration=2),
            State.IN_PROGRESS,
            "condition Ready is True, but observedGeneration of condition Ready is 1, "
            "the generation is 2",
        ),
        (
            _widget(_condition(), observedGeneration=1),
            State.IN_PROGRESS,
            "condition Ready is True, but status.observedGeneration is 1, the generation is 2",
        ),
        (
            _widget(_condition("False", reason="NoPods", message="0 of 1")),
            State.IN_PROGRESS,
            "condition Ready is False (NoPods: 0 of 1)",
        ),
        (_widget(_condition("Unknown")), State.IN_PROGRESS, "condition Ready is Unknown"),
        (_widget(_condition(kind="Other")), State.IN_PROGRESS, "it has no condition Ready"),
        (_widget(), State.IN_PROGRESS, "it has no condition Ready"),
        ({"status": {"conditions": "x"}}, State.IN_PROGRESS, "it has no condition Ready"),
        ({"status": {"conditions": [1, None]}}, State.IN_PROGRESS, "it has no condition Ready"),
        ({"status": None}, State.IN_PROGRESS, "it has no condition Ready"),
        (_widget(_condition(observedGeneration="odd")), State.READY, "condition Ready is True"),
    ],
)
def test_a_condition_must_be_true_for_the_generation(
    obj: dict[str, Any], state: State, reason: str
) -> None:
    found = judge(obj, READY)
    assert (found.state, found.reason) == (state, reason)


def test_an_awaited_generation_replaces_the_objects_own() -> None:
    seen = _widget(_condition(observedGeneration=2), generation=3)
    assert judge(seen, READY).state is State.IN_PROGRESS
    assert judge(seen, READY, generation=2).state is State.READY


@pytest.mark.parametrize("rule", [READY, CEL, SETTLED, DEFAULT])
def test_an_object_from_before_the_awaited_generation_is_not_ready(rule: Readiness) -> None:
    found = judge(_widget(_condition(), ready=3), rule, generation=3)
    assert found.state is State.IN_PROGRESS
    assert found.reason == "the object is at generation 2, generation 3 is awaited"


def test_an_expression_decides_alone() -> None:
    assert judge(_widget(ready=3, observedGeneration=1), CEL).state is State.READY
    found = judge(_widget(ready=2), CEL)
    assert found.state is State.IN_PROGRESS
    assert found.reason == "CEL 'self.status.ready == self.spec.size' is false"


def test_a_missing_field_is_not_ready_yet() -> None:
    found = judge(_widget(), CEL)
    assert found.state is State.IN_PROGRESS
    assert found.reason.endswith("there is no 'status' (yet)")


def test_an_expression_that_cant_be_compiled_is_the_callers_error() -> None:
    with pytest.raises(ExpressionError):
        judge(_widget(), Readiness(cel="self."))


def test_settled_is_what_one_object_can_tell() -> None:
    assert judge(_widget(), SETTLED).state is State.READY
    assert judge(_widget(observedGeneration=1), SETTLED).state is State.IN_PROGRESS
    leaving = _widget()
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert judge(leaving, SETTLED).reason == "it is being deleted"


@pytest.mark.parametrize(
    ("obj", "generation"),
    [
        (_widget(observedGeneration=4), 4),
        (_widget(_condition(observedGeneration=5), observedGeneration=4), 4),
        (
            _widget(
                _condition(observedGeneration=5),
                _condition(kind="B", observedGeneration=3),
                _condition(kind="C"),
            ),
            3,
        ),
        (_widget(_condition()), None),
        (_widget(observedGeneration=True), None),
        (_widget(observedGeneration="4"), 4),
        (_widget(observedGeneration="7c9f"), None),
        (_widget(observedGeneration="-1"), None),
        ({}, None),
    ],
)
def test_the_observed_generation_is_the_statuss_or_the_lowest_of_the_conditions(
    obj: dict[str, Any], generation: int | None
) -> None:
    assert observed_generation(obj) == generation
