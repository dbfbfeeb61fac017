"""A source distribution, a wheel made from it, and an environment that holds that wheel."""

from __future__ import annotations

import os
import re
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import harness
from harness import command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.command import Completed

ROOT = Path(harness.__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "ci" / "requirements"


def find_uv() -> Path:
    """Returns the uv that made the environment, else the one on PATH."""
    pin = re.search(r"^uv==(\S+)", (REQUIREMENTS / "uv.txt").read_text(), re.MULTILINE)
    assert pin is not None, "ci/requirements/uv.txt pins uv"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    pinned = cache / "harness" / f"uv-{pin.group(1)}" / "bin" / "uv"
    found = pinned if pinned.exists() else command.which("uv")
    if found is None:
        pytest.fail("There is no uv: run `make environment`, which gets the pinned one.")
    return found


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns an environment that leads to no checkout and to no other installation."""
    kept = command.environment(extra)
    return {
        name: value
        for name, value in kept.items()
        if not name.startswith(("PYTHON", "COVERAGE", "COV_")) and name != "VIRTUAL_ENV"
    }


class Distribution:
    """What `uv build` made: the wheel is built from the source distribution."""

    def __init__(self, folder: Path, uv: Path) -> None:
        self.uv = uv
        self.run_uv("build", "--python", sys.executable, "--out-dir", folder, ROOT)
        (self.wheel,) = folder.glob("operator_harness-*.whl")
        (self.source,) = folder.glob("operator_harness-*.tar.gz")
        with zipfile.ZipFile(self.wheel) as archive:
            self.names = frozenset(archive.namelist())

    def run_uv(self, *arguments: str | os.PathLike[str]) -> Completed:
        settings = {"UV_NO_CONFIG": "1", "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
        return command.run(
            [self.uv, *arguments], timeout=600, env=clean_environment(settings), cwd=Path("/")
        )


class Installation:
    """An environment with the locked requirements and the wheel, and nothing else."""

    def __init__(self, folder: Path, distribution: Distribution) -> None:
        self.folder = folder
        uv = distribution.run_uv
        uv("venv", "--python", sys.executable, folder)
        into = ("pip", "install", "--python", folder / "bin" / "python", "--compile-bytecode")
        uv(*into, "--require-hashes", "--requirements", REQUIREMENTS / "run.txt")
        uv(*into, "--no-deps", distribution.wheel)

    def harness(
        self, *arguments: str | os.PathLike[str], cwd: Path, prefix: tuple[str, ...] = ()
    ) -> Completed:
        """Runs the installed command; standard output and error come as one."""
        return command.run(
            [*prefix, self.folder / "bin" / "harness", *arguments],
            timeout=300,
            env=clean_environment(),
            cwd=cwd,
            check=False,
        )

    def files(self) -> dict[str, tuple[int, int]]:
        """Returns size (bytes) and time of change (ns) of each file and folder."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            status = path.lstat()
            found[str(path.relative_to(self.folder))] = (status.st_size, status.st_mtime_ns)
        return found


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    return Distribution(tmp_path_factory.mktemp("dist"), find_uv())


@pytest.fixture(scope="session")
def installation(
    tmp_path_factory: pytest.TempPathFactory, distribution: Distribution
) -> Installation:
    return Installation(tmp_path_factory.mktemp("installed") / "environment", distribution)
