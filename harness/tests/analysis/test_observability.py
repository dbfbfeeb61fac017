"""OBS-001 and OBS-006: metrics that parse, a log without panics and bursts."""

from __future__ import annotations

import pytest

from harness.analysis import judge
from harness.analysis.logs import is_error, panic_message
from harness.model.findings import CheckOutcome, Severity, Status
from harness.model.records import Action
from harness.model.target import Metrics, WorkloadSpec
from harness.tests.analysis.recording import Recording

GOOD = """# HELP workqueue_adds_total Adds.
# TYPE workqueue_adds_total counter
workqueue_adds_total{name="book"} 3
# HELP up Whether.
# TYPE up gauge
up 1
"""
OPENMETRICS = """# HELP jobs Jobs.
# TYPE jobs counter
jobs_total 3.0
# EOF
"""


class TestMetrics:
    def judged(self, recording: Recording) -> CheckOutcome:
        phase = recording.phase(10, 20, "OBS-001")
        return judge("OBS-001", recording.evidence, phase)

    def test_that_parse_pass(self, recording: Recording) -> None:
        recording.page(11, GOOD)
        recording.page(12, OPENMETRICS, content_type="application/openmetrics-text; version=1.0.0")

        assert self.judged(recording).status is Status.PASS

    @pytest.mark.parametrize(
        ("body", "status", "title"),
        [
            ("", 0, "The metrics endpoint did not answer"),
            ("Unauthorized", 401, "The metrics endpoint answered 401"),
            ("<html>no</html>", 200, "The metrics page can't be parsed"),
            ("", 200, "The metrics page is empty"),
            ("down 1\n" + GOOD, 200, "1 of 3 metrics have no HELP or no TYPE"),
            (
                "".join(f"m{number} 1\n" for number in range(12)),
                200,
                "12 of 12 metrics have no HELP or no TYPE",
            ),
        ],
    )
    def test_that_cannot_be_used_are_a_minor_finding(
        self, recording: Recording, body: str, status: int, title: str
    ) -> None:
        recording.page(11, body, status=status, error="refused" if not status else "")

        (finding,) = self.judged(recording).findings

        assert finding.severity is Severity.MINOR
        assert finding.title == title
        assert finding.evidence[0].file == "evidence/metrics/0011.000.json"

    def test_outside_the_window_decide_nothing(self, recording: Recording) -> None:
        recording.page(9, "<html>")
        recording.page(21, "<html>")

        assert self.judged(recording).reason == "nothing was scraped in its window"

    def test_of_a_target_without_any_are_not_applicable(self, recording: Recording) -> None:
        recording.install(metrics=None)

        assert self.judged(recording).status is Status.NOT_APPLICABLE

    def test_that_only_the_target_declares_are_awaited(self, recording: Recording) -> None:
        recording.install(metrics=None)
        recording.target(
            workloads=(WorkloadSpec(deployment="manager", metrics=Metrics(port=8443)),)
        )

        assert self.judged(recording).status is Status.NOT_VERIFIED


