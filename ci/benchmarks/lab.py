"""Runs of the harness against synthetic operators, for the benchmarks that know the truth."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.telling import Figures, tell

from harness import command
from harness.evidence.folder import RunFolder
from harness.model.findings import Status
from harness.model.verdict import ExitCode
from harness.reporting import read_result
from harness.tests.runner.synthetic import write_target

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Lab", "fresh"]

_RUN_S = 900.0
_DENIED = "RBA-004"


def fresh(output: Path, name: str) -> Path:
    """Returns a folder of a program's own, which isn't made yet."""
    return output / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


class Lab:
    """Runs the harness.

    Args:
        folder: Of this lab's own, for targets, logs and run folders.

    Attributes:
        figures: What came out.
        folder: Resolved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.figures = Figures(self.folder)
        self.say = self.figures.say

    def run(
        self,
        name: str,
        *words: str | Path,
        accept: ExitCode = ExitCode.PASS,
        target: str | Path = "",
        limit_s: float = _RUN_S,
        **settings: object,
    ) -> tuple[RunFolder, Path]:
        """Runs `harness run` with these words on an operator with these settings.

        Args:
            name: Unique in the lab.
            words: Of the command line, without target and output.
            accept: How it may end, too; an overload may be left with a backlog.
            target: Another operator than the synthetic one; it has no settings.
            limit_s: How long it may take.
            settings: As in `write_target`.

        Returns:
            The run, and the folder of its target.

        Raises:
            SystemExit: It was neither passed nor accepted nor inconclusive; its last lines are
                printed. Or requests of the operator were denied, so that it never did what was
                seeded.
        """
        chosen = target or write_target(self.folder / name, **settings)  # type: ignore[arg-type] # the fault's name is a str
        runs = self.folder / f"{name}-runs"
        done = command.run(
            (
                *(sys.executable, "-P", "-m", "harness", "run", *words),
                *("--target", chosen, "--output", runs),
            ),
            timeout=limit_s,
            check=False,
        )
        if (
            done.exit_code == ExitCode.INCONCLUSIVE
        ):  # the figures say themselves how far off they are
            tell(f"{name}: {done.tail}")
        elif done.exit_code not in {ExitCode.PASS, accept}:
            sys.exit(f"{name}: the run ended with {done.exit_code}\n{done.tail}")
        folder = RunFolder((runs / "latest").resolve())
        if not target:
            _reject_denied(name, folder)
        return folder, self.folder / name


def _reject_denied(name: str, folder: RunFolder) -> None:
    result = read_result(folder.result_file)
    if any(item.check.id == _DENIED and item.status is Status.FAIL for item in result.checks):
        sys.exit(f"{name}: the role of the seeded operator is too small: {result.sentence}")
