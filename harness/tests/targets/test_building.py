"""The operator's own build runs in its folder; what fails is the build's fault, with its words."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.errors import BuildError
from harness.model.target import Process, Target, WorkloadSpec
from harness.model.verdict import ExitCode
from harness.targets import build, load

pytestmark = pytest.mark.usefixtures("project")


def _target(*processes: Process | None) -> Target:
    workloads = tuple(
        WorkloadSpec(deployment=f"w{number}", process=process)
        for number, process in enumerate(processes)
    )
    return msgspec.structs.replace(load("."), workloads=workloads)


def _shell(script: str, *, program: str = "bin/manager") -> Process:
    return Process(command=(program,), build=("sh", "-c", script))


def test_lines_come_as_they_are_printed_and_the_program_is_there(project: Path) -> None:
    lines: list[str] = []
    script = "echo one; echo two >&2; mkdir -p bin; touch bin/manager"
    build(_target(_shell(script)), on_line=lines.append)
    assert lines == ["one", "two"]
    assert (project / "bin/manager").exists()


def test_workloads_of_one_build_are_built_once() -> None:
    lines: list[str] = []
    same = _shell("echo built", program="sh")
    build(_target(same, same, None), on_line=lines.append)
    assert lines == ["built"]


def test_without_a_build_nothing_runs() -> None:
    build(_target(Process(command=("sh",)), None), on_line=pytest.fail)


def test_a_program_of_the_project_builds_it(project: Path) -> None:
    tool = project / "make.sh"
    tool.write_text("#!/bin/sh\necho $1\n")
    tool.chmod(0o755)
    lines: list[str] = []
    build(_target(Process(command=("sh",), build=("./make.sh", "a"))), on_line=lines.append)
    assert lines == ["a"]


def test_a_build_that_fails_shows_its_last_lines() -> None:
    with pytest.raises(BuildError, match="cannot find package") as caught:
        build(_target(_shell("echo cannot find package; exit 3")), on_line=lambda _: None)
    assert caught.value.exit_code is ExitCode.USAGE
    assert "ended with 3" in str(caught.value)
    assert "to see it whole" in caught.value.hint


def test_a_build_that_hangs_is_stopped() -> None:
    with pytest.raises(BuildError, match=r"longer than 0\.2 s"):
        build(_target(_shell("sleep 60")), on_line=lambda _: None, timeout=0.2)


def test_a_missing_build_tool_is_named() -> None:
    process = Process(command=("x",), build=("no-such-tool", "build"))
    with pytest.raises(BuildError, match="needs 'no-such-tool', which isn't there") as caught:
        build(_target(process), on_line=lambda _: None)
    assert "PATH" in caught.value.hint


def test_a_tool_that_may_not_be_executed_is_said(project: Path) -> None:
    (project / "make.sh").write_text("echo\n")
    with pytest.raises(BuildError, match=r"Can't run"):
        build(_target(Process(command=("x",), build=("./make.sh",))), on_line=lambda _: None)


def test_a_build_that_leaves_no_program_is_said() -> None:
    with pytest.raises(BuildError, match=r"'bin/manager' isn't there after sh -c true\."):
        build(_target(_shell("true")), on_line=lambda _: None)
    with pytest.raises(BuildError, match=r"'no-such-program' isn't there\."):
        build(_target(Process(command=("no-such-program",))), on_line=lambda _: None)
