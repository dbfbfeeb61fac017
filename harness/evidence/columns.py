"""Samples as fixed-width columns: rows of little-endian int64, appended one write each.

A kill can only tear the last row, which readers leave out. Beside `<name>.i64` lies
`<name>.i64.json` with the columns' names and units.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
from array import array
from typing import TYPE_CHECKING

import msgspec

from harness.errors import EvidenceError
from harness.evidence.ndjson import write_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ColumnWriter", "Columns", "Table", "read_columns", "read_tables"]

_WIDTH = 8
_SUFFIXES = ("ns", "bytes")  # of names that say their unit; others count things


class _Description(msgspec.Struct, frozen=True, kw_only=True):
    """The file beside: what each column is called, and its unit ("ns", "bytes", "1")."""

    columns: tuple[str, ...]
    units: tuple[str, ...]


class ColumnWriter:
    """Appends rows.

    Args:
        path: Made with its folder if absent; an existing file with the same columns goes on,
            without its torn last row.
        columns: Names; a unit is their last part ("rss_bytes", "cpu_ns").

    Raises:
        EvidenceError: It can't be written, or has other columns.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self._row = struct.Struct(f"<{len(columns)}q")
        self._lock = threading.Lock()
        names = tuple(columns)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and _description(path).columns != names:
                raise EvidenceError(f"{path} has other columns than {', '.join(names)}.")
            units = tuple(_unit(name) for name in names)
            write_document(_beside(path), _Description(columns=names, units=units))
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            os.ftruncate(self._fd, os.fstat(self._fd).st_size // self._row.size * self._row.size)
        except OSError as error:
            raise EvidenceError(f"Can't open {path}: {error.strerror or error}") from error

    def append(self, *values: int) -> None:
        """Appends one row, one value for each column.

        Raises:
            EvidenceError: The disk is full or the file can't be written.
        """
        self._write(self._row.pack(*values))

    def extend(self, values: array[int]) -> None:
        """Appends whole rows at once, for where thousands come a second.

        Args:
            values: int64 ("q"), row after row; isn't changed.

        Raises:
            EvidenceError: The disk is full or the file can't be written.
            ValueError: The last row isn't whole.
        """
        if len(values) * _WIDTH % self._row.size:
            raise ValueError("a row isn't whole")
        if sys.byteorder == "big":
            values = values[:]
            values.byteswap()
        self._write(values.tobytes())

    def _write(self, rows: bytes) -> None:
        with self._lock:
            try:
                if os.write(self._fd, rows) == len(rows):
                    return
                reason = "a row was written in part"
            except OSError as error:
                reason = error.strerror or str(error)
        raise EvidenceError(
            f"Can't write {self._path}: {reason}",
            hint="Free disk space, or write the run elsewhere with --output.",
        )

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


class Columns:
    """Rows that were read.

    Args:
        names: Of the columns.
        units: Of the columns.
        values: All rows, one after the other.
    """

    def __init__(self, names: tuple[str, ...], units: tuple[str, ...], values: array[int]) -> None:
        self.names = names
        self.units = units
        self._values = memoryview(values)

    def __len__(self) -> int:
        return len(self._values) // len(self.names)

    def __getitem__(self, name: str) -> memoryview:
        """Returns one column's values (int64), without copying.

        Raises:
            KeyError: There is no such column.
        """
        if name not in self.names:
            raise KeyError(name)
        return self._values[self.names.index(name) :: len(self.names)]

    @property
    def rows(self) -> Iterator[tuple[int, ...]]:
        """Yields each row."""
        width = len(self.names)
        for start in range(0, len(self._values), width):
            yield tuple(self._values[start : start + width])

    @property
    def table(self) -> Table:
        """The same rows for NumPy, without copying."""
        import numpy as np  # noqa: PLC0415 - only the load suite's analysis needs it

        return Table(self.names, np.frombuffer(self._values, dtype="=i8"))


class Table:
    """Rows as a NumPy matrix.

    Args:
        names: Of the columns.
        values: All rows, one after the other; kept, not copied.
    """

    def __init__(self, names: tuple[str, ...], values: NDArray[np.int64]) -> None:
        self.names = names
        self._matrix = values.reshape(-1, len(names))

    def __len__(self) -> int:
        return len(self._matrix)

    def __getitem__(self, name: str) -> NDArray[np.int64]:
        """Returns one column as a strided view.

        Raises:
            KeyError: There is no such column.
        """
        if name not in self.names:
            raise KeyError(name)
        return self._matrix[:, self.names.index(name)]


def read_columns(path: Path) -> Columns:
    """Reads a file of columns; a torn last row is left out.

    Raises:
        EvidenceError: It or the description beside it is missing or can't be read.
    """
    description = _description(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"Can't read {path}: {error.strerror or error}") from error
    width = _WIDTH * len(description.columns)
    values = array("q", data[: len(data) // width * width])
    if sys.byteorder == "big":
        values.byteswap()
    return Columns(description.columns, description.units, values)


def read_tables(path: Path, *, rows: int = 65_536) -> Iterator[Table]:
    """Yields a file of columns in pieces, so that a reader needs memory for one piece only.

    Args:
        path: The file; a torn last row is left out.
        rows: In each piece but the last.

    Raises:
        EvidenceError: It or the description beside it is missing or can't be read.
    """
    import numpy as np  # noqa: PLC0415 - only the load suite's analysis needs it

    names = _description(path).columns
    width = _WIDTH * len(names)
    try:
        with path.open("rb") as file:
            while piece := file.read(rows * width):
                whole = len(piece) // width * len(names)
                yield Table(names, np.frombuffer(piece, dtype="<i8", count=whole))
    except OSError as error:
        raise EvidenceError(f"Can't read {path}: {error.strerror or error}") from error


def _description(path: Path) -> _Description:
    beside = _beside(path)
    try:
        found = msgspec.json.decode(beside.read_bytes(), type=_Description)
    except (OSError, msgspec.MsgspecError) as error:
        raise EvidenceError(
            f"Can't read {beside}: {error}", hint="It is written before the first row."
        ) from error
    if not found.columns or len(found.columns) != len(found.units):
        raise EvidenceError(f"{beside}: each column needs a name and a unit.")
    return found


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _unit(name: str) -> str:
    last = name.rpartition("_")[2]
    return last if last in _SUFFIXES else "1"
