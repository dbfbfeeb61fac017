"""INS-001, INS-002, INS-003 and API-010."""

from __future__ import annotations

import pytest

from harness.analysis import judge
from harness.evidence.ndjson import write_document
from harness.model.findings import CheckOutcome, Finding, Severity, Status
from harness.tests.analysis.recording import Recording


def fault(recording: Recording, check: str) -> Finding:
    finding = Finding(check=check, severity=Severity.BLOCKER, title="the CRD was refused")
    write_document(recording.run.install_fault_file, finding)
    recording.run.installation_file.unlink()
    return finding


class TestInstalls:
    def judged(self, recording: Recording) -> CheckOutcome:
        return judge("INS-001", recording.evidence, None)

    def test_passes_where_an_installation_is(self, recording: Recording) -> None:
        assert self.judged(recording).status is Status.PASS

    def test_fails_with_the_installers_own_finding(self, recording: Recording) -> None:
        finding = fault(recording, "INS-001")

        assert self.judged(recording).findings == (finding,)

    def test_is_open_where_the_operator_was_started_and_did_not_become_ready(
        self, recording: Recording
    ) -> None:
        fault(recording, "INS-002")

        assert self.judged(recording).reason == (
            "the install stopped at INS-002 before it was complete"
        )

    def test_is_open_where_only_what_was_known_at_its_failure_is_left(
        self, recording: Recording
    ) -> None:
        recording.install(complete=False)

        for check in ("INS-001", "INS-002", "INS-003"):
            assert judge(check, recording.evidence, None).status is Status.NOT_VERIFIED

    def test_is_open_where_the_run_ended_before(self, recording: Recording) -> None:
        recording.run.installation_file.unlink()

        assert self.judged(recording).status is Status.NOT_VERIFIED


class TestBecomesReady:
    def judged(self, recording: Recording, **facts: object) -> CheckOutcome:
        phase = recording.phase(1, 31, "INS-002", facts=facts)
        return judge("INS-002", recording.evidence, phase)

    def test_passes_where_it_is(self, recording: Recording) -> None:
        assert self.judged(recording, ready=True).status is Status.PASS

    def test_fails_with_reason_and_last_lines(self, recording: Recording) -> None:
        recording.log(2, "no lease")
        recording.log(40, "too late to be shown")

        (finding,) = self.judged(recording, ready=False, reason="readyz: 500.\nmore").findings

        assert finding.title == "The operator did not become ready in 30 s: readyz: 500"
        assert finding.subject == "Deployment books-system/manager"
        assert finding.detail == ("readyz: 500.\nmore\nThe operator's last lines:\n  no lease")
        assert finding.evidence[0].file == "evidence/operator/manager.ndjson"

    def test_fails_without_any_line(self, recording: Recording) -> None:
        recording.run.installation_file.unlink()

        (finding,) = self.judged(recording, ready=False).findings

        assert finding.subject == "operator"
        assert "The operator printed nothing." in finding.detail

    def test_fails_without_a_window_by_the_installers_own_finding(
        self, recording: Recording
    ) -> None:
        finding = fault(recording, "INS-002")

        assert judge("INS-002", recording.evidence, None).findings == (finding,)


class TestStaysUp:
    def judged(self, recording: Recording) -> CheckOutcome:
        return judge("INS-003", recording.evidence, None)

    def test_passes_where_only_we_ended_it(self, recording: Recording) -> None:
        recording.process(1, "started")
        recording.process(9, "ended", exit_code=0, asked=True)

        assert self.judged(recording).status is Status.PASS

    def test_passes_where_another_process_ended(self, recording: Recording) -> None:
        recording.process(1, "started")
        recording.process(2, "ended", name="etcd", exit_code=1)
        recording.process(2, "ended", name="managers", exit_code=1)

        assert self.judged(recording).status is Status.PASS

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            (1, "exit code 1"),
            (0, "exit code 0"),
            (-9, "signal SIGKILL"),
            (-99, "signal 99"),
            (None, "an unknown exit code"),
        ],
    )
    def test_fails_where_it_ended_by_itself(
        self, recording: Recording, code: int | None, words: str
    ) -> None:
        recording.log(8, "panic: gone")
        recording.log(20, "of the next start")
        recording.process(1, "started")
        recording.process(9, "ended", exit_code=code)

        (finding,) = self.judged(recording).findings

        assert finding.severity is Severity.BLOCKER
        assert finding.title == (
            f"The operator's process ended by itself with {words}, 9.0 s into the run"
        )
        assert "  panic: gone" in finding.detail
        assert "of the next start" not in finding.detail
        assert [ref.file for ref in finding.evidence] == [
            "evidence/processes.ndjson",
            "evidence/operator/manager.ndjson",
        ]

    def test_fails_where_a_replica_ended(self, recording: Recording) -> None:
        recording.process(9, "ended", name="manager-2", exit_code=1)

        assert self.judged(recording).findings[0].subject == "manager-2"

    def test_is_open_without_a_start(self, recording: Recording) -> None:
        assert "no start" in self.judged(recording).reason

    def test_is_open_without_processes_of_ours(self, recording: Recording) -> None:
        recording.install(process="")

        assert "aren't ours to see" in self.judged(recording).reason

    def test_is_open_without_an_installation(self, recording: Recording) -> None:
        recording.run.installation_file.unlink()

        assert "never installed" in self.judged(recording).reason


class TestSampleIsAccepted:
    def judged(self, recording: Recording, status: int, message: str = "") -> CheckOutcome:
        phase = recording.phase(
            1,
            2,
            "API-010",
            subject="sample",
            facts={"status": status, "message": message, "warnings": ["old version"]},
        )
        return judge("API-010", recording.evidence, phase)

    def test_passes(self, recording: Recording) -> None:
        assert self.judged(recording, 201).status is Status.PASS

    def test_fails_with_the_servers_words(self, recording: Recording) -> None:
        (finding,) = self.judged(recording, 400, 'unknown field "spec.sizes"').findings

        assert finding.title == "The sample sample is refused by the API server with 400"
        assert '  unknown field "spec.sizes"' in finding.detail
        assert "  warning: old version" in finding.detail

    def test_fails_with_the_webhooks_words(self, recording: Recording) -> None:
        recording.log(1, "denied it")

        (finding,) = self.judged(
            recording, 403, 'admission webhook "v.books" denied the request: too big'
        ).findings

        assert finding.title == "The sample sample is refused by the webhook v.books with 403"
        assert "  denied it" in finding.detail

    def test_fails_with_the_words_of_a_conversion_that_failed(self, recording: Recording) -> None:
        (finding,) = self.judged(
            recording, 500, "conversion webhook for example.com/v2, Kind=Book failed: too old"
        ).findings

        assert finding.title == (
            "The sample sample is refused by the conversion webhook of Book (example.com/v2) "
            "with 500"
        )
        assert "failed: too old" in finding.detail

    def test_fails_where_the_webhook_did_not_answer(self, recording: Recording) -> None:
        message = 'Internal error occurred: failed calling webhook "v.books": refused'

        assert self.judged(recording, 500, message).status is Status.FAIL

    @pytest.mark.parametrize("status", [0, 401, 409, 429, 500])
    def test_is_open_where_the_sample_is_not_at_fault(
        self, recording: Recording, status: int
    ) -> None:
        outcome = self.judged(recording, status)

        assert outcome.status is Status.NOT_VERIFIED
        assert "the dry run got" in outcome.reason
