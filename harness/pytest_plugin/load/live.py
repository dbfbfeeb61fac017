"""Follows the rows of a load while they come: who watches wants figures now, and a drain ends now.

What is shown here is never a figure of the report: that is joined anew from the same rows.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from harness.model.load import ARRIVAL_COLUMNS, EVENT_COLUMNS, EventType, Operation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Live", "Tail"]

_RECENT = 1_000
_OK = range(200, 300)
_WIDTH = 8
_A = {name: at for at, name in enumerate(ARRIVAL_COLUMNS)}
_E = {name: at for at, name in enumerate(EVENT_COLUMNS)}


class Tail:
    """Reads the rows that were added to a file of columns.

    Args:
        path: It may not be there yet.
        width: Columns of a row.
    """

    def __init__(self, path: Path, width: int) -> None:
        self._path = path
        self._width = width
        self._offset = 0

    def more(self) -> NDArray[np.int64]:
        """Returns the whole rows since the last call, a line of the array each."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            data = b""
        whole = len(data) // (_WIDTH * self._width) * (_WIDTH * self._width)
        self._offset += whole
        return np.frombuffer(data[:whole], dtype="<i8").reshape(-1, self._width)


class _Object:
    """What is known of one object: how far the operator is, and what waits for it."""

    __slots__ = ("at_ns", "gone_ns", "ready", "waiting")

    def __init__(self) -> None:
        self.ready = 0
        self.at_ns = 0
        self.gone_ns = 0
        self.waiting: list[tuple[int, int, bool]] = []  # generation, intended, is a delete


class Live:
    """Arrivals that are open, and the latest that are done.

    Args:
        arrivals: Files of all workers.
        events: File of the watch receiver.
        settled: Whether an object counts as done with the operator's last write.
    """

    def __init__(self, arrivals: Sequence[Path], events: Path, *, settled: bool = False) -> None:
        self._arrivals = [Tail(path, len(ARRIVAL_COLUMNS)) for path in arrivals]
        self._events = Tail(events, len(EVENT_COLUMNS))
        self._done_column = _E["writer"] if settled else _E["done"]
        self._objects: dict[int, _Object] = {}
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self.ended = 0
        self.done = 0
        self.failed = 0
        self.dropped = 0
        self.waiting = 0

    def follow(self) -> None:
        """Takes in what was written since the last call."""
        for tail in self._arrivals:
            for row in tail.more().tolist():
                self._arrival(row)
        for row in self._events.more().tolist():
            self._event(row)

    @property
    def percentiles_ms(self) -> tuple[float, float] | tuple[None, None]:
        """The median and the 99th percentile of the latest arrivals that are done."""
        if not self._recent:
            return None, None
        p50, p99 = np.percentile(np.fromiter(self._recent, dtype=float), (50, 99)).tolist()
        return p50, p99

    def _arrival(self, row: list[int]) -> None:
        self.ended += 1
        status, operation = row[_A["status"]], row[_A["operation"]]
        if status not in _OK:
            self.dropped += status == 0
            self.failed += status != 0
            return
        intended, generation = row[_A["intended_ns"]], row[_A["generation"]]
        if operation == Operation.NOOP_UPDATE:
            self._finish(intended, row[_A["acknowledged_ns"]])
            return
        known = self._objects.setdefault(row[_A["uid"]], _Object())
        deletes = operation == Operation.DELETE
        if known.gone_ns:  # the watch was faster than the answer
            self._finish(intended, known.gone_ns)
            self._objects.pop(row[_A["uid"]], None)
        elif not deletes and known.ready >= max(generation, 1):
            self._finish(intended, max(known.at_ns, intended))
        else:
            known.waiting.append((generation, intended, deletes))
            self.waiting += 1

    def _event(self, row: list[int]) -> None:
        if row[_E["object"]] < 0 or row[_E["type"]] > EventType.DELETED:
            return
        uid, at = row[_E["uid"]], row[_E["received_ns"]]
        if row[_E["type"]] == EventType.DELETED:
            known = self._objects.setdefault(uid, _Object())
            known.gone_ns = at
            if any(deletes for _, _, deletes in known.waiting):
                del self._objects[uid]  # nothing comes of it any more, and a soak makes many
            self._close(known, at, everything=True)
            return
        generation, observed = row[_E["generation"]], row[_E["observed"]]
        if not row[self._done_column] or not (observed == -1 or observed >= generation):
            return
        known = self._objects.setdefault(uid, _Object())
        if generation > known.ready:
            known.ready, known.at_ns = generation, at
            self._close(known, at, everything=False)

    def _close(self, known: _Object, at_ns: int, *, everything: bool) -> None:
        kept = []
        for generation, intended, deletes in known.waiting:
            if everything or (not deletes and generation <= known.ready):
                self.waiting -= 1
                self._finish(intended, at_ns)
            else:
                kept.append((generation, intended, deletes))
        known.waiting = kept

    def _finish(self, intended_ns: int, at_ns: int) -> None:
        self.done += 1
        self._recent.append((at_ns - intended_ns) / 1e6)
