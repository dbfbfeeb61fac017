"""The columns of the audit log: every request comes out as it went in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.evidence.calllog import CallLog, CallShape
from harness.model.access import PolicyRule
from harness.model.records import ApiCall, Handed

if TYPE_CHECKING:
    from collections.abc import Sequence

HANDED = Handed(rules=(PolicyRule(verbs=("get",), api_groups=("",), resources=("pods",)),))


def call(number: int, **more: object) -> ApiCall:
    fields: dict[str, object] = {
        "audit_id": f"id-{number}",
        "stage": "ResponseComplete",
        "user": "operator",
        "verb": "get",
        "uri": f"/api/v1/namespaces/ns/pods/p{number}",
        "received_ns": number * 10,
        "done_ns": number * 10 + 5,
        "resource": "pods",
        "namespace": "ns",
        "name": f"p{number}",
        "code": 200,
        "decision": "allow",
        "reason": "because",
        "user_agent": "manager/v1",
        "file": "audit.log",
        "line": number,
    }
    return ApiCall(**{**fields, **more})  # type: ignore[arg-type] # the test's own fields


CALLS = (
    call(1),
    call(3, user="other", verb="patch"),
    call(2, impersonator="operator", user="somebody", subresource="status"),
    call(4, name="p1", dry_run=True, code=201, handed=HANDED),
    call(5, verb="watch", stage="ResponseStarted", code=0, done_ns=900),
    call(6, resource="", name="", uri="/metrics", decision="forbid"),
)


@pytest.fixture
def log() -> CallLog:
    return CallLog(CALLS)


def ids(calls: Sequence[ApiCall]) -> list[str]:
    return [item.audit_id for item in calls]


def test_each_request_comes_out_as_it_went_in(log: CallLog) -> None:
    assert tuple(log) == CALLS
    assert tuple(log[n] for n in range(len(log))) == CALLS
    assert tuple(log[1:3]) == CALLS[1:3]
    assert log[-1] == CALLS[-1]


def test_an_empty_log_is_false_and_has_no_last_moment() -> None:
    assert not CallLog()
    assert CallLog().last_ns == 0
    assert not CallLog().between(0, 10**30)


def test_rows_lead_back_to_their_requests(log: CallLog) -> None:
    for row, expected in zip(log.rows(), CALLS, strict=True):
        assert log.at(row.position) == expected
        assert (row.name, row.uri, row.received_ns) == (
            expected.name,
            expected.uri,
            expected.received_ns,
        )


def test_a_users_requests_include_those_it_sent_as_somebody_else(log: CallLog) -> None:
    assert ids(log.by({"operator"})) == ["id-1", "id-2", "id-4", "id-5", "id-6"]
    assert ids(log.by({"operator"}).by({"somebody"})) == ["id-2"]
    assert not log.by(())


def test_requests_are_chosen_by_what_they_share(log: CallLog) -> None:
    def reads(shape: CallShape) -> bool:
        return shape.verb == "get"

    assert ids(log.by({"operator"}).where(reads)) == ["id-1", "id-2", "id-4", "id-6"]
    assert ids(log.where(reads)) == ["id-1", "id-2", "id-4", "id-6"]


def test_a_time_is_cut_out_with_its_bounds_in_the_order_of_the_log(log: CallLog) -> None:
    assert ids(log.between(20, 40)) == ["id-3", "id-2", "id-4"]
    assert ids(log.by({"other"}).between(20, 40)) == ["id-3"]
    assert ids(log.between(41, 49)) == []


def test_requests_about_one_object_are_found(log: CallLog) -> None:
    assert ids(log.of("pods", "ns", "p1")) == ["id-1", "id-4"]
    assert ids(log.of("pods", "elsewhere", "p1")) == []


def test_the_last_moment_is_that_of_an_answer_too(log: CallLog) -> None:
    assert log.last_ns == 900
    assert log.by({"other"}).last_ns == 35


def test_shapes_are_counted(log: CallLog) -> None:
    counts = {(shape.user, shape.verb): n for shape, n in log.by({"other"}).shapes().items()}
    assert counts == {("other", "patch"): 1}
    assert sum(log.shapes().values()) == len(CALLS)
    assert sum(CallLog([call(1), call(2)]).shapes().values()) == 2
    assert len(CallLog([call(1), call(2)]).shapes()) == 1
