"""The load suite's raw stamps: arrivals and watch events, read into narrow arrays.

The files hold int64 throughout. Here only stamps stay that wide, since a report of a million
arrivals with their events has to fit into some hundred MiB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.evidence.columns import read_tables
from harness.model.load import EventType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import DTypeLike, NDArray

    from harness.evidence.columns import Table

__all__ = [
    "Arrivals",
    "Events",
    "Stamps",
    "read_arrivals",
    "read_events",
]


_ARRIVALS: Mapping[str, DTypeLike] = {
    "arrival": np.int32,
    "phase": np.int16,
    "operation": np.int8,
    "object": np.int32,
    "intended_ns": np.int64,
    "sent_ns": np.int64,
    "acknowledged_ns": np.int64,
    "status": np.int16,
    "generation": np.int32,
    "uid": np.int64,
}
_EVENTS: Mapping[str, DTypeLike] = {
    "received_ns": np.int64,
    "object": np.int32,
    "uid": np.int64,
    "generation": np.int32,
    "observed": np.int32,
    "done": np.int8,
    "type": np.int8,
    "deleting": np.int8,
    "writer": np.int8,
}
_WIDTH = 8


class Arrivals(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One entry an arrival, over all workers, in no particular order.

    Attributes:
        arrival: Index in the schedule, unique.
        phase: Index of its phase.
        operation: An `Operation`.
        object: Index of the object's name.
        intended_ns: t0, when the schedule wanted it.
        sent_ns: t1. acknowledged_ns: t2, when the answer had arrived.
        status: HTTP status, or an `ArrivalStatus`.
        generation: metadata.generation of the answer; 0 unknown.
        uid: 63-bit hash of metadata.uid; 0 unknown.
    """

    arrival: NDArray[np.int32]
    phase: NDArray[np.int16]
    operation: NDArray[np.int8]
    object: NDArray[np.int32]
    intended_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    acknowledged_ns: NDArray[np.int64]
    status: NDArray[np.int16]
    generation: NDArray[np.int32]
    uid: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.arrival)


class Events(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One entry a watch event of an object of ours, in the order of arrival.

    Attributes:
        received_ns: When its bytes had arrived.
        observed: status.observedGeneration; -1 absent.
        done: 1 where the readiness rule held for `generation`.
        type: An `EventType`; gaps and bookmarks are not among them.
        deleting: 1 where it had a deletionTimestamp.
        writer: 1 where the newest managedFields entry was the operator's.
        gaps: (n, 2): the stretches in which events are missing, from the last event before a
            relist to that relist.
    """

    received_ns: NDArray[np.int64]
    object: NDArray[np.int32]
    uid: NDArray[np.int64]
    generation: NDArray[np.int32]
    observed: NDArray[np.int32]
    done: NDArray[np.int8]
    type: NDArray[np.int8]
    deleting: NDArray[np.int8]
    writer: NDArray[np.int8]
    gaps: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.received_ns)


class Stamps(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All raw stamps of a run."""

    arrivals: Arrivals
    events: Events


def read_arrivals(files: Iterable[Path]) -> Arrivals:
    """Reads the arrivals of all workers.

    Args:
        files: `arrivals-<worker>.i64`; none is no arrivals.

    Raises:
        EvidenceError: One can't be read.
        KeyError: One lacks a column.
    """
    paths = tuple(files)
    store = _Store(_ARRIVALS, sum(file.stat().st_size for file in paths))
    for file in paths:
        for table in read_tables(file):
            store.append(table)
    return Arrivals(**store.filled())


def read_events(file: Path) -> Events:
    """Reads the watch events, and where some are missing; no file is no events.

    Raises:
        EvidenceError: It can't be read.
        KeyError: It lacks a column.
    """
    gaps, last = [], 0
    store = _Store(_EVENTS, file.stat().st_size if file.exists() else 0)
    for table in read_tables(file) if file.exists() else ():
        kinds, received = table["type"], table["received_ns"]
        for row in np.flatnonzero(kinds == EventType.GAP):
            gaps.append((int(received[row - 1]) if row else last, int(received[row])))
        last = int(received[-1]) if len(table) else last
        store.append(table, (table["object"] >= 0) & (kinds <= EventType.DELETED))
    missing = np.asarray(gaps, dtype=np.int64).reshape(-1, 2)
    return Events(**store.filled(), gaps=missing)


class _Store:
    """Narrow columns that are filled piece by piece; pages that aren't filled cost no memory."""

    def __init__(self, columns: Mapping[str, DTypeLike], size: int) -> None:
        rows = size // (_WIDTH * len(columns))
        self._columns = {name: np.empty(rows, kind) for name, kind in columns.items()}
        self._used = 0

    def append(self, table: Table, chosen: NDArray[np.bool_] | None = None) -> None:
        """Appends the chosen rows; None for all."""
        count = len(table) if chosen is None else int(chosen.sum())
        for name, column in self._columns.items():
            values = table[name] if chosen is None else table[name][chosen]
            column[self._used : self._used + count] = values
        self._used += count

    def filled(self) -> dict[str, NDArray[Any]]:  # of several widths
        """Returns the columns as far as they were filled."""
        return {name: column[: self._used] for name, column in self._columns.items()}
