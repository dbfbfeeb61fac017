"""API-011, -017 to -021, WEB-003, -004, -006, -008: answers of the API server are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.analysis import judge
from harness.model.findings import Severity, Status
from harness.tests.analysis.recording import HARNESS, Recording

if TYPE_CHECKING:
    from harness.model.findings import CheckOutcome

OK = {"status": 201, "message": ""}
INVALID = {"status": 422, "message": "spec.size: Invalid value: 11"}
DOWN = {"status": 500, "message": 'failed calling webhook "v.example.com": connection refused'}

Json = dict[str, Any]


def judged(recording: Recording, check: str, facts: Json) -> CheckOutcome:
    recording.call(25, "list", "pods", user=HARNESS)
    phase = recording.phase(10, 20, check, name="sample/window", subject="sample", facts=facts)
    return judge(check, recording.evidence, phase)


def titles(outcome: CheckOutcome) -> list[str]:
    return [finding.title for finding in outcome.findings]


def attempt(answer: Json, **changes: object) -> Json:
    base = {
        "path": "spec.size",
        "field": "size",
        "empty": False,
        "rule": "maximum: 10",
        "value": "11",
        "refused": True,
        "changed": False,
        "got": "11",
    }
    return {**base, **answer, **changes}


def api011(
    recording: Recording, *attempts: Json, untried: list[Json] | None = None
) -> CheckOutcome:
    facts = {"kind": "Book v1", "attempts": list(attempts), "untried": untried or []}
    return judged(recording, "API-011", facts)


def test_a_wrong_value_that_is_refused_by_name_passes(recording: Recording) -> None:
    assert api011(recording, attempt(INVALID)).status is Status.PASS


def test_a_wrong_value_that_is_taken_is_a_finding(recording: Recording) -> None:
    outcome = api011(recording, attempt(OK))
    assert titles(outcome) == ["Book v1 takes spec.size = 11, against maximum: 10"]
    assert outcome.findings[0].severity is Severity.MAJOR
    assert outcome.findings[0].subject == "sample, spec.size"


def test_a_wrong_value_that_is_repaired_silently_is_one_too(recording: Recording) -> None:
    outcome = api011(recording, attempt(OK, changed=True, got="10"))
    assert "replaced silently" in titles(outcome)[0]
    assert "became 10" in outcome.findings[0].detail


def test_an_empty_value_that_is_taken_for_absent_is_minor(recording: Recording) -> None:
    outcome = api011(recording, attempt(OK, changed=True, got="1", value="0", empty=True))
    assert outcome.findings[0].severity is Severity.MINOR


def test_a_required_field_that_a_webhook_fills_in_is_right(recording: Recording) -> None:
    filled = attempt(OK, rule="required", changed=True)
    assert api011(recording, filled, attempt(INVALID)).status is Status.PASS
    assert api011(recording, {**filled, "changed": False}).status is Status.FAIL


def test_a_refusal_that_names_no_field_is_minor(recording: Recording) -> None:
    outcome = api011(recording, attempt({"status": 400, "message": "bad request"}))
    assert titles(outcome) == ["1 refusal does not say which field of Book v1 is wrong"]
    assert outcome.findings[0].severity is Severity.MINOR


def test_what_the_schema_allows_must_be_taken(recording: Recording) -> None:
    inside = attempt(INVALID, refused=False, value="10")
    assert titles(api011(recording, inside)) == [
        "Book v1 refuses spec.size = 10, which maximum: 10 allows"
    ]
    other = {**inside, "message": "spec.color: Required value"}
    assert api011(recording, other).status is Status.PASS, "that's another field's affair"


def test_without_an_answer_nothing_is_decided(recording: Recording) -> None:
    assert api011(recording, attempt(DOWN)).status is Status.NOT_VERIFIED
    assert api011(recording).status is Status.NOT_APPLICABLE
    rule = {"path": "spec", "rule": "CEL isURL(self.x)", "reason": "not understood"}
    assert "isURL" in api011(recording, untried=[rule]).reason


STATUS = {
    "kind": "Book v1",
    "has_status": True,
    "declared": True,
    "served": OK,
    "main": {**OK, "changed": False},
    "sub": {**OK, "spec_changed": False},
}


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, ""),
        (
            {"served": {"status": 404, "message": "not found"}, "sub": {}},
            "doesn't serve its status",
        ),
        ({"main": {**OK, "changed": True}}, "A write to Book v1 itself changes its status"),
        (
            {"sub": {**OK, "spec_changed": True}},
            "A write to the status of Book v1 changes its spec",
        ),
    ],
)
def test_status_and_spec_are_written_apart(changes: Json, title: str, recording: Recording) -> None:
    found = titles(judged(recording, "API-017", {**STATUS, **changes}))
    assert bool(found) == bool(title)
    assert all(title in text for text in found)


def test_a_kind_without_status_has_none_to_keep_apart(recording: Recording) -> None:
    outcome = judged(recording, "API-017", {"has_status": False})
    assert outcome.status is Status.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("default", "got", "status"),
    [
        (80, 80, Status.PASS),
        (80, 8080, Status.FAIL),
        (80, None, Status.FAIL),
        ({"a": 1}, {"a": 1, "b": 2}, Status.PASS),
        ({"a": 1}, {"a": 2}, Status.FAIL),
    ],
)
def test_a_default_must_come_back(
    default: object, got: object, status: Status, recording: Recording
) -> None:
    field = {"path": "spec.port", "default": default, "got": got, **OK}
    assert judged(recording, "API-018", {"kind": "Book v1", "fields": [field]}).status is status


def test_without_an_admitted_sample_defaults_are_not_decided(recording: Recording) -> None:
    field = {"path": "spec.port", "default": 80, "got": None, **INVALID}
    assert judged(recording, "API-018", {"fields": [field]}).status is Status.NOT_VERIFIED
    assert judged(recording, "API-018", {"fields": []}).status is Status.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("preserved", "kept", "strict", "words"),
    [
        (False, False, 400, ""),
        (True, True, 201, ""),
        (True, False, 201, "loses unknown fields of spec"),
        (False, True, 400, "keeps unknown fields of spec"),
        (False, False, 201, "takes unknown fields of spec"),
    ],
)
def test_unknown_fields_go_or_stay_as_declared(
    *, preserved: bool, kept: bool, strict: int, words: str, recording: Recording
) -> None:
    place = {"path": "spec", "preserved": preserved, "kept": kept, "strict": strict, **OK}
    found = titles(judged(recording, "API-019", {"kind": "Book v1", "places": [place]}))
    assert bool(found) == bool(words)
    assert all(words in text for text in found)


COLUMN = {
    "name": "Ready",
    "path": ".status.ready",
    "type": "string",
    "served": True,
    "cell": "True",
    "value": "True",
    "found": True,
    "leads": True,
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"served": False}, "isn't in the table"),
        ({"cell": None}, 'is empty, though .status.ready is "True"'),
        ({"cell": None, "found": False, "value": None}, ""),
        ({"cell": None, "found": False, "value": None, "leads": False}, "leads to no field"),
        (
            {"cell": None, "found": False, "path": '.status.conditions[?(@.type=="Redy")].status'},
            "selects nothing",
        ),
        ({"cell": "", "value": ""}, ""),
        ({"cell": False}, ""),
        ({"cell": 0}, ""),
    ],
)
def test_a_column_shows_what_is_there(changes: Json, words: str, recording: Recording) -> None:
    facts = {"kind": "Book v1", "table": OK, "columns": [{**COLUMN, **changes}]}
    found = titles(judged(recording, "API-020", facts))
    assert bool(found) == bool(words)
    assert all(words in text for text in found)


def test_a_table_that_cannot_be_had_is_a_finding(recording: Recording) -> None:
    facts = {"kind": "Book v1", "table": DOWN, "columns": [COLUMN]}
    assert "can't show Book v1 as a table" in titles(judged(recording, "API-020", facts))[0]
    assert judged(recording, "API-020", {"columns": []}).status is Status.NOT_APPLICABLE


SCALE: dict[str, Any] = {
    "kind": "Book v1",
    "paths": {
        "specReplicasPath": ".spec.size",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    },
    "before": {**OK, "replicas": 1, "own": 1},
    "put": {**OK, "wanted": 2, "own": 2},
    "settled": True,
    "after": {**OK, "status_replicas": 2, "own_status": 2, "selector": "app=x"},
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"before": DOWN}, "can't be read"),
        (
            {"before": {**OK, "replicas": 0, "own": None}},
            "shows 0 replicas, but .spec.size is nothing",
        ),
        ({"put": {**INVALID, "wanted": 2, "own": 1}}, "can't be set to 2"),
        ({"put": {**OK, "wanted": 2, "own": 1}}, "leaves .spec.size at 1"),
        ({"after": {**SCALE["after"], "status_replicas": 0}}, "reports 0 replicas"),
        ({"after": {**SCALE["after"], "selector": ""}}, "has no selector"),
        ({"settled": False, "after": {}}, ""),
    ],
)
def test_scale_shows_and_changes_replicas(changes: Json, words: str, recording: Recording) -> None:
    found = titles(judged(recording, "API-021", {**SCALE, **changes}))
    assert bool(found) == bool(words)
    assert all(words in text for text in found)


def test_a_kind_that_cannot_be_scaled_is_not_asked(recording: Recording) -> None:
    assert judged(recording, "API-021", {"paths": {}}).status is Status.NOT_APPLICABLE


def trip(**changes: Any) -> Json:
    said = {"spec": {"text": "Hello Ada", "tags": ["a"]}, "metadata": {"labels": {"x": "y"}}}
    base = {"to": "v2", "read": OK, "written": OK, "again": OK, "before": said, "after": said}
    return {"kind": "Book v1", "version": "v1", "trips": [{**base, **changes}]}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (trip(), ""),
        (trip(read=DOWN), "can't be read as v2"),
        (trip(written=DOWN), "can't be written as v2"),
        (trip(again=DOWN), "can't be read any more"),
        (
            trip(after={"spec": {"text": "Hello A", "tags": ["b"]}, "metadata": {"labels": {}}}),
            'with 3 fields changed: spec.text: "Hello Ada" -> "Hello A"',
        ),
    ],
)
def test_a_round_trip_loses_nothing(facts: Json, words: str, recording: Recording) -> None:
    found = titles(judged(recording, "WEB-006", facts))
    assert bool(found) == bool(words)
    assert all(words in text for text in found)


def test_one_version_needs_no_conversion(recording: Recording) -> None:
    assert judged(recording, "WEB-006", {"trips": []}).status is Status.NOT_APPLICABLE


def hook(**changes: Any) -> Json:
    base = {
        "name": "v.example.com",
        "way": "validating",
        "policy": "Fail",
        "selective": False,
        "unserved": [],
        "matched": ["create Book"],
        "before": {"calls": 3, "failed_open": 0},
        "after": {"calls": 4, "failed_open": 0},
    }
    return {**base, **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"unserved": ["book.example.com v1"]}, "its rules match nothing that is served"),
        ({"after": {"calls": 4, "failed_open": 2}}, "failed 2 times and let everything pass"),
        ({"after": {"calls": 3, "failed_open": 0}}, "was not called for create Book"),
        ({"after": {}, "before": {}}, "was not called for create Book"),
        ({"after": {"calls": 3}, "selective": True}, ""),
        ({"after": {"calls": 3}, "matched": []}, ""),
    ],
)
def test_a_webhook_must_be_called(changes: Json, words: str, recording: Recording) -> None:
    facts = {"webhooks": [hook(**changes)], "counted": True, "own_server": True}
    found = titles(judged(recording, "WEB-008", facts))
    assert bool(found) == bool(words)
    assert all(words in text for text in found)


def test_calls_that_nobody_counted_are_not_decided(recording: Recording) -> None:
    silent = hook(before={}, after={})
    facts = {"webhooks": [silent], "counted": False, "own_server": True}
    assert judged(recording, "WEB-008", facts).status is Status.NOT_VERIFIED
    assert judged(recording, "WEB-008", {}).status is Status.NOT_APPLICABLE


def down(write: Json, *unrelated: Json) -> Json:
    return {"webhooks": [hook()], "writes": [write], "unrelated": list(unrelated)}


@pytest.mark.parametrize(
    ("expected", "answer", "words"),
    [
        ("refused", DOWN, ""),
        ("accepted", OK, ""),
        ("unknown", DOWN, ""),
        ("refused", OK, "create Book is accepted; its failurePolicy says refused"),
        ("accepted", DOWN, "create Book is refused; its failurePolicy says accepted"),
    ],
)
def test_a_stopped_operator_fails_as_declared(
    expected: str, answer: Json, words: str, recording: Recording
) -> None:
    write = {"title": "create Book", "expected": expected, **answer}
    found = titles(judged(recording, "WEB-003", down(write)))
    assert bool(found) == bool(words)
    assert all(words in text for text in found)


def test_a_stopped_operator_leaves_others_alone(recording: Recording) -> None:
    write = {"title": "create Book", "expected": "refused", **DOWN}
    outcome = judged(recording, "WEB-003", down(write, {"title": "create ConfigMap", **DOWN}))
    assert titles(outcome) == [
        "With the operator down, requests that aren't its business fail: create ConfigMap"
    ]
    assert judged(recording, "WEB-003", {}).status is Status.NOT_APPLICABLE


ADMITTED = {
    "webhooks": ["v.example.com"],
    "first": OK,
    "second": OK,
    "once": {"spec": {"message": "a"}},
    "twice": {"spec": {"message": "a"}},
    "stored": False,
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"twice": {"spec": {"message": "a!"}}}, 'spec.message: "a" -> "a!"'),
        ({"second": INVALID, "once": {}, "twice": {}}, "is refused when it is sent again"),
        ({"stored": True}, "A dry run of sample created it"),
    ],
)
def test_admission_of_its_own_result_changes_nothing(
    changes: Json, words: str, recording: Recording
) -> None:
    found = titles(judged(recording, "WEB-004", {**ADMITTED, **changes}))
    assert bool(found) == bool(words)
    assert all(words in text for text in found)


def test_a_write_of_the_operator_during_dry_runs_is_a_trace(recording: Recording) -> None:
    recording.call(15, "create", "configmaps", "webhook-call", code=201)
    outcome = judged(recording, "WEB-004", ADMITTED)
    assert "wrote 1 times during dry runs: create configmaps" in titles(outcome)[0]
    assert outcome.findings[0].evidence[0].file == "evidence/audit.log"


def test_without_audit_or_answers_admission_is_not_decided(recording: Recording) -> None:
    refused = {**ADMITTED, "first": INVALID, "second": {}, "once": {}, "twice": {}}
    assert judged(recording, "WEB-004", refused).status is Status.NOT_VERIFIED
    assert judged(recording, "WEB-004", {}).status is Status.NOT_APPLICABLE
    recording.run.audit_log.unlink()
    phase = recording.phase(10, 20, "WEB-004", subject="sample", facts=ADMITTED)
    assert judge("WEB-004", recording.evidence, phase).status is Status.NOT_VERIFIED
