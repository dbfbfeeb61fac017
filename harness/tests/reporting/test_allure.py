"""allure-results/, as Allure reads it; `test_allure_rendered.py` lets Allure itself judge."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from harness import command
from harness.errors import EvidenceError
from harness.evidence.folder import RunFolder
from harness.model import result as model
from harness.model.findings import Status
from harness.model.result import RunResult
from harness.reporting import render_junit, write_allure
from harness.reporting.allure.context import categories
from harness.reporting.text import visible
from harness.tests.reporting import results
from harness.tests.reporting.snapshot import check_snapshot

_TAGS = {"failure": "failed", "error": "broken", "skipped": "skipped"}


@pytest.fixture(params=results.ALL)
def result(request: pytest.FixtureRequest) -> RunResult:
    built: RunResult = results.ALL[request.param]()
    return built


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.allure_raw.mkdir(parents=True)
    return folder


def write(result: RunResult, run: RunFolder) -> list[dict[str, Any]]:
    """Writes the folder and returns its results."""
    run.path.mkdir(exist_ok=True)
    write_allure(result, run)
    files = sorted(run.report("allure-results").glob("*-result.json"))
    return [json.loads(file.read_bytes()) for file in files]


def one(result: RunResult, run: RunFolder, full_name: str) -> dict[str, Any]:
    (found,) = (each for each in write(result, run) if each["fullName"] == full_name)
    return found


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


class TestCases:
    """Which results there are, and in which state."""

    def test_junit_has_the_same_cases_in_the_same_states(
        self, result: RunResult, run: RunFolder
    ) -> None:
        junit: Counter[tuple[str, str]] = Counter()
        for case in ET.fromstring(render_junit(result)).iter("testcase"):  # noqa: S314 - our own
            tags = [_TAGS[child.tag] for child in case if child.tag in _TAGS]
            (state,) = tags or ["passed"]
            junit[case.get("name", ""), state] += 1
        assert Counter((each["name"], each["status"]) for each in write(result, run)) == junit

    def test_something_is_red_exactly_where_the_exit_code_is_not_0(
        self, result: RunResult, run: RunFolder
    ) -> None:
        states = {each["status"] for each in write(result, run)}
        assert bool(states & {"failed", "broken"}) == (result.exit_code != 0)

    def test_the_operators_fault_is_failed_and_the_harness_s_is_broken(
        self, run: RunFolder
    ) -> None:
        assert one(results.failing(), run, "smoke.RBA-004")["status"] == "failed"
        broken = one(results.error(), run, "smoke.harness.stage cluster")
        assert broken["status"] == "broken"
        assert "harness doctor" in broken["statusDetails"]["trace"]

    def test_each_result_that_is_not_a_pass_is_in_one_category(
        self, result: RunResult, run: RunFolder
    ) -> None:
        for each in write(result, run):
            if each["status"] == "passed" or each["fullName"].endswith(".verdict"):
                continue
            message = each["statusDetails"]["message"]
            found = [
                category["name"]
                for category in categories()
                if each["status"] in category["matchedStatuses"]
                and re.fullmatch(category.get("messageRegex", ".*"), message, re.DOTALL)
            ]
            assert len(found) == 1, (each["name"], message, found)


class TestIdentity:
    """What Allure follows a case through the runs by."""

    def test_a_case_keeps_its_history_through_runs_of_a_target(
        self, run: RunFolder, tmp_path: Path
    ) -> None:
        later = msgspec.structs.replace(
            results.minor_only(),
            run=msgspec.structs.replace(
                results.minor_only().run, id="another", started="2026-11-21T02:14:33Z", seed=7
            ),
        )
        first = {each["fullName"]: each for each in write(results.passing(), run)}
        second = {each["fullName"]: each for each in write(later, RunFolder(tmp_path / "later"))}
        assert len(first.keys() & second.keys()) >= 15
        for name in first.keys() & second.keys():
            assert first[name]["historyId"] == second[name]["historyId"]
            assert first[name]["testCaseId"] == second[name]["testCaseId"]
            assert first[name]["uuid"] != second[name]["uuid"]

    def test_a_twin_has_a_history_of_its_own(self, run: RunFolder, tmp_path: Path) -> None:
        healthy = one(results.passing(), run, "smoke.INS-001")
        twin = one(results.failing(), RunFolder(tmp_path / "twin"), "smoke.INS-001")
        assert healthy["testCaseId"] == twin["testCaseId"]
        assert healthy["historyId"] != twin["historyId"]

    def test_a_gate_keeps_its_history_when_its_bound_moves(self, tmp_path: Path) -> None:
        bounds = []
        for n, bound in enumerate((10.0, 20.0)):
            gate = results.passing().gates[0]
            moved = msgspec.structs.replace(
                gate, gate=msgspec.structs.replace(gate.gate, bound=bound)
            )
            changed = msgspec.structs.replace(results.passing(), gates=(moved,))
            bounds.append(
                one(changed, RunFolder(tmp_path / str(n)), "smoke.gate.convergence_latency_p99 <=")
            )
        assert bounds[0]["historyId"] == bounds[1]["historyId"]

    def test_no_two_results_are_taken_for_retries_of_each_other(
        self, result: RunResult, run: RunFolder
    ) -> None:
        doubled = msgspec.structs.replace(result, gates=result.gates * 2, errors=result.errors * 2)
        written = write(doubled, run)
        for key in ("uuid", "historyId", "testCaseId", "fullName"):
            assert max(Counter(each[key] for each in written).values()) == 1

    def test_judging_again_writes_the_same_files(self, result: RunResult, run: RunFolder) -> None:
        write_allure(result, run)
        first = content(run.report("allure-results"))
        write_allure(result, run)
        assert content(run.report("allure-results")) == first


class TestContent:
    """What a reader finds in a result."""

    def test_a_failed_check_is_as_kept(self, run: RunFolder) -> None:
        found = one(results.failing(), run, "smoke.RBA-004")
        check_snapshot("allure-RBA-004.json", json.dumps(found, indent=2) + "\n")

    def test_the_evidence_and_the_remedy_are_attached(self, run: RunFolder) -> None:
        found = one(results.failing(), run, "smoke.RBA-004")
        texts = {
            part["type"]: (run.report("allure-results") / part["source"]).read_text()
            for part in found["attachments"]
        }
        assert texts["text/plain"].startswith("evidence/audit.log:1842\n{")
        assert "resources: [services]" in texts["application/yaml"]

    def test_the_operators_last_lines_and_what_is_waived_hang_on_the_verdict(
        self, run: RunFolder
    ) -> None:
        found = one(results.failing(), run, "smoke.verdict")
        names = [part["name"] for part in found["attachments"]]
        assert names == ["Waived findings", "The operator's last log lines"]

    def test_the_severity_is_the_check_s(self, run: RunFolder) -> None:
        written = {each["fullName"]: each for each in write(results.passing(), run)}
        severities = {
            name: label["value"]
            for name, each in written.items()
            for label in each["labels"]
            if label["name"] == "severity"
        }
        assert severities["smoke.REC-002"] == "blocker"
        assert severities["smoke.STA-002"] == "critical"
        assert severities["smoke.OBS-001"] == "minor"

    def test_nothing_tells_the_machine_s_name(self, result: RunResult, run: RunFolder) -> None:
        for each in write(result, run):
            labels = {label["name"]: label["value"] for label in each["labels"]}
            assert labels["host"].endswith(" cluster")
            assert labels["thread"] == labels["suite"]

    def test_every_attachment_is_there_and_nothing_else(
        self, result: RunResult, run: RunFolder
    ) -> None:
        written = write(result, run)
        named = {part["source"] for each in written for part in each.get("attachments", ())}
        found = {name for name in content(run.report("allure-results")) if "-attachment" in name}
        assert found == named

    def test_no_text_holds_a_control_character(self, run: RunFolder) -> None:
        write_allure(results.hostile(), run)
        for data in content(run.report("allure-results")).values():
            text = data.decode()
            assert visible(text) == text
            assert "\\u001b" not in text.replace("\\\\u", "")


class TestReplacing:
    """The folder is a whole one, whenever somebody looks."""

    def test_what_another_result_left_is_gone(self, run: RunFolder) -> None:
        write_allure(results.failing(), run)
        stale = set(content(run.report("allure-results")))
        write_allure(results.empty(), run)
        left = set(content(run.report("allure-results"))) & stale
        assert left == {"categories.json", "environment.properties", "executor.json"}
        assert sorted(path.name for path in run.path.iterdir()) == ["allure-results", "evidence"]

    def test_a_full_disk_leaves_the_old_folder_and_says_what_to_do(
        self, run: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_allure(results.passing(), run)
        before = content(run.report("allure-results"))

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_text", full)
        with pytest.raises(EvidenceError, match="No space left") as caught:
            write_allure(results.failing(), run)
        assert "harness report" in caught.value.hint
        assert content(run.report("allure-results")) == before
        assert sorted(path.name for path in run.path.iterdir()) == ["allure-results", "evidence"]

    def test_a_file_of_that_name_is_replaced(self, run: RunFolder) -> None:
        run.report("allure-results").write_text("not a folder")
        assert write(results.passing(), run)


_SUITE = """
import allure
import pytest

