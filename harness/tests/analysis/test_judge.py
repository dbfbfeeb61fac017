"""The one judge: windows, runs, reasons, and what the suite's own tests say."""

from __future__ import annotations

import pytest

from harness.analysis import judge, judge_run
from harness.analysis.registry import RUN_CHECKS, WINDOW_CHECKS
from harness.catalogue import load_catalogue
from harness.errors import UsageError
from harness.evidence.ndjson import write_document
from harness.model.findings import CheckOutcome, Finding, Severity, Status
from harness.model.records import JudgedRecord
from harness.tests.analysis.recording import BOOK, HARNESS, Recording, book


def by_check(outcomes: tuple[CheckOutcome, ...]) -> dict[str, CheckOutcome]:
    return {outcome.check: outcome for outcome in outcomes}


def test_every_check_of_the_catalogue_is_judged_in_one_place() -> None:
    judged = [*RUN_CHECKS, *WINDOW_CHECKS]

    assert len(judged) == len(set(judged))
    assert set(judged) | {"WAI-001"} == set(load_catalogue())


def test_every_entry_of_the_catalogue_is_written_for_people() -> None:
    for check, info in load_catalogue().items():
        for text in (info.title, info.why, info.how, info.limits, info.remedy):
            assert text[0].isupper() or text.startswith("observedGeneration"), check
        assert not info.title.endswith("."), check
        assert info.limits.count(". ") == 0, check


def test_an_unknown_check_is_a_usage_error_with_a_suggestion(recording: Recording) -> None:
    with pytest.raises(UsageError) as error:
        judge("REC-02", recording.evidence, None)
    assert error.value.hint.startswith("Did you mean 'REC-0")

    with pytest.raises(UsageError) as error:
        judge_run(recording.evidence, ["?"])
    assert "harness checks list" in error.value.hint


def test_a_check_that_only_the_verdict_judges_is_a_usage_error(recording: Recording) -> None:
    with pytest.raises(UsageError):
        judge("WAI-001", recording.evidence, None)


def test_judging_twice_gives_the_same(recording: Recording) -> None:
    recording.call(12, "update", "configmaps", "page")
    recording.call(21, "list", "pods", user=HARNESS)
    phase = recording.phase(10, 20, "REC-002")
    during = judge("REC-002", recording.evidence, phase)
    recording.record(JudgedRecord(phase=phase.name, outcome=during))

    again = by_check(judge_run(recording.evidence, ["REC-002"]))["REC-002"]

    assert again == during
    assert recording.evidence.judged()[0].outcome == again


def test_a_run_is_judged_in_every_window_that_names_a_check(recording: Recording) -> None:
    recording.event(10, "ADDED", book(observed=1, ready="True"))
    for start in (10, 30):
        recording.phase(start, start + 5, "REC-001", objects=(BOOK,), facts={"generation": 1})
    recording.phase(40, 41)
    recording.phase(50, 51, "RBA-004", "XXX-999")

    outcomes = judge_run(recording.evidence, ["INS-001", "REC-001"])

    assert [(o.check, o.window, o.status) for o in outcomes] == [
        ("INS-001", "", Status.PASS),
        ("REC-001", "window 10", Status.PASS),
        ("REC-001", "window 30", Status.PASS),
        ("INS-003", "", Status.NOT_VERIFIED),
        ("RBA-004", "", Status.PASS),
    ]


