"""Several suites in one run: one cluster, one install, one verdict over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.model.findings import Status
from harness.model.verdict import Verdict
from harness.tests.runner.running import SHORT, Finished, suite

if TYPE_CHECKING:
    from harness.tests.runner.running import Home, Runs

pytestmark = pytest.mark.controlplane

GOOD = """
class TestLife:
    def test_converges(self, custom_resource):
        custom_resource.create().await_ready()
"""
BAD = """
def test_two_is_three():
    assert 2 == 3, "two isn't three"
"""


def run(home: Home, *words: str, **files: str) -> Finished:
    """Runs the bundled smoke suite, and one of the user's own with these files."""
    own = suite(home, "mine", **files)
    return home.run("--suite", "smoke", "--suite", own, *SHORT, *words).finish()


def both_good(home: Home) -> Finished:
    return run(home, test_life=GOOD)


def second_bad(home: Home) -> Finished:
    return run(home, test_mine=BAD)


def first_bad(home: Home) -> Finished:
    """Only the first suite's tests of its own match; one of them fails, and the rest is off."""
    one = suite(home, "one", test_one=BAD)
    two = suite(home, "two", test_two=GOOD)
    return home.run("--suite", one, "--suite", two, "--fail-fast", *SHORT).finish()


def selected(home: Home) -> Finished:
    return run(home, "-k", "test_here", test_mine="def test_here():\n    pass\n")


SCENARIOS: dict[str, Any] = {
    "both good": both_good,
    "the second is bad": second_bad,
    "fail fast": first_bad,
    "selected": selected,
}


def named(done: Finished, folder: str) -> list[str]:
    return [test.test for test in done.result.tests if test.test.startswith(f"{folder}/")]


def test_the_verdict_covers_both_and_the_result_lists_both(runs: Runs) -> None:
    done: Finished = runs["both good"]
    assert done.exit_code == 0, done.stdout + done.stderr
    assert done.result.verdict is Verdict.PASS
    assert done.result.run.suites == ("smoke", "mine")
    assert named(done, "mine") == ["mine/test_life.py::TestLife::test_converges"]
    converges = "smoke/test_life.py::TestLife::test_converges[webapp_v1_guestbook]"
    assert converges in named(done, "smoke")
    assert {test.outcome for test in done.result.tests} == {"passed"}


def test_they_share_one_cluster_and_one_install(runs: Runs) -> None:
    done: Finished = runs["both good"]
    assert done.stderr.count("API server ready") == 1
    passed = {item.check.id for item in done.result.checks if item.status is Status.PASS}
    assert {"INS-001", "REC-001", "SUI-001"} <= passed


def test_every_report_names_both(runs: Runs) -> None:
    done: Finished = runs["both good"]
    assert "smoke+mine" in done.run.path.name
    assert "smoke+mine" in done.stdout
    for name in ("report.html", "junit.xml", "summary.md"):
        text = next(done.run.path.rglob(name)).read_text(encoding="utf-8")
        assert "smoke+mine" in text, name


def test_a_failure_of_one_fails_the_run_and_names_the_test(runs: Runs) -> None:
    done: Finished = runs["the second is bad"]
    assert done.exit_code == 1, done.stdout + done.stderr
    assert done.failing == {"SUI-001"}
    assert "mine/test_mine.py::test_two_is_three failed: two isn't three" in done.finding("SUI-001")
    assert {test.outcome for test in done.result.tests if "smoke/" in test.test} == {"passed"}


def test_with_fail_fast_the_next_suite_does_not_begin(runs: Runs) -> None:
    done: Finished = runs["fail fast"]
    assert done.exit_code == 1, done.stdout + done.stderr
    assert named(done, "one")
    assert named(done, "two") == []


def test_a_keyword_may_select_tests_of_one_alone(runs: Runs) -> None:
    done: Finished = runs["selected"]
    assert done.result.run.suites == ("mine",)
    assert [test.test for test in done.result.tests] == ["mine/test_mine.py::test_here"]


def test_a_keyword_that_selects_nothing_at_all_is_a_mistake(home: Home) -> None:
    done = run(home, "-k", "nowhere", test_life=GOOD)
    assert done.exit_code == 4
    assert "No suite has tests that match -k 'nowhere'" in done.stderr


def test_two_suites_of_one_name_are_a_mistake(home: Home) -> None:
    one = suite(home, "a", test_it=GOOD)
    (home.work / "b").mkdir()
    two = one.rename(home.work / "b" / "smoke")
    done = home.run("--suite", "smoke", "--suite", two).finish()
    assert done.exit_code == 4
    assert f"and {two}." in done.stderr
    assert "Traceback" not in done.stderr