class TestLife:
    @pytest.mark.parametrize("size", [1, "canary-parameter"], ids=["small", "large"])
    def test_grows(self, size, prepared):
        with allure.step("the operator is asked to grow"):
            allure.attach("kind: Guestbook", name="as sent", extension="yaml",
                          attachment_type="text/yaml")
            with allure.step("and it does"):
                pass
        helper("canary-argument")

    @allure.title("A title of its own")
    def test_fails(self):
        print("canary-printed")
        with allure.step("it looks"):
            raise AssertionError("canary-of-pytest")

@allure.step
def helper(word):
    pass

@pytest.fixture
def prepared():
    with allure.step("a fixture prepares"):
        pass
"""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What allure-pytest writes of a suite that uses it."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_own.py").write_text(_SUITE)
    command.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", f"--rootdir={folder}"),
            *("-p", "allure_pytest", "-p", "no:cacheprovider"),
            *(f"--alluredir={folder / 'raw'}", "--allure-no-capture", folder / "test_own.py"),
        ],
        env=command.environment({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}),
        timeout=60,
        check=False,
    )
    return folder / "raw"


def with_tests(result: RunResult, **outcomes: str) -> RunResult:
    """A result with the tests of the suite above; `small`, `large`, `fails`: how they ended."""
    names = {
        "small": "test_own.py::TestLife::test_grows[small]",
        "large": "test_own.py::TestLife::test_grows[large]",
        "fails": "test_own.py::TestLife::test_fails",
    }
    tests = [
        model.TestResult(
            test=names[key],
            outcome=outcome,
            duration_s=1.0,
            message="as judged" if outcome != "passed" else "",
            checks=("REC-001",),
        )
        for key, outcome in outcomes.items()
    ]
    return msgspec.structs.replace(result, tests=tuple(tests))


class TestRawResults:
    """What allure-pytest wrote is evidence: its steps and attachments are shown, no more."""

    @pytest.fixture
    def run(self, run: RunFolder, raw: Path) -> RunFolder:
        shutil.copytree(raw, run.allure_raw, dirs_exist_ok=True)
        return run

    def test_steps_and_attachments_show_up_in_the_case_that_the_test_judges(
        self, run: RunFolder
    ) -> None:
        case = one(with_tests(results.passing(), small="passed"), run, "smoke.REC-001")
        (test,) = case["steps"]
        assert test["name"] == "test_own.py::TestLife::test_grows[small]"
        asked = next(step for step in test["steps"] if step["name"].endswith("asked to grow"))
        assert [step["name"] for step in asked["steps"]] == ["and it does"]
        (attached,) = asked["attachments"]
        file = run.report("allure-results") / attached["source"]
        assert (attached["name"], file.read_text()) == ("as sent", "kind: Guestbook")

    def test_a_fixture_s_steps_show_up_and_other_fixtures_don_t(self, run: RunFolder) -> None:
        case = one(with_tests(results.passing(), small="passed"), run, "smoke.REC-001")
        fixtures = [step for step in case["steps"][0]["steps"] if step["name"] == "prepared"]
        assert [step["name"] for step in fixtures[0]["steps"]] == ["a fixture prepares"]
        assert "pytestmark" not in str(case)

    def test_each_of_the_tests_of_one_function_has_its_own(self, run: RunFolder) -> None:
        case = one(
            with_tests(results.passing(), small="passed", large="passed"), run, "smoke.REC-001"
        )
        starts = [step["start"] for step in case["steps"]]
        assert len(set(starts)) == 2 or starts == sorted(starts)
        sources = [step["steps"][1]["attachments"][0]["source"] for step in case["steps"]]
        assert len(set(sources)) == 2

    def test_a_test_with_another_title_is_found(self, run: RunFolder) -> None:
        case = one(with_tests(results.failing(), fails="failed"), run, "smoke.REC-001")
        (test,) = case["steps"]
        assert [step["name"] for step in test["steps"]] == ["it looks"]

    @pytest.mark.parametrize(
        ("build", "state"),
        [("fail", "failed"), ("pass", "passed")],
    )
    def test_a_red_test_is_what_its_case_was_judged_to_be(
        self, run: RunFolder, build: str, state: str
    ) -> None:
        judged = with_tests(results.ALL[build](), fails="failed")
        case = one(judged, run, "smoke.REC-001")
        assert case["status"] == state
        assert case["steps"][0]["status"] == state
        assert case["steps"][0]["steps"][0]["status"] == state

    def test_a_red_test_of_a_waived_check_is_skipped(self, run: RunFolder) -> None:
        result = with_tests(results.passing(), fails="failed")
        waived = tuple(
            msgspec.structs.replace(item, status=Status.WAIVED, reason="known")
            if item.check.id == "REC-001"
            else item
            for item in result.checks
        )
        case = one(msgspec.structs.replace(result, checks=waived), run, "smoke.REC-001")
        assert (case["status"], case["steps"][0]["status"]) == ("skipped", "skipped")

    def test_nothing_that_an_author_did_not_choose_to_show_is_shown(self, run: RunFolder) -> None:
        write_allure(
            with_tests(results.failing(), small="passed", large="passed", fails="failed"), run
        )
        everything = b"".join(content(run.report("allure-results")).values())
        assert b"it looks" in everything, "the search finds"
        assert b"canary-" not in everything.replace(b"canary-parameter]", b"")

    def test_a_test_that_judges_no_check_hangs_on_the_verdict(self, run: RunFolder) -> None:
        own = with_tests(results.passing(), small="passed")
        tests = tuple(msgspec.structs.replace(test, checks=()) for test in own.tests)
        case = one(msgspec.structs.replace(own, tests=tests), run, "smoke.verdict")
        assert [step["name"] for step in case["steps"]] == [tests[0].test]

    def test_an_attachment_that_lies_elsewhere_is_left_out(self, run: RunFolder) -> None:
        (run.path / "private").write_text("canary")
        (run.allure_raw / "link-attachment.txt").symlink_to(run.path / "private")
        for file in run.allure_raw.glob("*-result.json"):
            written = json.loads(file.read_bytes())
            for source in (
                *("../../private", "link-attachment.txt", "missing-attachment.txt", "", "."),
                *("/etc/hostname", file.name, "../allure-raw/x-attachment.txt"),
            ):
                written.setdefault("attachments", []).append({"name": "x", "source": source})
            file.write_text(json.dumps(written))
        case = one(with_tests(results.passing(), small="passed"), run, "smoke.REC-001")
        assert "attachments" not in case["steps"][0]
        assert b"canary" not in b"".join(content(run.report("allure-results")).values())

    def test_a_torn_file_is_left_out(self, run: RunFolder) -> None:
        for file in run.allure_raw.glob("*-result.json"):
            file.write_bytes(file.read_bytes()[:40])
        case = one(with_tests(results.passing(), small="passed"), run, "smoke.REC-001")
        assert "steps" not in case["steps"][0]