class TestWithoutWindow:
    """A check whose window was never recorded says why."""

    def reason(self, recording: Recording) -> str:
        outcome = by_check(judge_run(recording.evidence, ["REC-002"]))["REC-002"]
        assert outcome.status is Status.NOT_VERIFIED
        assert outcome.reason.startswith("its test did not run: ")
        return outcome.reason.removeprefix("its test did not run: ")

    def test_because_no_test_opens_it(self, recording: Recording) -> None:
        assert self.reason(recording) == "no test of the suites that ran opens its window"

    def test_because_the_install_failed(self, recording: Recording) -> None:
        recording.run.cluster_file.unlink()
        finding = Finding(check="INS-001", severity=Severity.BLOCKER, title="refused")
        write_document(recording.run.install_fault_file, finding)

        assert self.reason(recording) == "the operator could not be installed (see INS-001)"

    def test_because_a_check_before_it_was_red(self, recording: Recording) -> None:
        red = Finding(check="REC-001", severity=Severity.BLOCKER, title="never ready")
        passed = CheckOutcome(check="REC-001", status=Status.PASS)
        outcome = CheckOutcome(check="REC-001", status=Status.FAIL, findings=(red,))
        recording.record(JudgedRecord(phase="create", outcome=passed))
        recording.record(JudgedRecord(phase="create", outcome=outcome))
        recording.test("t.py::test_a[x]", "failed", message="REC-001 long words")

        assert self.reason(recording) == "REC-001 had failed before it"

    def test_because_the_run_was_interrupted(self, recording: Recording) -> None:
        recording.stage("suite smoke", 1, 2, "interrupted")

        assert self.reason(recording) == "the run was interrupted during suite smoke"

    def test_because_the_run_was_killed(self, recording: Recording) -> None:
        recording.test("test_a", "started")
        recording.test("test_a", "passed")
        recording.test("test_b", "started")

        assert self.reason(recording) == "the run was cut short in test_b"

    def test_because_a_stage_failed(self, recording: Recording) -> None:
        recording.run.installation_file.unlink()
        recording.stage("cluster", 1, 2, "failed")

        assert self.reason(recording) == "the operator was never installed (cluster failed)"

    def test_because_it_never_came_to_an_install(self, recording: Recording) -> None:
        recording.run.installation_file.unlink()

        assert self.reason(recording) == "the operator was never installed"

    @pytest.mark.parametrize(
        ("outcome", "words"),
        [("broken", "broke"), ("failed", "failed"), ("skipped", "was skipped")],
    )
    def test_because_an_earlier_test_did_not_pass(
        self, recording: Recording, outcome: str, words: str
    ) -> None:
        recording.test("test_ok", "passed")
        recording.test("test_bad", outcome, message="no sample\nmore", checks=("REC-001",))

        assert self.reason(recording) == f"test_bad {words} (no sample)"

    def test_because_an_earlier_test_failed_without_a_word(self, recording: Recording) -> None:
        recording.test("test_bad", "broken")

        assert self.reason(recording) == "test_bad broke"


class TestOwnAssertions:
    """SUI-001."""

    def judged(self, recording: Recording) -> CheckOutcome:
        return judge("SUI-001", recording.evidence, None)

    def test_that_hold_pass(self, recording: Recording) -> None:
        recording.test("test_mine", "passed")

        assert self.judged(recording).status is Status.PASS
        assert "SUI-001" not in by_check(judge_run(recording.evidence, []))

    def test_that_fail_are_a_major_finding_in_any_suite(self, recording: Recording) -> None:
        recording.test("test_mine", "failed", message="3 != 2\nmore")
        recording.test("test_silent", "failed")

        outcome = by_check(judge_run(recording.evidence, ["REC-002"]))["SUI-001"]

        first, second = outcome.findings
        assert first.severity is Severity.MAJOR
        assert first.title == "test_mine failed: 3 != 2"
        assert first.detail == "3 != 2\nmore"
        assert second.title == "test_silent failed"

    def test_that_a_finding_of_a_check_explains_are_none(self, recording: Recording) -> None:
        failed = CheckOutcome(check="REC-002", status=Status.FAIL)
        phase = recording.phase(1, 2, "REC-002", test="test_silence")
        recording.record(JudgedRecord(phase=phase.name, outcome=failed))
        recording.record(
            JudgedRecord(phase="", outcome=CheckOutcome(check="RBA-004", status=Status.FAIL))
        )
        recording.test("test_silence", "failed", checks=("REC-002",))
        recording.test("test_denied", "failed", checks=("RBA-004",))

        assert self.judged(recording).status is Status.NOT_APPLICABLE

    def test_that_fail_beside_a_check_that_holds_are_a_finding(self, recording: Recording) -> None:
        passed = CheckOutcome(check="REC-002", status=Status.PASS)
        phase = recording.phase(1, 2, "REC-002", test="test_silence")
        recording.record(JudgedRecord(phase=phase.name, outcome=passed))
        recording.test("test_silence", "failed", checks=("REC-002",))

        assert len(self.judged(recording).findings) == 1

    def test_are_explained_by_their_checks_where_nobody_noted_the_judge(
        self, recording: Recording
    ) -> None:
        recording.test("test_silence", "failed", checks=("REC-002",))

        assert self.judged(recording).status is Status.NOT_APPLICABLE

    def test_that_never_came_to_an_end_are_open(self, recording: Recording) -> None:
        assert self.judged(recording).status is Status.NOT_VERIFIED
        recording.test("test_mine", "skipped")
        recording.test("test_yours", "broken")

        assert self.judged(recording).status is Status.NOT_VERIFIED
