"""What people are told to type exists: in the Makefile, in the command line, as a script."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import harness
from harness import command
from harness.tests.repository.commands import calls, code_lines, unknown_words

ROOT = Path(harness.__file__).resolve().parent.parent
TEXTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "ci/**/*.md", "operators_under_test/*/README.md")
    for path in ROOT.glob(pattern)
)
SCRIPTS = (".ci/run", *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("ci/steps/*.sh")))
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = dict(re.findall(r"^([a-z][a-z-]*):(.*)$", MAKEFILE, re.MULTILINE))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_two_commands_for_a_newcomer_are_told_and_there() -> None:
    assert {"demo", "test"} <= set(TARGETS)
    lines = code_lines(read("README.md"))
    for name in ("demo", "test"):
        assert any(line.split("#")[0].strip() == f"make {name}" for line in lines)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_names_only_targets_of_the_makefile(name: str) -> None:
    if (ROOT / name).with_name("Makefile").exists() and (ROOT / name).parent != ROOT:
        pytest.skip("the folder has a Makefile of its own")
    quoted = re.findall(r"`(make [a-z-]+)`", read(name))
    called = [line for line in code_lines(read(name)) if line.startswith("make ")]
    assert {line.split()[1] for line in (*quoted, *called)} <= set(TARGETS)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_calls_only_commands_and_options_that_exist(name: str) -> None:
    called = calls(code_lines(read(name)))
    assert {call: unknown_words(call) for call in called if unknown_words(call)} == {}


def test_the_readme_s_commands_are_found() -> None:
    assert len(calls(code_lines(read("README.md")))) >= 5, "the test above looks at something"
    assert unknown_words("run --suite smoke --no-such-option") == ["--no-such-option"]
    assert unknown_words("assets list|steal") == ["list|steal"]


def test_each_target_of_the_makefile_says_what_it_does_and_is_no_file() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert set(phony.split()) == set(TARGETS)
    assert [name for name, rest in TARGETS.items() if "## " not in rest] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_can_be_run_and_parses(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    assert read(name).startswith("#!/usr/bin/env bash\n")
    command.run(["bash", "-n", ROOT / name], timeout=10)


def test_ci_runs_what_people_run() -> None:
    """Each line is a target of the Makefile, and `make test` is the first of them."""
    steps = re.findall(r"^(?:exec )?make (\S+)$", read(".ci/run"), re.MULTILINE)
    assert steps[0] == "test"
    assert set(steps) <= set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
