"""The cases of the operator's own tests stand in every report, red where their check is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from harness.catalogue import check_info
from harness.model.findings import ChecklistItem, Finding, Severity, Status
from harness.model.result import OwnTestResult, RunResult
from harness.model.verdict import Verdict
from harness.reporting import render_html, render_junit
from harness.reporting.allure.raw import RawTests
from harness.reporting.allure.results import render_results
from harness.reporting.cases import Case, State, cases
from harness.tests.reporting import results

if TYPE_CHECKING:
    from pathlib import Path

OK = OwnTestResult(check="INT-001", title="page step 0", outcome="passed", duration_s=1.25)
LATER = OwnTestResult(check="INT-001", title="page step 2", outcome="skipped", duration_s=0)
BAD = OwnTestResult(
    check="INT-001",
    title="page <step 1>",
    outcome="failed",
    duration_s=2,
    message="value mismatch\nwant 2, got 1",
)
FOUND = Finding(
    check="INT-001", severity=Severity.MAJOR, title="It failed", subject=BAD.title, detail="x"
)


def run(status: Status, **changes: object) -> RunResult:
    item = ChecklistItem(
        check=check_info("INT-001"), status=status, findings=(0,) if status is Status.FAIL else ()
    )
    changed = {"checks": (item,), "own_tests": (OK, BAD, LATER), **changes}
    return msgspec.structs.replace(results.passing(), **changed)


def failed() -> RunResult:
    return run(Status.FAIL, findings=(FOUND,), verdict=Verdict.FAIL, exit_code=1)


def own(result: RunResult) -> dict[str, Case]:
    return {case.own: case for case in cases(result) if case.own}


def test_a_failed_case_is_red_where_its_check_is() -> None:
    found = own(failed())
    assert {name: case.state for name, case in found.items()} == {
        OK.title: State.PASSED,
        BAD.title: State.FAILED,
        LATER.title: State.SKIPPED,
    }
    assert found[BAD.title].message == "value mismatch"
    assert found[BAD.title].text.endswith("want 2, got 1")


def test_a_waived_case_is_skipped_and_says_so() -> None:
    case = own(run(Status.WAIVED, waived=(FOUND,)))[BAD.title]
    assert (case.state, case.kind) == (State.SKIPPED, "waived")


def test_junit_holds_them_beside_the_checks_with_their_time() -> None:
    text = render_junit(failed())
    assert 'name="page step 0" time="1.250"' in text
    assert 'name="page &lt;step 1&gt;" time="2.000"' in text
    assert 'type="INT-001" message="value mismatch"' in text


def test_each_has_an_identity_of_its_own_in_allure(tmp_path: Path) -> None:
    made = render_results(failed(), RawTests(tmp_path))
    names = [result.full_name for result in made.results if "INT-001." in result.full_name]
    assert [name.rpartition("INT-001.")[2] for name in names] == [
        test.title for test in (OK, BAD, LATER)
    ]


@pytest.mark.parametrize("test", [OK, BAD, LATER], ids=lambda test: test.outcome)
def test_the_page_shows_them(test: OwnTestResult) -> None:
    page = render_html(failed())
    shown = test.title.replace("<", "&lt;").replace(">", "&gt;")
    assert f'<span class="test-id">{shown}</span>' in page
    assert 'href="#own-tests"' in page
