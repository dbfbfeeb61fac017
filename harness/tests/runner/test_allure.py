"""A run with a suite of a user's own that uses Allure's steps and attachments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.tests.runner.running import Finished, Home, Runs, suite

pytestmark = pytest.mark.controlplane

TEST = """
import allure

@allure.title("The message reaches the ConfigMap")
def test_message(custom_resource):
    with allure.step("a guestbook is made"):
        made = custom_resource.create(spec={"message": "hello"})
        made.await_ready()
    allure.attach(made.name, name="what was made", attachment_type=allure.attachment_type.TEXT)

def test_wrong():
    print("canary-printed")
    with allure.step("it is compared"):
        assert False, "it differs"
"""


def own(home: Home) -> Finished:
    plan = home.path / "plan.json"  # of another job of the user's; it would leave all tests out
    plan.write_text('{"version": "1.0", "tests": [{"id": "1", "selector": "none"}]}')
    folder = suite(home, test_own=TEST)
    return home.run("--suite", folder, ALLURE_TESTPLAN_PATH=str(plan)).finish()


SCENARIOS = {"own": own}


def result(done: Finished, case: str) -> dict[str, Any]:
    files = done.run.report("allure-results").glob("*-result.json")
    found = (json.loads(file.read_bytes()) for file in files)
    return next(each for each in found if each["fullName"].endswith(f".{case}"))


def test_both_tests_are_steps_of_the_check_that_they_decide(runs: Runs) -> None:
    done = runs["own"]
    assert done.exit_code == 1, done.stdout + done.stderr
    case = result(done, "SUI-001")
    assert case["status"] == "failed"
    assert [(step["name"], step["status"]) for step in case["steps"]] == [
        ("test_own.py::test_message", "passed"),
        ("test_own.py::test_wrong", "failed"),
    ]


def test_what_their_author_shows_is_shown(runs: Runs) -> None:
    message, wrong = result(runs["own"], "SUI-001")["steps"]
    assert [step["name"] for step in message["steps"]] == ["a guestbook is made"]
    assert [step["status"] for step in wrong["steps"]] == ["failed"]
    (attached,) = message["attachments"]
    assert attached["name"] == "what was made"
    assert (runs["own"].run.report("allure-results") / attached["source"]).read_text()


def test_what_they_print_is_in_no_file_of_allure_s(runs: Runs) -> None:
    run = runs["own"].run
    files = [*run.allure_raw.iterdir(), *run.report("allure-results").iterdir()]
    assert len(files) > 10, "the search finds"
    assert [file for file in files if b"canary-printed" in file.read_bytes()] == []


def test_judging_again_writes_the_same_folder(runs: Runs) -> None:
    done = runs["own"]
    folder = done.run.report("allure-results")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    done.home.start("report", done.run.path).finish()
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
