"""Follows a file that another process is writing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.clock import SYSTEM_CLOCK, Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO, Self

    from harness.clock import Clock

__all__ = ["Tail"]

_POLL_S = 0.01
_CHUNK = 1 << 20


class Tail:
    """The whole lines of a growing file, each once; goes on where a file is rotated away.

    Args:
        path: Need not exist yet.
        at_end: Begin behind what is in the file now.
        clock: For the pauses between looks.
    """

    def __init__(self, path: Path, *, at_end: bool = False, clock: Clock = SYSTEM_CLOCK) -> None:
        self._path = path
        self._clock = clock
        self._file: BinaryIO | None = None
        self._rest = b""
        self._lines: list[bytes] = []  # read but not yet given, the next one last
        if at_end and (file := self._open()) is not None:
            file.seek(0, os.SEEK_END)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lines(self) -> Iterator[bytes]:
        """Yields the whole lines that are there now and weren't given yet, without newlines."""
        while True:
            if not self._lines and not self._read():
                return
            while self._lines:
                yield self._lines.pop()

    def wait_for(self, predicate: Callable[[bytes], bool], *, timeout: float) -> bool:
        """Reads on until a line meets a predicate.

        Args:
            predicate: Called once with each line, in order; lines behind the one that met it
                are left for the next call.
            timeout: In seconds.

        Returns:
            Whether one did in time.
        """
        deadline = Deadline(timeout, clock=self._clock)
        while True:
            if any(predicate(line) for line in self.lines()):
                return True
            if deadline.passed:
                return False
            self._clock.sleep(min(_POLL_S, deadline.remaining))

    def rest(self) -> bytes:
        """Returns what stands behind the last newline, and gives it only once."""
        rest, self._rest = self._rest, b""
        return rest

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO | None:
        if self._file is None:
            try:
                self._file = self._path.open("rb")
            except FileNotFoundError:
                return None
        return self._file

    def _read(self) -> bool:
        """Reads some whole lines; False where there is none now."""
        while (file := self._open()) is not None:
            rotated = self._rotated(file)  # asked before reading: the old file gets no more lines
            chunk = file.read(_CHUNK)
            if chunk:
                *whole, self._rest = (self._rest + chunk).split(b"\n")
                self._lines = whole[::-1]
                if whole:
                    return True
            elif rotated:
                self.close()
                self._rest = b""
            else:
                return False
        return False

    def _rotated(self, file: BinaryIO) -> bool:
        """Whether the path names another file now."""
        try:
            return self._path.stat().st_ino != os.fstat(file.fileno()).st_ino
        except FileNotFoundError:
            return False  # moved away; its successor isn't there yet
