"""What a run tells while it lasts; the command line draws it, tests record it."""

from __future__ import annotations

from typing import Protocol

from harness.model.records import TestOutcome

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Takes the events of a run, in order."""

    def stage(self, title: str) -> None:
        """A stage begins; the one before has ended."""

    def detail(self, text: str) -> None:
        """A line about the present stage."""

    def tests(self, names: tuple[str, ...]) -> None:
        """These tests are going to run."""

    def test(self, outcome: TestOutcome) -> None:
        """A test has started (outcome "started") or ended."""

    def note(self, text: str) -> None:
        """Something that stays on the screen."""

    def end(self) -> None:
        """The run is over; nothing more is drawn."""


class Silent:
    """Tells nothing."""

    def stage(self, title: str) -> None:
        """Does nothing."""

    def detail(self, text: str) -> None:
        """Does nothing."""

    def tests(self, names: tuple[str, ...]) -> None:
        """Does nothing."""

    def test(self, outcome: TestOutcome) -> None:
        """Does nothing."""

    def note(self, text: str) -> None:
        """Does nothing."""

    def end(self) -> None:
        """Does nothing."""
