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

    Attributes:
        asked: Set by the first signal.
        word: Name of that signal.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._shielded = False
        self.asked = False
        self.word = ""

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler: raises `Interrupted` in the main thread, once.

        Raises:
            Interrupted: On the first signal, outside a shield.
        """
        if self.asked:
            # The guard sees our pipe close and still takes everything down.
            os._exit(ExitCode.INTERRUPTED)
        self.asked = True
        self.word = signal.Signals(number).name
        self._announce(
            f"{self.word}: stopping in order (cluster down, reports written); "
            "once more stops at once."
        )
        if not self._shielded:
            raise Interrupted(f"Stopped by {self.word}.")

    @contextmanager
    def shield(self) -> Iterator[None]:
        """While reports are written, a first signal is noted but breaks nothing off."""
        self._shielded = True
        try:
            yield
        finally:
            self._shielded = False


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
