"""Stage 4a: one row for each arrival that has ended, on disk within a tenth of a second."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from harness.evidence.columns import ColumnWriter
from harness.model.load import ARRIVAL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["ArrivalRows"]

Row = tuple[int, int, int, int, int, int, int, int, int, int]


class ArrivalRows:
    """Collects rows and writes them.

    Args:
        path: Of the worker's file.
        written: Is shown the rows of each write, for Locust's statistics.
    """

    def __init__(
        self, path: Path, *, written: Callable[[array[int]], None] = lambda _: None
    ) -> None:
        self._writer = ColumnWriter(path, ARRIVAL_COLUMNS)
        self._written = written
        self._waiting: array[int] = array("q")

    def add(self, row: Row) -> None:
        """Takes a row, in the order of ARRIVAL_COLUMNS."""
        self._waiting.extend(row)

    def flush(self) -> None:
        """Writes what was taken.

        Raises:
            EvidenceError: The disk is full or the file can't be written.
        """
        if not self._waiting:
            return
        rows, self._waiting = self._waiting, array("q")
        self._writer.extend(rows)
        self._written(rows)

    def close(self) -> None:
        """Writes what was taken and closes the file."""
        self.flush()
        self._writer.close()
