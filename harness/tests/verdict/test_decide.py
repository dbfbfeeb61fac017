"""The verdict: exit codes in their precedence, waivers, checklist, the sentence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from harness.catalogue import load_catalogue
from harness.evidence.ndjson import NdjsonWriter
from harness.model.cluster import ComponentVersion
from harness.model.findings import CheckOutcome, Finding, Severity, Status
from harness.model.load import ArrivalProcess, LoadPhase, PhaseRole
from harness.model.measurement import Measurement
from harness.model.records import GapRecord
from harness.model.result import ErrorNote, Fact, RunResult
from harness.model.target import Gate, Waiver
from harness.model.verdict import Verdict
from harness.tests.analysis.recording import Recording, span
from harness.verdict import decide

PASSED = CheckOutcome(check="INS-001", status=Status.PASS)
OPEN = CheckOutcome(check="RBA-004", status=Status.NOT_VERIFIED, reason="no audit log")
ERROR = ErrorNote(where="cluster", message="etcd died\nmore")


def finding(check: str = "REC-002", severity: Severity = Severity.BLOCKER, **more: Any) -> Finding:
    fields = {"title": "The operator wrote 9 times in 10 s at rest", **more}
    return Finding(check=check, severity=severity, **fields)


def failed(*findings: Finding) -> CheckOutcome:
    return CheckOutcome(
        check=findings[0].check,
        status=Status.FAIL,
        window=findings[0].window,
        findings=findings,
    )


def decided(recording: Recording, *outcomes: CheckOutcome, **more: Any) -> RunResult:
    return decide(
        evidence=recording.evidence, outcomes=outcomes, catalogue=load_catalogue(), **more
    )


def gate(name: str = "latency_max", bound: float = 2) -> Gate:
    return Gate(measurement=name, operator="<=", bound=bound, unit="s", text="2s")


def measured(value: float) -> Measurement:
    return Measurement(name="latency_max", value=value, unit="s", n=3, method="by hand")


def waiver(**more: Any) -> Waiver:
    fields = {"check": "REC-002", "reason": "known upstream", "expires": "2027-06-01", **more}
    return Waiver(**fields)


class TestVerdict:
    def test_passes_where_everything_holds(self, recording: Recording) -> None:
        recording.target(gates=(gate(),))

        result = decided(recording, PASSED, OPEN, measurements=[measured(1)])

        assert (result.verdict, result.exit_code) == (Verdict.PASS, 0)
        assert result.sentence == (
            "1 of 2 checks passed, 1 not verified: books installs; 1 of 1 gates met."
        )

    @pytest.mark.parametrize("severity", [Severity.BLOCKER, Severity.MAJOR])
    def test_fails_by_a_blocker_or_major_finding(
        self, recording: Recording, severity: Severity
    ) -> None:
        result = decided(recording, PASSED, failed(finding(severity=severity)), OPEN)

        assert (result.verdict, result.exit_code) == (Verdict.FAIL, 1)
        assert result.sentence == (
            "The operator wrote 9 times in 10 s at rest (REC-002); "
            "1 of 3 checks failed, 1 not verified."
        )

    @pytest.mark.parametrize("severity", [Severity.MINOR, Severity.INFO])
    def test_fails_by_a_minor_finding_only_if_asked(
        self, recording: Recording, severity: Severity
    ) -> None:
        outcome = failed(finding(severity=severity))

        result = decided(recording, PASSED, outcome)
        assert result.verdict is Verdict.PASS
        assert result.sentence == (
            f"1 of 2 checks passed, 1 {severity.value} finding: books installs."
        )

        recording.manifest(fail_on=("minor",))
        assert decided(recording, PASSED, outcome).exit_code == 1

    def test_counts_minor_findings_apart_from_those_for_information(
        self, recording: Recording
    ) -> None:
        light = [
            finding(severity=Severity.MINOR, title="One"),
            finding(severity=Severity.MINOR, title="Two"),
            finding(severity=Severity.INFO),
        ]
        result = decided(recording, PASSED, failed(*light))
        assert "2 minor findings, 1 info finding" in result.sentence

    def test_fails_by_a_broken_gate(self, recording: Recording) -> None:
        recording.target(gates=(gate(),))

        result = decided(recording, PASSED, measurements=[measured(3)])

        assert result.exit_code == 1
        assert result.sentence == (
            "Gate not met: latency_max is 3 s (n 3), which is not within <= 2 s; "
            "the one check passed; 0 of 1 gates met."
        )

    def test_is_inconclusive_by_a_gate_without_measurement(self, recording: Recording) -> None:
        recording.target(gates=(gate(),))

        result = decided(recording, PASSED)

        assert (result.verdict, result.exit_code) == (Verdict.INCONCLUSIVE, 5)
        assert "Gate undecided: latency_max was not measured in this run" in result.sentence

    def test_is_inconclusive_by_an_open_check_only_if_asked(self, recording: Recording) -> None:
        assert decided(recording, PASSED, OPEN).exit_code == 0

        recording.manifest(fail_on=("not_verified",))
        result = decided(recording, PASSED, OPEN)

        assert result.exit_code == 5
        assert "RBA-004 is not verified: no audit log" in result.sentence

    def test_is_inconclusive_by_a_question_that_a_suite_asked_and_nobody_could_answer(
        self, recording: Recording
    ) -> None:
        result = decided(recording, PASSED, questions=["The knee was not found: time ran out"])

        assert (result.verdict, result.exit_code) == (Verdict.INCONCLUSIVE, 5)
        assert result.sentence == "The knee was not found: time ran out; the one check passed."

    def test_is_inconclusive_where_not_one_check_was_decided(self, recording: Recording) -> None:
        result = decided(recording, OPEN)

        assert result.exit_code == 5
        assert "Not one check could be decided" in result.sentence
        assert "no check was judged" in decided(recording).sentence

    def test_takes_error_before_interruption_before_failure_before_doubt(
        self, recording: Recording
    ) -> None:
        recording.target(gates=(gate(),))
        outcomes = (PASSED, failed(finding()))

        assert decided(recording, PASSED).exit_code == 5
        assert decided(recording, *outcomes).exit_code == 1
        assert decided(recording, *outcomes, interrupted="SIGINT").exit_code == 2
        result = decided(recording, *outcomes, interrupted="SIGINT", errors=[ERROR])
        assert result.exit_code == 3
        assert result.sentence.startswith(
            "The harness broke (cluster): etcd died; 1 of 2 checks failed"
        )

    def test_is_an_error_where_a_test_broke(self, recording: Recording) -> None:
        recording.test("test_a", "broken", message="boom")
        recording.test("test_b", "broken")

        result = decided(recording, PASSED, errors=[ERROR, ERROR])

        assert result.exit_code == 3
        assert [note.where for note in result.errors] == ["cluster", "test_a", "test_b"]
        assert ", and 2 more reasons;" in result.sentence

    def test_of_an_error_without_a_word_still_says_so(self, recording: Recording) -> None:
        result = decided(recording, PASSED, errors=[ErrorNote(where="cluster", message=" ")])

        assert "(cluster): no message" in result.sentence

    def test_is_interrupted_by_what_evidence_knows(self, recording: Recording) -> None:
        recording.test("test_a", "started")
        result = decided(recording, PASSED)
        assert result.exit_code == 2
        assert "The run was cut short in test_a;" in result.sentence

        recording.stage("cluster", 0, 1)
        recording.stage("suite smoke", 1, 2, "interrupted")
        result = decided(recording, PASSED, interrupted="SIGINT")
        assert "The run was stopped during the stage suite smoke (SIGINT)" in result.sentence

    def test_is_interrupted_by_what_the_runner_knows(self, recording: Recording) -> None:
        result = decided(recording, PASSED, interrupted="SIGTERM")

        assert "The run was stopped before its end (SIGTERM)" in result.sentence


class TestFindings:
    def test_come_worst_first_and_once(self, recording: Recording) -> None:
        minor = finding(severity=Severity.MINOR, title="a")
        late, early = finding("RBA-004", title="b"), finding("INS-003", title="Guestbook c")

        result = decided(recording, failed(minor), failed(late, late), failed(early), failed(late))

        assert [item.title for item in result.findings] == ["Guestbook c", "b", "a"]
        assert result.sentence.startswith("Guestbook c (INS-003), and 1 more reason;")
        rows = {item.check.id: item.findings for item in result.checks}
        assert rows == {"REC-002": (2,), "RBA-004": (1,), "INS-003": (0,)}

    def test_of_the_install_bring_the_operators_last_lines(self, recording: Recording) -> None:
        recording.log(1, "gone")

        assert decided(recording, failed(finding("INS-003"))).tail == ("gone",)
        assert decided(recording, failed(finding())).tail == ()


class TestChecklist:
    def test_takes_the_worst_window(self, recording: Recording) -> None:
        outcomes = [
            CheckOutcome(check="REC-001", status=status, window=str(number), reason=reason)
            for number, (status, reason) in enumerate(
                [
                    (Status.PASS, ""),
                    (Status.NOT_VERIFIED, "the watch was broken"),
                    (Status.NOT_APPLICABLE, "no kind"),
                    (Status.NOT_VERIFIED, "again"),
                ]
            )
        ]

        (item,) = decided(recording, *outcomes).checks

        assert item.status is Status.NOT_VERIFIED
        assert item.reason == "the watch was broken (2 of 4 windows)"
        assert item.outcomes == 1

    def test_prefers_a_pass_to_not_applicable(self, recording: Recording) -> None:
        result = decided(
            recording,
            CheckOutcome(check="STA-002", status=Status.NOT_APPLICABLE, reason="x"),
            CheckOutcome(check="STA-002", status=Status.PASS),
            CheckOutcome(check="OBS-001", status=Status.NOT_APPLICABLE, reason="no metrics"),
        )

        assert [item.status for item in result.checks] == [Status.PASS, Status.NOT_APPLICABLE]
        assert result.checks[1].reason == "no metrics"
        assert "1 not applicable" in result.sentence

    def test_of_a_failure_without_a_finding_is_a_failure(self, recording: Recording) -> None:
        outcome = CheckOutcome(check="REC-001", status=Status.FAIL)

        assert decided(recording, outcome).checks[0].status is Status.FAIL


class TestWaivers:
    def test_take_a_finding_out_of_the_verdict(self, recording: Recording) -> None:
        recording.target(waivers=(waiver(match="9 times", link="https://example.com/1"),))

        result = decided(recording, PASSED, failed(finding(detail="seen")))

        assert result.verdict is Verdict.PASS
        assert result.findings == ()
        (waived,) = result.waived
        assert waived.detail == (
            "Waived until 2027-06-01: known upstream (https://example.com/1)\nseen"
        )
        assert [item.status for item in result.checks] == [
            Status.PASS,
            Status.WAIVED,
            Status.PASS,
        ]
        assert "1 waived" in result.sentence

    def test_match_by_check_and_by_subject_or_title(self, recording: Recording) -> None:
        recording.target(waivers=(waiver(match="secrets"),))
        about = finding(subject="get secrets", window="a")
        other = finding(subject="get pods", window="a")
        elsewhere = finding("RBA-004", subject="get secrets")

        result = decided(recording, failed(about, other), failed(elsewhere))

        assert result.waived[0].subject == "get secrets"
        assert [item.status for item in result.checks][:2] == [Status.FAIL, Status.FAIL]
        assert len(result.findings) == 2

    def test_that_waive_one_window_leave_the_other(self, recording: Recording) -> None:
        recording.target(waivers=(waiver(match="first"),))
        windows = [failed(finding(subject=name, window=name)) for name in ("first", "second")]

        result = decided(recording, *windows)

        assert result.checks[0].status is Status.FAIL
        assert [item.window for item in result.findings] == ["second"]

    @pytest.mark.parametrize("expires", ["2027-01-14", "someday"])
    def test_that_have_expired_fail(self, recording: Recording, expires: str) -> None:
        recording.target(waivers=(waiver(expires=expires, match="x"), waiver(expires=expires)))

        result = decided(recording, PASSED, failed(finding(severity=Severity.MINOR)))

        assert result.exit_code == 1
        assert result.waived == ()
        assert [item.title for item in result.findings[:2]] == [
            f"The waiver for REC-002 (x) expired on {expires}",
            f"The waiver for REC-002 expired on {expires}",
        ]
        assert result.checks[-1].check.id == "WAI-001"
        assert result.checks[-1].status is Status.FAIL
        assert "The waiver for REC-002 (x) expired on" in result.sentence

    def test_hold_on_their_last_day(self, recording: Recording) -> None:
        recording.target(waivers=(waiver(expires="2027-01-15"),))

        assert decided(recording, PASSED, failed(finding())).exit_code == 0

    def test_that_excuse_nothing_are_noted(self, recording: Recording) -> None:
        recording.target(waivers=(waiver(), waiver(match="secrets")))

        notes = decided(recording, PASSED).notes

        assert notes == (
            "The waiver for REC-002 excused nothing in this run.",
            "The waiver for REC-002 (secrets) excused nothing in this run.",
        )


class TestFacts:
    def test_of_run_and_environment_come_from_evidence(self, recording: Recording) -> None:
        recording.manifest(facts=(Fact(name="Host", value="Linux"),), twin="hot-loop")
        recording.cluster(
            components=(ComponentVersion(name="etcd", version="3.6", source="cache"),),
            facts=("etcd runs with --unsafe-no-fsync",),
            blind_spots=("Pods don't run.",),
        )
        recording.stage("cluster", 0, 5)
        recording.phase(5, 10)
        recording.test("test_a", "passed", when=11, checks=("REC-001",))

        result = decided(recording, PASSED)

        assert result.run.started == "2027-01-15T08:00:00+00:00"
        assert result.run.duration_s == 12
        assert result.run.twin == "hot-loop"
        facts = {fact.name: fact.value for fact in result.environment}
        assert facts["Host"] == "Linux"
        assert facts["Cluster"] == "local, Kubernetes v1.34.0"
        assert facts["Binaries (cache)"] == "etcd 3.6"
        assert facts["About the cluster"] == "etcd runs with --unsafe-no-fsync"
        assert result.blind_spots == ("Pods don't run.",)
        assert [(test.test, test.duration_s) for test in result.tests] == [("test_a", 1)]

    def test_of_a_soak_that_was_killed_last_until_its_last_phase(
        self, recording: Recording
    ) -> None:
        recording.stage("cluster", 0, 5)
        recording.run.load.mkdir()
        writer = NdjsonWriter(recording.run.load_phases_file)
        writer.write(
            LoadPhase(
                index=0,
                name="cycle-1-create",
                profile="soak",
                role=PhaseRole.CYCLE,
                process=ArrivalProcess.CONSTANT,
                rate_per_s=20.0,
                span=span(30, 40),
                arrivals=200,
                first_arrival=0,
            )
        )
        writer.close()
        assert decided(recording, PASSED).run.duration_s == 40

    def test_of_a_run_without_a_cluster_are_what_is_there(self, recording: Recording) -> None:
        recording.run.cluster_file.unlink()
        recording.run.installation_file.unlink()

        result = decided(recording, PASSED)

        empty = [result.environment, result.alterations, result.notes]
        assert not any(empty)
        assert result.run.duration_s == 0

    def test_of_gaps_in_the_evidence_are_noted_and_cut_short(self, recording: Recording) -> None:
        for number in range(12):
            gap = GapRecord(span=span(1, 2), source="audit", reason=f"reason {number}")
            recording.record(gap, gap)

        notes = decided(recording, PASSED).notes

        assert notes[0] == "Evidence is incomplete, 2 times: audit: reason 0"
        assert notes[-1] == "Evidence is incomplete in 2 more places."
        assert len(notes) == 11

    def test_of_the_result_can_be_written_and_read(self, recording: Recording) -> None:
        result = decided(recording, PASSED, failed(finding()), OPEN)

        assert msgspec.json.decode(msgspec.json.encode(result), type=RunResult) == result
