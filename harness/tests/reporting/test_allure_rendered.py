"""Allure itself makes its report of allure-results/, and says what the result says.

`ci/steps/allure.sh` installs what `ci/allure/package-lock.json` locks; it needs Node and npm.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import harness
from harness import command
from harness.evidence.folder import RunFolder
from harness.model.result import RunResult
from harness.reporting import write_allure
from harness.reporting.cases import State, cases
from harness.reporting.text import one_line
from harness.tests.reporting import results

pytestmark = pytest.mark.package

ROOT = Path(harness.__file__).resolve().parent.parent
_RENDER_S = 120.0  # a second; a busy machine must not fail a test


@pytest.fixture(scope="module")
def allure() -> Path:
    """The locked Allure."""
    if command.which("npm") is None:
        pytest.skip("npm isn't installed, which Allure comes by (Debian: apt-get install npm)")
    done = command.run([ROOT / "ci" / "steps" / "allure.sh"], timeout=700)
    return Path(done.output.strip().splitlines()[-1])


class Report:
    """A report that Allure made."""

    def __init__(self, folder: Path, result: RunResult) -> None:
        self._folder = folder
        self.result = result

    def read(self, name: str) -> Any:
        return json.loads((self._folder / name).read_text(encoding="utf-8"))

    def tests(self) -> list[dict[str, Any]]:
        return [json.loads(file.read_bytes()) for file in self._folder.glob("data/test-results/*")]


def render(allure: Path, place: Path, result: RunResult, kind: str) -> Report:
    run = RunFolder(place)
    run.path.mkdir()
    write_allure(result, run)
    command.run(
        [allure, kind, run.report("allure-results"), "--output", place / "report"],
        timeout=_RENDER_S,
        cwd=place,
    )
    return Report(place / "report", result)


@pytest.fixture(scope="module", params=results.ALL)
def report(
    request: pytest.FixtureRequest, allure: Path, tmp_path_factory: pytest.TempPathFactory
) -> Report:
    place = tmp_path_factory.mktemp("allure") / "run"
    return render(allure, place, results.ALL[request.param](), "awesome")


def expected(result: RunResult) -> dict[str, int]:
    """How many checks, gates and errors of a result are in each state; none is left out."""
    held = cases(result)
    assert len(held) >= len(result.checks) + len(result.gates) + len(result.errors) + 1
    return {state: sum(case.state is state for case in held) for state in State}


def test_the_counts_are_the_result_s(report: Report) -> None:
    counted = report.read("widgets/statistic.json")
    assert counted["total"] == sum(expected(report.result).values())
    assert {state: counted.get(state, 0) for state in State} == expected(report.result)


def test_each_case_has_its_own_state_message_and_attachments(report: Report) -> None:
    shown = {test["fullName"]: test for test in report.tests()}
    assert len(shown) == len(cases(report.result)), "none is a retry of another"
    for case in cases(report.result):
        same = [test for test in shown.values() if test["name"] == one_line(case.name)]
        assert case.state in {test["status"] for test in same}
    for test in shown.values():
        parts = [step for step in test["steps"] if step["type"] == "attachment"]
        assert not [part for part in parts if part["link"]["missed"]]


def test_the_environment_is_the_result_s(report: Report) -> None:
    shown = {
        entry["name"]: entry["values"][0]
        for entry in report.read("widgets/allure_environment.json")
    }
    assert shown["Sentence"] == one_line(report.result.sentence)
    for fact in report.result.environment:
        assert one_line(fact.value) in shown[one_line(fact.name)]


def test_the_classic_report_tells_the_operators_fault_from_the_harness_s(
    allure: Path, tmp_path: Path
) -> None:
    failed = render(allure, tmp_path / "fail", results.failing(), "allure2")
    names = {entry["name"]: len(entry["children"]) for entry in categories(failed)}
    assert names == {
        "The operator's fault": 3,
        "Not verified": 2,
        "Waived": 1,
        "Not applicable": 1,
        "Gate undecided": 1,
        "Failed, but not so that it turns the verdict": 1,
    }
    broken = render(allure, tmp_path / "error", results.error(), "allure2")
    assert "The harness or its environment broke" in {each["name"] for each in categories(broken)}
    assert broken.read("widgets/executors.json")[0]["type"] == "operator-harness"


def categories(report: Report) -> list[dict[str, Any]]:
    """Returns the categories, each with its tests rather than with their messages."""
    found = []
    for entry in report.read("data/categories.json")["children"]:
        tests = [test for message in entry["children"] for test in message["children"]]
        found.append({"name": entry["name"], "children": tests})
    return found
