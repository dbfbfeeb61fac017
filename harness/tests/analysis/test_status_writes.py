"""STA-007: who writes the status where, and whether the operator touches the spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analysis import judge
from harness.model.findings import Status
from harness.model.records import Action
from harness.tests.analysis.recording import BOOK, BOOKS, HARNESS, Recording, at, book

if TYPE_CHECKING:
    from harness.model.findings import CheckOutcome

APART = {"has_status": True, "declared": True}


def state(recording: Recording, when: float, size: int = 1, **fields: Any) -> None:
    version = fields.pop("version", f"{when:g}")
    body = {**book(**fields), "spec": {"size": size}}
    recording.event(when, "MODIFIED", body, resource_version=version)


def judged(recording: Recording, facts: dict[str, Any] = APART) -> CheckOutcome:
    recording.call(25, "list", "pods", user=HARNESS)
    phase = recording.phase(
        19,
        20,
        "STA-007",
        subject="sample",
        objects=(BOOK,),
        facts={**facts, "since": at(1).wall_ns},
    )
    return judge("STA-007", recording.evidence, phase)


def test_a_status_that_is_written_by_its_subresource_passes(recording: Recording) -> None:
    recording.call(3, "patch", BOOKS, "sample")
    recording.call(4, "update", BOOKS, "sample", subresource="status")
    state(recording, 4.01, observed=1)
    assert judged(recording).status is Status.PASS


def test_a_status_that_is_written_with_the_object_is_a_finding(recording: Recording) -> None:
    recording.call(4, "update", BOOKS, "sample")
    state(recording, 4.01, observed=1)
    outcome = judged(recording, {"has_status": True, "declared": False})
    assert outcome.findings[0].title == "The operator writes the status with the object itself"
    assert outcome.findings[0].evidence[0].excerpt.startswith("update /apis/")


def test_a_status_that_is_written_in_vain_is_one_too(recording: Recording) -> None:
    recording.call(4, "update", BOOKS, "sample")
    state(recording, 4.01)
    assert "so it has no status" in judged(recording).findings[0].title


def test_a_finalizer_alone_is_no_status(recording: Recording) -> None:
    recording.call(4, "patch", BOOKS, "sample")
    state(recording, 4.01)
    assert judged(recording, {"has_status": False, "declared": False}).status is Status.PASS


def test_a_spec_that_the_operator_rewrites_is_a_finding(recording: Recording) -> None:
    state(recording, 3, size=1, observed=1)
    recording.call(4, "patch", BOOKS, "sample")
    recording.call(5, "update", BOOKS, "sample", subresource="status")
    state(recording, 4.005, size=2, observed=1)
    (finding,) = judged(recording).findings
    assert finding.title == "The operator rewrites the user's spec: spec.size: 1 -> 2"
    assert finding.evidence[0].line == 2


def test_what_the_suite_changes_is_not_the_operators(recording: Recording) -> None:
    state(recording, 3, size=1, observed=1)
    recording.call(4, "patch", BOOKS, "sample")
    recording.call(5, "update", BOOKS, "sample", subresource="status")
    recording.stimulus(4, Action.UPDATE, resource_version="77")
    state(recording, 4.005, size=2, observed=1, version="77")
    assert judged(recording).status is Status.PASS


def test_without_watch_or_audit_it_is_not_decided(recording: Recording) -> None:
    assert judged(recording).status is Status.NOT_VERIFIED
    state(recording, 3, observed=1)
    recording.run.audit_log.unlink()
    phase = recording.phase(19, 20, "STA-007", objects=(BOOK,), facts=APART)
    assert judge("STA-007", recording.evidence, phase).status is Status.NOT_VERIFIED
    phase = recording.phase(19, 20, "STA-007", facts=APART)
    assert judge("STA-007", recording.evidence, phase).status is Status.NOT_VERIFIED
