"""Verdicts and exit codes."""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["ExitCode", "Verdict"]


class ExitCode(IntEnum):
    """What a command's exit code means; never pytest's own."""

    PASS = 0  # all gates met
    FAIL = 1  # the operator broke a check or a gate, or its process ended by itself
    INTERRUPTED = 2  # stopped; evidence kept, reports written
    ERROR = 3  # the harness or its environment broke
    USAGE = 4  # usage or configuration; decided before anything runs
    INCONCLUSIVE = 5  # ran, but the evidence can't decide; never turned into pass


class Verdict(StrEnum):
    """The one word at the top of every report."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INTERRUPTED = "interrupted"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code that stands for this verdict."""
        return ExitCode[self.name]
