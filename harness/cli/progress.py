"""Draws a run's progress: live where there is a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.runner.progress import Progress, Silent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from harness.model.records import TestOutcome

__all__ = ["Live", "Plain", "new_progress"]

_PATIENCE_SECONDS = 10.0
_WIDTH = 160  # of a detail: all figures of a load are shorter
_MARKS = {"passed": "pass", "failed": "FAIL", "broken": "BROKEN", "skipped": "not verified"}


def new_progress(*, quiet: bool, verbose: bool) -> Progress:
    """Returns what fits the terminal.

    Args:
        quiet: Tell nothing; the verdict is printed by the command itself.
        verbose: Tell every step.
    """
    if quiet:
        return Silent()
    if sys.stderr.isatty() and not verbose:
        return Live()
    return Plain(verbose=verbose)


class Plain:
    """One line for each event, on standard error.

    Args:
        verbose: Also the details of each stage.
    """

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._start = SYSTEM_CLOCK.now()
        self._patience = Deadline(_PATIENCE_SECONDS)

    def stage(self, title: str) -> None:
        """Prints the stage with the seconds since the start."""
        seconds = (SYSTEM_CLOCK.now().mono_ns - self._start.mono_ns) / 1e9
        click.echo(f"[{seconds:6.1f} s] {title}", err=True)
        self._patience = Deadline(_PATIENCE_SECONDS)

    def detail(self, text: str) -> None:
        """Prints a detail if all were asked for, or if nothing else has been heard for long."""
        if self._verbose or self._patience.passed:
            click.echo(f"           {text}", err=True)
            self._patience = Deadline(_PATIENCE_SECONDS)

    def tests(self, names: tuple[str, ...]) -> None:
        """Prints how many tests there are."""
        click.echo(f"           {len(names)} tests", err=True)

    def test(self, outcome: TestOutcome) -> None:
        """Prints each test that ended."""
        if outcome.outcome == "started":
            return
        click.echo(f"           {_line(outcome)}", err=True)

    def note(self, text: str) -> None:
        """Prints a note."""
        click.echo(text, err=True)

    def end(self) -> None:
        """Nothing is left to undo."""


class Live:
    """A status line that moves, above it the tests that ended."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - heavy

        self._console: Console = Console(stderr=True, highlight=False)
        self._status: Status | None = None
        self._title = ""
        self._start = SYSTEM_CLOCK.now()
        self._left = 0

    def stage(self, title: str) -> None:
        """Shows the stage; the one before stays as a line with its time."""
        self._finish()
        self._title = title
        self._start = SYSTEM_CLOCK.now()
        self._status = self._console.status(f"{title} …")
        self._status.start()

    def detail(self, text: str) -> None:
        """Shows a detail behind the stage."""
        if self._status is not None:
            from rich.markup import escape  # noqa: PLC0415 - heavy

            self._status.update(f"{self._title} … [dim]{escape(text[:_WIDTH])}[/dim]")

    def tests(self, names: tuple[str, ...]) -> None:
        """Remembers how many tests are to come."""
        self._left = len(names)

    def test(self, outcome: TestOutcome) -> None:
        """Shows which test runs, and a line for each that ended."""
        if outcome.outcome == "started":
            self.detail(f"{outcome.test} ({self._left} to go)")
            return
        self._left -= 1
        colour = {"passed": "green", "skipped": "yellow"}.get(outcome.outcome, "red")
        self._console.print(f"  {_line(outcome)}", style=colour, markup=False)

    def note(self, text: str) -> None:
        """Shows a note that stays."""
        self._console.print(text, style="yellow", markup=False)

    def end(self) -> None:
        """Stops drawing."""
        self._finish()
        self._title = ""

    def _finish(self) -> None:
        if self._status is None:
            return
        self._status.stop()
        self._status = None
        seconds = (SYSTEM_CLOCK.now().mono_ns - self._start.mono_ns) / 1e9
        self._console.print(f"{self._title}: {seconds:.1f} s", style="dim", markup=False)


def _line(outcome: TestOutcome) -> str:
    word = _MARKS.get(outcome.outcome, outcome.outcome)
    checks = f"  [{', '.join(outcome.checks)}]" if outcome.checks else ""
    first = outcome.message.strip().splitlines()[:1] if outcome.outcome != "passed" else []
    reason = f"  {first[0]}" if first else ""
    return f"{word:<13}{outcome.test}{checks}  {outcome.span.seconds:.1f} s{reason}"