class TestLog:
    def judged(self, recording: Recording) -> CheckOutcome:
        return judge("OBS-006", recording.evidence, None)

    def test_of_ordinary_lines_passes(self, recording: Recording) -> None:
        recording.log(1, "started", "--recover-panic=true", '{"level":"error","msg":"conflict"}')

        assert self.judged(recording).status is Status.PASS

    def test_that_is_empty_decides_nothing(self, recording: Recording) -> None:
        assert self.judged(recording).status is Status.NOT_VERIFIED

    def test_with_a_panic_fails_once_for_each_message(self, recording: Recording) -> None:
        stack = ["panic: assignment to entry in nil map", "", "goroutine 7 [running]:"]
        recording.log(1, "ok", *stack)
        recording.log(5, *stack)
        recording.log(9, "fatal error: all goroutines are asleep - deadlock!")

        first, second = self.judged(recording).findings

        assert first.severity is Severity.BLOCKER
        assert first.title == "The operator panicked 2 times: assignment to entry in nil map"
        assert first.detail.startswith("panic: assignment")
        assert [ref.line for ref in first.evidence] == [2, 5]
        assert second.title.startswith("The operator panicked once: all goroutines are asleep")

    def test_with_a_recovered_panic_fails(self, recording: Recording) -> None:
        recording.log(
            1,
            '{"level":"error","msg":"Observed a panic","panic":"nil map"}',
            '{"level":"error","msg":"Reconciler error","err":"panic: nil map [recovered]"}',
        )

        (finding,) = self.judged(recording).findings

        assert finding.title == "The operator panicked once: Observed a panic: nil map"

    def test_with_a_python_traceback_fails_with_the_exception(self, recording: Recording) -> None:
        recording.log(
            1,
            "Traceback (most recent call last):",
            '  File "x.py", line 1, in <module>',
            "KeyError: 'spec'",
        )
        recording.log(3, '{"msg": "Traceback (most recent call last):\\n  File\\nValueError: no"}')
        recording.log(5, "Traceback (most recent call last):")

        titles = [finding.title for finding in self.judged(recording).findings]

        assert titles[0] == "The operator panicked once: KeyError: 'spec'"
        assert len(titles) == 3

    def test_with_a_traceback_of_a_process_that_was_told_to_stop_passes(
        self, recording: Recording
    ) -> None:
        recording.log(1, "Traceback (most recent call last):", "asyncio.exceptions.CancelledError")

        assert self.judged(recording).status is Status.PASS

    def test_with_a_burst_of_errors_is_a_major_finding(self, recording: Recording) -> None:
        recording.log(1, "E1120 03:00:00.000000       1 a.go:1] lonely")
        recording.log(30, *["level=error msg=no"] * 25, step=0.1)
        recording.log(60, *["level=error msg=no"] * 20, step=0.1)

        (finding,) = self.judged(recording).findings

        assert finding.severity is Severity.MAJOR
        assert finding.title == "The operator logged 25 errors within 10 s"
        assert finding.evidence[0].line == 2

    def test_with_slow_errors_passes(self, recording: Recording) -> None:
        recording.log(1, *["level=error msg=no"] * 60, step=0.6)

        assert self.judged(recording).status is Status.PASS

    @pytest.mark.parametrize("action", [Action.RESTART, Action.KILL, Action.PAUSE, Action.RESUME])
    def test_with_a_burst_where_we_disturbed_it_passes(
        self, recording: Recording, action: Action
    ) -> None:
        recording.log(31, *["level=error msg=no"] * 25, step=0.1)
        recording.stimulus(30, action, None)

        assert self.judged(recording).status is Status.PASS

    def test_with_a_burst_while_we_stopped_it_passes(self, recording: Recording) -> None:
        recording.log(31, *["level=error msg=no"] * 25, step=0.1)
        recording.process(30, "ended", asked=True)

        assert self.judged(recording).status is Status.PASS

    def test_with_a_burst_that_the_last_test_saw_fails_after_the_end_as_it_did_before(
        self, recording: Recording
    ) -> None:
        recording.log(20, *["level=error msg=no"] * 25, step=0.1)
        recording.test("test_whole_run.py::test_logged_no_panic", "failed", when=25)
        before = self.judged(recording).status
        recording.process(30, "ended", asked=True)

        assert (before, self.judged(recording).status) == (Status.FAIL, Status.FAIL)

    def test_with_a_burst_after_a_mere_update_fails(self, recording: Recording) -> None:
        recording.log(31, *["level=error msg=no"] * 25, step=0.1)
        recording.stimulus(30, Action.UPDATE)

        assert self.judged(recording).status is Status.FAIL


@pytest.mark.parametrize(
    "text",
    [
        '{"level":"error","ts":1,"msg":"x"}',
        '{"severity":"ERROR","message":"x"}',
        '{"levelname":"CRITICAL","message":"x"}',
        '{"level":50,"msg":"x"}',
        '{"level":"dpanic","msg":"x"}',
        "2027-01-15T08:00:00.000Z\tERROR\tcontroller\tfailed",
        "2027-01-15T08:00:00Z\tDPANIC\todd",
        "E0115 08:00:00.123456       1 leader.go:330] error retrieving",
        "F0115 08:00:00.123456       1 main.go:3] fatal",
        'time="2027" level=error msg="x"',
        "ts=2027 lvl=eror msg=x",
        "ERROR:root:failed",
        "[2027-01-15 08:00:00,000] kopf.objects         [ERROR   ] [default/x] failed",
        "2027-01-15 08:00:00,000 - books - CRITICAL - failed",
    ],
)
def test_errors_are_understood_in_usual_formats(text: str) -> None:
    assert is_error(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"level":"info","msg":"ERROR is a word"}',
        '{"level":30,"msg":"x"}',
        '{"msg":"no level"}',
        '{"level":null}',
        '{"level":"error", torn',
        "{}",
        "2027-01-15T08:00:00.000Z\tINFO\tno ERROR was found",
        "I0115 08:00:00.123456       1 leader.go:330] ERROR",
        "W0115 08:00:00.123456       1 leader.go:330] careful",
        "level=warn msg=ERROR",
        "something failed, somewhere",
        "INFO:root:fine",
        "",
    ],
)
def test_what_is_no_error_is_none(text: str) -> None:
    assert not is_error(text)


def test_a_rust_panic_is_understood() -> None:
    line = "thread 'main' panicked at src/main.rs:3:5:"
    assert panic_message(line) == "src/main.rs:3:5:"


def test_a_word_about_panics_is_none() -> None:
    assert panic_message("don't panic: it is fine") is None
