"""REC-001 and STA-002: ready, and saying so for the right generation."""

from __future__ import annotations

import pytest

from harness.analysis import judge
from harness.model.findings import CheckOutcome, Severity, Status
from harness.model.records import GapRecord
from harness.model.target import Readiness
from harness.tests.analysis.recording import BOOK, BOOKS, Recording, book, span


def judged(
    recording: Recording,
    check: str = "REC-001",
    *,
    generation: int = 1,
    checks: tuple[str, ...] = ("REC-001", "STA-002"),
    **facts: object,
) -> CheckOutcome:
    phase = recording.phase(
        10, 20, *checks, objects=(BOOK,), facts={"generation": generation, **facts}
    )
    return judge(check, recording.evidence, phase)


def test_ready_for_its_generation_passes(recording: Recording) -> None:
    recording.event(10.1, "ADDED", book())
    recording.event(11, "MODIFIED", book(observed=1, ready="True"))

    assert judged(recording).status is Status.PASS
    assert judged(recording, "STA-002").status is Status.PASS


def test_ready_only_for_a_moment_still_passes(recording: Recording) -> None:
    recording.event(11, "MODIFIED", book(observed=1, ready="True"))
    recording.event(12, "MODIFIED", book(observed=1, ready="False"))

    assert judged(recording).status is Status.PASS


def test_an_object_that_nobody_can_read_fails_with_the_servers_words(recording: Recording) -> None:
    refusal = "conversion webhook for example.com/v1, Kind=Guestbook failed: no such field"
    recording.wait(10.2, 19, met=False, refusal=refusal)
    recording.log(12, "can't convert")

    (finding,) = judged(recording).findings

    assert finding.title == (
        "guestbooks sample can't be read: "
        "the conversion webhook of Guestbook (example.com/v1) fails"
    )
    assert refusal in finding.detail
    assert "  can't convert" in finding.detail
    assert [ref.file for ref in finding.evidence] == ["evidence/suite.ndjson"]


def test_never_ready_fails_with_object_wait_events_and_log(recording: Recording) -> None:
    recording.event(10.1, "ADDED", book())
    recording.event(11, "MODIFIED", book(observed=1, ready="False"), resource_version="77")
    recording.wait(10.2, 19, met=False)
    recording.log(12, "no luck", "still none")
    recording.event(
        12,
        "ADDED",
        {
            "type": "Warning",
            "reason": "Failed",
            "note": "quota",
            "regarding": {"namespace": "default", "name": "sample"},
        },
        resource="events.events.k8s.io",
    )
    recording.event(12, "ADDED", {"involvedObject": {"name": "other"}}, resource="events")

    outcome = judged(recording, change="spec.size: 1 -> 2")

    (finding,) = outcome.findings
    assert outcome.status is Status.FAIL
    assert finding.severity is Severity.BLOCKER
    assert finding.title == ("Guestbook sample did not become ready for generation 1 within 9 s")
    assert "After the change spec.size: 1 -> 2." in finding.detail
    assert "- awaited: condition Ready is True" in finding.detail
    assert "  Warning Failed: quota" in finding.detail
    assert "  still none" in finding.detail
    assert finding.evidence[0].file == f"evidence/timeline/{BOOKS}.ndjson"
    assert finding.evidence[0].line == 2
    assert "77" in finding.evidence[0].excerpt
    assert judged(recording, "STA-002").status is Status.PASS


def test_ready_after_the_window_is_too_late(recording: Recording) -> None:
    recording.event(10.1, "ADDED", book())
    recording.event(20.5, "MODIFIED", book(observed=1, ready="True"))

    assert judged(recording).status is Status.FAIL


def test_deleted_before_it_was_ready_fails(recording: Recording) -> None:
    recording.event(10.1, "ADDED", book(observed=1))
    recording.event(12, "DELETED", book(observed=1, ready="True"))

    (finding,) = judged(recording).findings

    assert "The object was deleted meanwhile." in finding.detail


def test_readiness_of_the_old_generation_does_not_count(recording: Recording) -> None:
    recording.event(5, "MODIFIED", book(ready="True"))
    recording.event(10.1, "MODIFIED", book(generation=2, ready="False"))

    assert judged(recording, generation=2).status is Status.FAIL


def test_readiness_of_another_object_of_the_same_name_does_not_count(recording: Recording) -> None:
    recording.event(10, "ADDED", book(uid="other", observed=1, ready="True"))
    recording.event(10.1, "ADDED", book())

    assert judged(recording).status is Status.FAIL


