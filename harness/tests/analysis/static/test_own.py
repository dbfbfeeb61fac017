"""UNI-001: what became of the operator's own unit tests decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.analysis.judge import judge
from harness.evidence.ndjson import write_document
from harness.evidence.reader import Evidence
from harness.model.findings import CheckOutcome, Status
from harness.model.records import FailedTest, OwnTests
from harness.model.target import Tests
from harness.tests.analysis.static.shop import Shop

if TYPE_CHECKING:
    from pathlib import Path

DONE = OwnTests(
    command=("go", "test", "./..."),
    exit_code=0,
    seconds=1.5,
    limit_s=600,
    counted=True,
    passed=3,
    log="own-tests.log",
)


def outcome(
    folder: Path, *, command: tuple[str, ...] = DONE.command, **fields: Any
) -> CheckOutcome:
    evidence = Shop().evidence(folder)
    target = msgspec.structs.replace(evidence.target, tests=Tests(unit=command))
    write_document(evidence.run.target_file, target)
    if fields:
        write_document(evidence.run.own_tests_file, msgspec.structs.replace(DONE, **fields))
    return judge("UNI-001", Evidence(evidence.run), None)


def test_tests_that_pass_pass(tmp_path: Path) -> None:
    assert outcome(tmp_path, passed=3).status is Status.PASS


def test_each_failed_test_is_a_finding_with_its_words(tmp_path: Path) -> None:
    failed = (
        FailedTest(name="shop TestOpen", output="want 2, got 3"),
        FailedTest(name="shop TestClose"),
    )
    found = outcome(tmp_path, exit_code=1, failed=failed)
    assert found.status is Status.FAIL
    assert [item.title for item in found.findings] == [
        "The operator's test shop TestOpen failed",
        "The operator's test shop TestClose failed",
    ]
    assert found.findings[0].detail == "want 2, got 3"
    assert found.findings[0].evidence[0].file == "evidence/own-tests.log"


def test_many_failed_tests_are_twenty_findings_and_a_list(tmp_path: Path) -> None:
    failed = tuple(FailedTest(name=f"shop Test{number}") for number in range(25))
    findings = outcome(tmp_path, exit_code=1, failed=failed).findings
    assert len(findings) == 21
    assert findings[-1].title == "5 more of the operator's tests failed"
    assert "shop Test24" in findings[-1].detail


def test_a_command_that_tells_no_tests_is_judged_by_its_exit_code(tmp_path: Path) -> None:
    found = outcome(tmp_path, exit_code=2, counted=False, tail="make: *** [test] Error 2")
    (finding,) = found.findings
    assert finding.title == "The operator's unit tests ended with 2"
    assert finding.detail == "make: *** [test] Error 2"


def test_tests_that_take_too_long_fail(tmp_path: Path) -> None:
    (finding,) = outcome(tmp_path, exit_code=None, limit_s=30, tail="=== RUN TestHang").findings
    assert finding.title == "The operator's unit tests took longer than 30 s and were stopped"
    assert "TestHang" in finding.detail


def test_a_command_that_ran_no_test_shows_nothing(tmp_path: Path) -> None:
    found = outcome(tmp_path, passed=0)
    assert (found.status, found.reason) == (Status.NOT_VERIFIED, "go test ./... ran no test")


def test_tests_that_were_left_out_are_not_verified(tmp_path: Path) -> None:
    assert outcome(tmp_path).status is Status.NOT_VERIFIED


def test_a_target_that_names_no_tests_has_none(tmp_path: Path) -> None:
    found = outcome(tmp_path, command=())
    assert found.status is Status.NOT_APPLICABLE
