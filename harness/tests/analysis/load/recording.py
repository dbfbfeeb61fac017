"""Writes the files of a load as its child and its receiver write them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.load.samples import Arrivals, Events, read_arrivals, read_events
from harness.evidence.columns import ColumnWriter
from harness.evidence.ndjson import NdjsonWriter, write_document
from harness.model.load import (
    ARRIVAL_COLUMNS,
    EVENT_COLUMNS,
    ArrivalProcess,
    EventType,
    LoadPhase,
    LoadPlan,
    Operation,
    PhaseRole,
)
from harness.model.resource import Resource
from harness.model.target import Readiness
from harness.model.time import Span, Stamp
from harness.tests.analysis.recording import at as at_s

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.evidence.folder import RunFolder

    _Columns = dict[str, NDArray[np.int64] | int]
    from harness.tests.analysis.load.queues import SimulatedOperator

__all__ = ["BASE_NS", "LoadedRun", "Recording", "phase", "span"]

BASE_NS = 10**12
"""The monotonic start of recorded runs (`harness.tests.analysis.recording.at`)."""

_MS = 1_000_000
PLAN = LoadPlan(
    seed=7,
    profile="default",
    resource=Resource(
        group="example.com", version="v1", plural="guestbooks", kind="Guestbook", namespaced=True
    ),
    samples=("guestbook",),
    namespaces=("load-0",),
    ready=Readiness(),
    identity="load",
)


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


class LoadedRun:
    """A recorded run with a load on a simulated operator; phases follow each other.

    Args:
        run: Its folder.
        operator: Serves all phases.
    """

    def __init__(self, run: RunFolder, operator: SimulatedOperator) -> None:
        self.run = run
        self.now = BASE_NS + 5 * 10**9
        self._operator = operator
        self._phases: list[LoadPhase] = []
        self._arrivals: list[NDArray[np.int64]] = []
        self._events: list[NDArray[np.int64]] = []
        self._count = 0
        run.load.mkdir(parents=True, exist_ok=True)
        write_document(run.load_plan_file, PLAN)

    def constant(
        self,
        rate: float,
        seconds: float,
        *,
        name: str = "steady",
        role: PhaseRole = PhaseRole.MEASURE,
        drain: bool = True,
        operator: SimulatedOperator | None = None,
        profile: str = "default",
    ) -> LoadPhase:
        """Adds creates at a constant rate; `drain` lets all be done before the next phase.

        Another operator than the run's may serve them.
        """
        start = self.now
        due = start + (np.arange(int(rate * seconds)) * 1e9 / rate).astype(np.int64)
        ready = (operator or self._operator).serve(due + 3_000_000)
        added = self._create(due, ready, seconds, rate=rate, name=name, role=role)
        added = self._phases[-1] = msgspec.structs.replace(added, profile=profile)
        self.now = max(added.span.end.mono_ns, int(ready.max()) if drain else 0)
        return added

    def burst(self, count: int, *, name: str = "burst") -> LoadPhase:
        """Adds creates that are all due at once."""
        due = np.full(count, self.now, np.int64)
        ready = self._operator.serve(due + 3_000_000)
        seconds = (int(ready.max()) - self.now) / 1e9
        added = self._create(due, ready, seconds, rate=None, name=name, role=PhaseRole.MEASURE)
        self.now = int(ready.max())
        return added

    def write(self, *, forget: Iterable[int] = (), refuse: Iterable[int] = ()) -> None:
        """Writes all files.

        Args:
            forget: Numbers of arrivals that the operator never gets ready.
            refuse: Numbers of arrivals that are answered with 500.
        """
        with suppress(FileNotFoundError):
            self.run.load_phases_file.unlink()
        writer = NdjsonWriter(self.run.load_phases_file)
        for item in self._phases:
            writer.write(item)
        writer.close()
        arrivals = np.concatenate(self._arrivals)
        refused = np.isin(arrivals[:, ARRIVAL_COLUMNS.index("arrival")], list(refuse))
        arrivals[refused, ARRIVAL_COLUMNS.index("status")] = 500
        write_table(self.run.load_arrivals_file(0), ARRIVAL_COLUMNS, arrivals)
        events = np.concatenate(self._events)
        lost = np.isin(events[:, EVENT_COLUMNS.index("object")], list(forget))
        events[lost, EVENT_COLUMNS.index("done")] = 0
        order = np.argsort(events[:, 0], kind="stable")
        write_table(self.run.load_events_file, EVENT_COLUMNS, events[order])

    def _create(
        self,
        due: NDArray[np.int64],
        ready: NDArray[np.int64],
        seconds: float,
        *,
        rate: float | None,
        name: str,
        role: PhaseRole,
    ) -> LoadPhase:
        count = len(due)
        number = self._count + np.arange(count)
        index = len(self._phases)
        columns: _Columns = {
            "arrival": number,
            "phase": index,
            "object": number,
            "intended_ns": due,
            "sent_ns": due + 500_000,
            "acknowledged_ns": due + 2_500_000,
            "status": 201,
            "generation": 1,
            "uid": number + 1,
        }
        self._arrivals.append(_table(ARRIVAL_COLUMNS, columns, count))
        for at, done in ((due + 3_000_000, 0), (ready, 1)):
            seen: _Columns = {"object": number, "uid": number + 1, "generation": 1, "observed": -1}
            seen |= {"received_ns": at, "done": done, "type": EventType.MODIFIED}
            self._events.append(_table(EVENT_COLUMNS, seen, count))
        start_s = (self.now - BASE_NS) / 1e9
        added = LoadPhase(
            index=index,
            name=name,
            profile="default",
            role=role,
            process=ArrivalProcess.BURST if rate is None else ArrivalProcess.CONSTANT,
            rate_per_s=rate,
            span=Span(start=at_s(start_s), end=at_s(start_s + seconds)),
            arrivals=count,
            first_arrival=self._count,
        )
        self._phases.append(added)
        self._count += count
        return added


def _table(names: tuple[str, ...], columns: _Columns, rows: int) -> NDArray[np.int64]:
    empty = np.zeros(rows, np.int64)
    return np.stack([empty + columns.get(name, 0) for name in names], axis=1)


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
