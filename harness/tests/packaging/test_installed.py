"""The wheel, installed in an empty environment and used from another folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from harness import __version__, command
from harness.assets import Component
from harness.model.verdict import ExitCode
from harness.tests.packaging.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tests.packaging.conftest import Installation

pytestmark = pytest.mark.package

GUESTBOOK = ROOT / "operators_under_test" / "guestbook"

READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
"""A shell's words: makes folder $0 read-only for the command that follows, and for it alone."""


def test_it_says_its_version(installation: Installation, tmp_path: Path) -> None:
    done = installation.harness("--version", cwd=tmp_path)
    assert (done.exit_code, done.output) == (0, f"harness, version {__version__}")


def test_it_is_of_the_environment_and_not_of_the_checkout(
    installation: Installation, tmp_path: Path
) -> None:
    python = installation.folder / "bin" / "python"
    said = command.run(
        [python, "-I", "-c", "import harness; print(harness.__file__)"], timeout=60, cwd=tmp_path
    )
    assert said.output.startswith(str(installation.folder))


@pytest.mark.parametrize("argv", [["--help"], ["run", "--help"], ["assets", "--help"]])
def test_it_helps(installation: Installation, tmp_path: Path, argv: list[str]) -> None:
    done = installation.harness(*argv, cwd=tmp_path)
    assert done.exit_code == 0
    assert "Usage: harness" in done.output


def test_it_knows_the_pinned_binaries(installation: Installation, tmp_path: Path) -> None:
    done = installation.harness("assets", "list", cwd=tmp_path)
    assert done.exit_code == 0, done.output
    assert {line.split()[0] for line in done.output.splitlines()} >= set(Component)


def test_a_bundled_target_says_that_it_needs_its_sources(
    installation: Installation, tmp_path: Path
) -> None:
    done = installation.harness("run", "--suite", "smoke", "--target", "guestbook", cwd=tmp_path)
    assert done.exit_code == ExitCode.USAGE
    assert "error: The bundled target 'guestbook' needs its sources" in done.output
    assert "hint: Take a checkout of the project" in done.output
    assert list(tmp_path.iterdir()) == [], "nothing ran"


def test_the_bundled_targets_are_listed_with_what_they_lack(
    installation: Installation, tmp_path: Path
) -> None:
    done = installation.harness("targets", "list", cwd=tmp_path)
    states = dict(line.split(maxsplit=1) for line in done.output.splitlines())
    assert states["guestbook"].startswith("needs its sources")
    assert states["reference"].startswith("ready")


def test_the_python_target_says_which_extra_it_needs(
    installation: Installation, tmp_path: Path
) -> None:
    done = installation.harness("run", "--suite", "smoke", "--target", "reference", cwd=tmp_path)
    assert done.exit_code == ExitCode.USAGE
    assert "operator-harness[reference]" in done.output
    assert list(tmp_path.iterdir()) == [], "nothing ran"


def test_smoke_passes_and_writes_nothing_into_the_installation(
    installation: Installation, tmp_path: Path
) -> None:
    before = installation.files()
    done = smoke(installation, tmp_path)
    assert done.exit_code == ExitCode.PASS, done.output
    assert installation.files() == before
    run = tmp_path / "harness-runs" / "latest"
    assert json.loads((run / "result.json").read_text())["verdict"] == "pass"
    for name in ("report.html", "junit.xml", "summary.md"):
        assert (run / name).is_file()


def test_a_read_only_installation_runs_and_reports(
    installation: Installation, tmp_path: Path
) -> None:
    prefix = read_only(installation.folder)
    done = smoke(installation, tmp_path, "-k", "installs", prefix=prefix)
    assert done.exit_code == ExitCode.PASS, done.output
    done = installation.harness("report", cwd=tmp_path, prefix=prefix)
    assert done.exit_code == ExitCode.PASS, done.output


def smoke(
    installation: Installation, cwd: Path, *more: str, prefix: tuple[str, ...] = ()
) -> command.Completed:
    target = str(GUESTBOOK)
    return installation.harness(
        *("run", "--suite", "smoke", "--target", target, "--timeout", "silence=2", *more),
        cwd=cwd,
        prefix=prefix,
    )


def read_only(folder: Path) -> tuple[str, ...]:
    """Returns what to put before a command for which a folder is read-only."""
    prefix = ("unshare", "--map-root-user", "--mount", "sh", "-c", READ_ONLY, str(folder))
    probe = command.run([*prefix, "touch", str(folder / "written")], timeout=30, check=False)
    if "Read-only file system" not in probe.output:
        pytest.skip(f"this machine can't make a folder read-only for a process: {probe.output}")
    return prefix
