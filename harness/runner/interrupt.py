"""Ctrl-C and SIGTERM: the first ends the run in order, the second at once."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.errors import Interrupted
from harness.model.verdict import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["Interruption", "interruptible"]


class Interruption:
    """Whether the user asked us to stop.

    A first signal breaks off only what runs inside `breakable`; elsewhere (making a run folder,
    taking down, writing reports) it is noted, and the next breakable part doesn't begin.

    Attributes:
        word: Name of the first signal; empty before it.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._breakable = False
        self.word = ""

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler: raises `Interrupted` in the main thread, once.

        Raises:
            Interrupted: On the first signal, inside `breakable`.
        """
        if self.word:
            # The guard sees our pipe close and still takes everything down.
            os._exit(ExitCode.INTERRUPTED)
        self.word = signal.Signals(number).name
        self._announce(
            f"{self.word}: stopping in order (cluster down, reports written); "
            "once more stops at once."
        )
        if self._breakable:
            self.check()

    def check(self) -> None:
        """Goes on only if nobody asked us to stop.

        Raises:
            Interrupted: Somebody did.
        """
        if self.word:
            raise Interrupted(f"Stopped by {self.word}.")

    @contextmanager
    def breakable(self) -> Iterator[None]:
        """While this lasts, a first signal breaks off what runs.

        Raises:
            Interrupted: A signal came, now or before.
        """
        self._breakable = True
        try:
            self.check()
            yield
        finally:
            self._breakable = False


@contextmanager
def interruptible(announce: Callable[[str], None]) -> Iterator[Interruption]:
    """Handles SIGINT and SIGTERM while a run lasts.

    Args:
        announce: Tells the user what happens next.
    """
    interruption = Interruption(announce)
    previous = {
        number: signal.signal(number, interruption.handle)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield interruption
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
