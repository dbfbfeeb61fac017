"""Writes the files of a load as its child and its receiver write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.analysis.load.samples import Arrivals, Events, read_arrivals, read_events
from harness.evidence.columns import ColumnWriter
from harness.model.load import (
    ARRIVAL_COLUMNS,
    EVENT_COLUMNS,
    ArrivalProcess,
    EventType,
    LoadPhase,
    Operation,
    PhaseRole,
)
from harness.model.time import Span, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Recording", "phase", "span"]

_MS = 1_000_000


class Recording:
    """The files of a load in a folder; all times in milliseconds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._events: list[tuple[int, ...]] = []
        self._arrivals: dict[str, list[tuple[int, ...]]] = {}

    def arrival(
        self,
        number: int,
        *,
        object: int = 0,
        uid: int = 1,
        generation: int = 1,
        operation: Operation = Operation.CREATE,
        due: float = 0,
        sent: float | None = None,
        acknowledged: float | None = None,
        status: int = 201,
        phase: int = 0,
        worker: str = "0",
    ) -> None:
        """Notes an arrival."""
        sent = due if sent is None else sent
        acknowledged = sent + 2 if acknowledged is None else acknowledged
        stamps = (int(at * _MS) for at in (due, sent, acknowledged))
        row = (number, phase, operation, object, *stamps, status, generation, uid)
        self._arrivals.setdefault(worker, []).append(row)

    def event(
        self,
        at: float,
        *,
        object: int = 0,
        uid: int = 1,
        generation: int = 1,
        observed: int = -1,
        done: bool = False,
        type: EventType = EventType.MODIFIED,
        deleting: bool = False,
    ) -> None:
        """Notes a watch event."""
        row = (int(at * _MS), object, uid, generation, observed, done, type, deleting, 0)
        self._events.append(row)

    def write(self) -> None:
        """Writes all files."""
        for worker, rows in self._arrivals.items():
            _write(self.folder / f"arrivals-{worker}.i64", ARRIVAL_COLUMNS, rows)
        _write(self.folder / "events.i64", EVENT_COLUMNS, self._events)

    def read(self) -> tuple[Arrivals, Events]:
        """Writes all files, and reads them as the analysis does."""
        self.write()
        files = sorted(self.folder.glob("arrivals-*.i64"))
        return read_arrivals(files), read_events(self.folder / "events.i64")


def phase(
    index: int = 0,
    *,
    name: str = "steady",
    start: float = 0.0,
    end: float = 10.0,
    arrivals: int = 1,
    rate: float | None = None,
    process: ArrivalProcess = ArrivalProcess.CONSTANT,
    role: PhaseRole = PhaseRole.MEASURE,
    note: str = "",
) -> LoadPhase:
    """Returns a phase; times in seconds."""
    return LoadPhase(
        index=index,
        name=name,
        profile="steady",
        role=role,
        process=process,
        rate_per_s=rate,
        span=span(start, end),
        arrivals=arrivals,
        note=note,
    )


def span(start: float, end: float) -> Span:
    """Returns a span; times in seconds."""
    first, last = (int(at * 1e9) for at in (start, end))
    return Span(start=Stamp(mono_ns=first, wall_ns=first), end=Stamp(mono_ns=last, wall_ns=last))


def write_table(path: Path, columns: Iterable[str], table: NDArray[np.int64]) -> None:
    """Writes many rows at once."""
    names = tuple(columns)
    ColumnWriter(path, names).close()
    table.astype("<i8").tofile(path)


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[int, ...]]) -> None:
    path.unlink(missing_ok=True)
    writer = ColumnWriter(path, columns)
    for row in rows:
        writer.append(*row)
    writer.close()
