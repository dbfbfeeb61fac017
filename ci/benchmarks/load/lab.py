"""Runs of the harness against synthetic operators, for the benchmarks that know the truth."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from bench import Figures, tell

from harness import command
from harness.evidence.folder import RunFolder
from harness.model.verdict import ExitCode
from harness.tests.runner.synthetic import write_target

__all__ = ["SUITE", "Lab"]

SUITE = Path(__file__).parent / "suites" / "truth"
"""The suite of these benchmarks."""

_RUN_S = 900.0


class Lab:
    """Runs the harness.

    Args:
        output: A folder of this lab's own is made there, for targets, logs and run folders.
        name: What it begins with.

    Attributes:
        figures: What came out.
    """

    def __init__(self, output: Path, name: str) -> None:
        started = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self._folder = (output / f"{name}-{started}").resolve()
        self.figures = Figures(self._folder)
        self.say = self.figures.say

    def run(
        self, name: str, *words: str | Path, accept: ExitCode = ExitCode.PASS, **settings: object
    ) -> tuple[RunFolder, Path]:
        """Runs `harness run` with these words on an operator with these settings.

        Args:
            name: Unique in the lab.
            words: Of the command line, without target and output.
            accept: How it may end, too; an overload may be left with a backlog.
            settings: As in `write_target`.

        Returns:
            The run, and the folder of its target.

        Raises:
            SystemExit: It was neither passed nor accepted nor inconclusive; its last lines are
                printed.
        """
        target, runs = write_target(self._folder / name, **settings), self._folder / f"{name}-runs"
        done = command.run(
            (
                *(sys.executable, "-P", "-m", "harness", "run", *words),
                *("--target", target, "--output", runs),
            ),
            timeout=_RUN_S,
            check=False,
        )
        if (
            done.exit_code == ExitCode.INCONCLUSIVE
        ):  # the figures say themselves how far off they are
            tell(f"{name}: {done.tail}")
        elif done.exit_code not in {ExitCode.PASS, accept}:
            sys.exit(f"{name}: the run ended with {done.exit_code}\n{done.tail}")
        return RunFolder((runs / "latest").resolve()), target