class TestObservedGeneration:
    def stale(self, recording: Recording) -> None:
        recording.event(5, "MODIFIED", book(observed=1, ready="True"))
        recording.event(10.1, "MODIFIED", book(generation=2, observed=1, ready="True"))
        recording.event(12, "MODIFIED", book(generation=2, observed=1, ready="True"))

    def test_that_stays_behind_is_one_finding_of_its_own(self, recording: Recording) -> None:
        self.stale(recording)

        outcome = judged(recording, "STA-002", generation=2)

        (finding,) = outcome.findings
        assert finding.severity is Severity.MAJOR
        assert finding.title == (
            "Guestbook sample still has observedGeneration 1, 10 s after its generation became 2"
        )
        assert finding.subject == f"{BOOKS} default/sample"
        assert "- awaited: observedGeneration 2\n+ seen: observedGeneration 1\n" in finding.detail

    def test_that_stays_behind_keeps_convergence_quiet(self, recording: Recording) -> None:
        self.stale(recording)

        outcome = judged(recording, generation=2)

        assert outcome.status is Status.NOT_VERIFIED
        assert "observedGeneration stays at 1 for generation 2" in outcome.reason

    def test_that_nobody_judges_leaves_the_finding_to_convergence(
        self, recording: Recording
    ) -> None:
        self.stale(recording)

        assert judged(recording, generation=2, checks=("REC-001",)).status is Status.FAIL

    def test_that_comes_with_the_first_generation_leaves_the_finding_to_convergence(
        self, recording: Recording
    ) -> None:
        recording.event(1, "ADDED", book(name="other", uid="o", observed=1))
        recording.event(10.1, "ADDED", book())

        assert judged(recording).status is Status.FAIL
        (finding,) = judged(recording, "STA-002").findings
        assert "has no observedGeneration" in finding.title

    def test_that_a_kind_never_shows_is_not_applicable(self, recording: Recording) -> None:
        recording.event(10.1, "ADDED", book(ready="True"))

        outcome = judged(recording, "STA-002")

        assert outcome.status is Status.NOT_APPLICABLE
        assert outcome.reason == f"{BOOKS} never shows an observedGeneration"

    def test_of_the_condition_that_decides_readiness_is_enough(self, recording: Recording) -> None:
        recording.event(10.1, "ADDED", book(ready="True", condition_observed=1))

        assert judged(recording, "STA-002").status is Status.PASS

    def test_may_be_a_string_of_digits(self, recording: Recording) -> None:
        body = book(generation=2, ready="True")
        body["status"]["observedGeneration"] = "2"
        recording.event(10.1, "MODIFIED", body)

        assert judged(recording, "STA-002", generation=2).status is Status.PASS
        assert judged(recording, "STA-002", generation=3).status is Status.FAIL

    def test_of_any_condition_is_enough_where_none_decides(self, recording: Recording) -> None:
        recording.target(ready=Readiness())
        body = book(generation=2, ready="True", condition_observed=1)
        body["status"]["conditions"].append({"type": "Other", "observedGeneration": 2})
        recording.event(10.1, "MODIFIED", body)

        assert judged(recording, "STA-002", generation=2).status is Status.PASS


@pytest.mark.parametrize("check", ["REC-001", "STA-002"])
class TestEvidence:
    def test_of_a_broken_watch_decides_nothing(self, recording: Recording, check: str) -> None:
        recording.event(10.1, "ADDED", book(generation=2, observed=1))
        recording.record(
            GapRecord(span=span(12, 13), source=f"timeline/{BOOKS}", reason="disconnected")
        )

        outcome = judged(recording, check, generation=2)

        assert outcome.status is Status.NOT_VERIFIED
        assert outcome.reason == f"the watch of {BOOKS} was broken: disconnected"

    def test_without_any_watch_event_decides_nothing(
        self, recording: Recording, check: str
    ) -> None:
        outcome = judged(recording, check)

        assert outcome.status is Status.NOT_VERIFIED
        assert "the watch recorded nothing" in outcome.reason

    def test_without_a_generation_decides_nothing(self, recording: Recording, check: str) -> None:
        assert "which generation" in judged(recording, check, generation=0).reason

    def test_without_an_object_decides_nothing(self, recording: Recording, check: str) -> None:
        phase = recording.phase(10, 20, check)

        assert "names no object" in judge(check, recording.evidence, phase).reason

    def test_of_malformed_objects_decides_by_what_is_there(
        self, recording: Recording, check: str
    ) -> None:
        recording.event(10, "ADDED", book(observed=1, ready="True"))
        body = book()
        body["status"] = "odd"
        body["metadata"]["generation"] = "odd"
        recording.event(10.1, "MODIFIED", body)
        body["status"] = {"conditions": ["odd", {"type": "Ready"}], "observedGeneration": "odd"}
        recording.event(10.2, "MODIFIED", body)

        assert judged(recording, check).status is Status.PASS


def test_an_update_is_ready_once_a_kind_of_undeclared_rule_is_current(recording: Recording) -> None:
    recording.target(kinds=())
    recording.event(10, "ADDED", book(observed=1, ready="True"))

    assert judged(recording).status is Status.PASS


def test_a_timeline_behind_the_test_s_own_wait_is_no_fault_of_the_operator(
    recording: Recording,
) -> None:
    recording.event(10.1, "ADDED", book())
    recording.wait(10.2, 11, met=True)

    outcome = judged(recording)

    assert outcome.status is Status.NOT_VERIFIED
    assert "evidence is incomplete" in outcome.reason
