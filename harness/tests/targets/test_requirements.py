"""A target says what it needs of the harness's Python, and commands name that Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import TargetError
from harness.model.target import Requires
from harness.model.verdict import ExitCode
from harness.targets import load, require

PARTS = """
requires: {python: [PACKAGE], extra: "EXTRA"}
workloads:
- deployment: x
  process: {build: ["{python}", -m, build], command: ["{python}", -m, x]}
tests: {unit: ["{python}", -m, pytest], integration: [make, "{python}"]}
"""


def declare(project: Path, package: str, extra: str = "") -> None:
    with (project / "target.yaml").open("a") as file:
        file.write(PARTS.replace("PACKAGE", package).replace("EXTRA", extra))


def test_the_program_python_is_the_one_that_runs_the_harness(project: Path) -> None:
    declare(project, "msgspec")
    target = load(".")
    assert target.workloads[0].process is not None
    assert target.workloads[0].process.command == (sys.executable, "-m", "x")
    assert target.workloads[0].process.build == (sys.executable, "-m", "build")
    assert target.tests.unit == (sys.executable, "-m", "pytest")
    assert target.tests.integration == ("make", "{python}"), "an argument is the program's own"


def test_what_is_installed_is_enough(project: Path) -> None:
    declare(project, "msgspec", "some")
    target = load(".")
    assert target.requires == Requires(python=("msgspec",), extra="some")
    require(target)


def test_a_missing_package_names_the_extra_that_brings_it(project: Path) -> None:
    declare(project, "no_such_package", "some")
    with pytest.raises(TargetError, match="'widget' needs no_such_package") as caught:
        require(load("."))
    assert caught.value.exit_code is ExitCode.USAGE
    assert "pip install 'operator-harness[some]'" in caught.value.hint


def test_a_missing_package_without_an_extra_is_named_itself(project: Path) -> None:
    declare(project, "no_such_package")
    with pytest.raises(TargetError) as caught:
        require(load("."))
    assert caught.value.hint.endswith("-m pip install no_such_package")


def test_the_bundled_reference_needs_its_extra_only() -> None:
    target = load("reference")
    assert target.requires == Requires(python=("kopf",), extra="reference")
    require(target)
