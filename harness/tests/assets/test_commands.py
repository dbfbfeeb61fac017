"""`harness assets` and `harness doctor`, as people see them."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from harness import assets
from harness.assets import Component
from harness.assets.lock import exclusive
from harness.assets.store import Store
from harness.cli import main
from harness.cli.doctor import Level, diagnoses
from harness.model.verdict import ExitCode

if TYPE_CHECKING:
    from harness.tests.assets.fakes import Machine


def run(*argv: str) -> int:
    """Runs the command line and returns its exit code."""
    try:
        main(argv)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def level_of(subject: str) -> Level:
    return next(line.level for line in diagnoses() if line.subject == subject)


def test_list_shows_versions_source_and_path(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    path = machine.binary("bin", Component.ETCD, "3.6.7")
    machine.binary("bin", Component.KUBECTL, "1.20.0")
    assert run("assets", "list") == ExitCode.PASS
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["COMPONENT", "WANTED", "FOUND", "SOURCE", "PATH"]
    assert lines[1].split() == ["etcd", "3.6.5", "3.6.7", "PATH", str(path)]
    assert lines[2].split() == ["etcdctl", "3.6.5", "-", "missing", "-"]
    assert f"note: kubectl 1.20.0 on PATH ({machine.bin}/kubectl) is passed over" in lines[-2]
    assert lines[-1] == "8 missing; `harness assets fetch` gets them."


def test_fetch_builds_what_is_named_and_says_so(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.go()
    assert run("assets", "fetch", "etcd", "etcdctl") == ExitCode.PASS
    captured = capsys.readouterr()
    assert captured.out == "2 binaries ready (built from Go modules).\n"
    assert captured.err.startswith("building etcd, etcdctl from Go modules; this is done once")
    assert run("assets", "fetch", "etcd", "etcdctl") == ExitCode.PASS
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("2 binaries ready (cache).\n", "")


def test_fetch_without_go_exits_3_with_what_to_do(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.builds == []
    assert run("assets", "fetch") == ExitCode.ERROR
    error = capsys.readouterr().err
    assert error.startswith("error: Can't build etcd, ")
    assert "hint: Install Go" in error
    assert "Traceback" not in error


def test_fetch_of_something_unknown_exits_4(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.builds == []
    assert run("assets", "fetch", "etcdd") == ExitCode.USAGE
    assert "'etcdd' is not one of" in capsys.readouterr().err


def test_clean_says_what_and_how_much_and_leaves_an_empty_cache(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.go()
    assets.resolve([Component.ETCD])
    assert run("assets", "clean", "--yes") == ExitCode.PASS
    out = capsys.readouterr().out
    assert f"To be removed from {Store().root}:" in out
    assert "MB  etcd-3.6.5-" in out
    assert "MB  in all" in out
    assert Store().contents() == ()
    assert run("assets", "clean") == ExitCode.PASS
    assert "Nothing to remove" in capsys.readouterr().out


def test_clean_removes_nothing_where_nobody_can_be_asked(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.go()
    assets.resolve([Component.ETCD])
    assert run("assets", "clean") == ExitCode.USAGE
    assert "hint: Add --yes" in capsys.readouterr().err
    assert assets.survey([Component.ETCD]).missing == ()


def test_clean_leaves_a_cache_alone_that_another_run_fills(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.go()
    assets.resolve([Component.ETCD])
    with exclusive(Store().lock_file, doing="building kwok", timeout=0.0):
        assert run("assets", "clean", "--yes") == ExitCode.ERROR
    assert "is in use by process" in capsys.readouterr().err
    assert assets.survey([Component.ETCD]).missing == ()


@pytest.mark.parametrize(
    "words",
    [("assets",), ("assets", "list"), ("assets", "fetch"), ("assets", "clean"), ("doctor",)],
)
def test_help_teaches_by_example_and_names_its_variables(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words, "--help") == ExitCode.PASS
    text = capsys.readouterr().out
    assert f"harness {' '.join(words)}" in text
    assert "XDG_CACHE_HOME" in text


def test_doctor_exits_3_where_a_line_fails_and_says_the_remedy(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.builds == []
    assert run("doctor") == ExitCode.ERROR
    out = capsys.readouterr().out
    assert "warn  go               There is no `go` on PATH." in out
    assert "fail  assets           missing: etcd, " in out
    assert "KUBEBUILDER_ASSETS" in out


def test_doctor_looks_at_everything_and_changes_nothing(machine: Machine) -> None:
    machine.go()
    lines = list(diagnoses())
    assert [line.subject for line in lines] == [
        "platform",
        "python",
        "go",
        "assets",
        "mount namespaces",
        "cgroups",
        "folders",
        "disk",
        "memory",
        "ports",
        "docker",
    ]
    assert machine.builds == []
    assert list(machine.cache.iterdir()) == []


def test_doctor_warns_of_binaries_that_a_run_would_build(machine: Machine) -> None:
    machine.go()
    assert level_of("assets") is Level.WARN
    assets.resolve()
    assert level_of("assets") is Level.OK


def test_doctor_warns_of_a_go_that_is_too_old(machine: Machine) -> None:
    machine.go(version="go1.18")
    assert level_of("go") is Level.WARN


def test_doctor_takes_a_wrong_variable_as_a_failing_line(machine: Machine) -> None:
    machine.go()
    machine.name("KUBEBUILDER_ASSETS", machine.root / "nowhere")
    failing = [line for line in diagnoses() if line.level is Level.FAIL]
    assert "assets" in {line.subject for line in failing}
    assert all("KUBEBUILDER_ASSETS names" in line.text for line in failing)


def test_doctor_fails_on_a_cache_where_programs_may_not_run(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.go()
    flags = SimpleNamespace(f_flag=os.ST_NOEXEC)
    monkeypatch.setattr(os, "statvfs", lambda _: flags)
    assert level_of("folders") is Level.FAIL
