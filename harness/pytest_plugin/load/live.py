"""Follows the rows of a load while they come: who watches wants figures now, and a drain ends now.

What is shown here is never a figure of the report: that is joined anew from the same rows.
"""

from __future__ import annotations

from array import array
from collections import deque
from itertools import repeat
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


class _Open:
    """Of each object how far the operator is, and what waits for it: 56 bytes in flat arrays.

    As long as the operator serves nothing, all that arrives is kept here, and dicts of objects
    would take some hundred bytes for each.

    An arrival waits for a generation; a delete for `LAST`, which no generation reaches.
    """

    LAST = (1 << 63) - 1

    def __init__(self) -> None:
        # By the index of the object's name:
        self._uids = array("q")  # negative as long as only the watch has told it
        self._ready = array("q")
        self._at_ns = array("q")
        self._heads = array("q")  # of the list of what waits; -1 for none
        # By place in the list:
        self._wanted = array("q")
        self._intended_ns = array("q")
        self._next = array("q")
        self._free = -1
        self.waiting = 0

    def arrived(self, index: int, uid: int, wanted: int, intended_ns: int) -> int | None:
        """Notes an arrival that was accepted; returns when it was done, if that has been seen.

        Args:
            index: Of the object's name.
            uid: Of the object; another one of that name is forgotten.
            wanted: The generation, or `LAST`.
            intended_ns: Returned by `reached`.
        """
        self._make_room(index)
        if self._uids[index] == -uid:
            self._uids[index] = uid
        elif self._uids[index] != uid:
            self._begin(index, uid)
        if self._ready[index] >= wanted:
            return self._at_ns[index]
        self._heads[index] = self._entry(wanted, intended_ns, self._heads[index])
        return None

    def reached(self, index: int, uid: int, generation: int, at_ns: int) -> list[int]:
        """Notes how far the operator is; returns when what is done with that was intended.

        Another object of that name than the one that the load made is left out.
        """
        self._make_room(index)
        if self._uids[index] != uid:
            if self._uids[index] > 0:
                return []
            if self._uids[index] != -uid:
                self._begin(index, -uid)
        if generation <= self._ready[index]:
            return []
        self._ready[index], self._at_ns[index] = generation, at_ns
        return self._take(index, generation)

    def _make_room(self, index: int) -> None:
        missing = index + 1 - len(self._uids)
        if missing > 0:
            for column in (self._uids, self._ready, self._at_ns):
                column.extend(repeat(0, missing))
            self._heads.extend(repeat(-1, missing))

    def _begin(self, index: int, uid: int) -> None:
        self._take(index, self.LAST)
        self._uids[index], self._ready[index] = uid, 0

    def _entry(self, wanted: int, intended_ns: int, following: int) -> int:
        self.waiting += 1
        place = self._free
        if place < 0:
            self._wanted.append(wanted)
            self._intended_ns.append(intended_ns)
            self._next.append(following)
            return len(self._next) - 1
        self._free = self._next[place]
        self._wanted[place], self._intended_ns[place] = wanted, intended_ns
        self._next[place] = following
        return place

    def _take(self, index: int, generation: int) -> list[int]:
        """Takes out what waits for that generation or an earlier one."""
        taken, kept, place = [], -1, self._heads[index]
        while place >= 0:
            following = self._next[place]
            if self._wanted[place] <= generation:
                taken.append(self._intended_ns[place])
                self._next[place], self._free = self._free, place
            else:
                self._next[place], kept = kept, place
            place = following
        self._heads[index] = kept
        self.waiting -= len(taken)
        return taken


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
        self._open = _Open()
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self.ended = 0
        self.done = 0
        self.failed = 0
        self.dropped = 0

    def follow(self) -> None:
        """Takes in what was written since the last call."""
        for tail in self._arrivals:
            for row in tail.more().tolist():
                self._arrival(row)
        for row in self._events.more().tolist():
            self._event(row)

    def forget(self) -> None:
        """Begins anew with percentiles: those of another rate say nothing of this one."""
        self._recent.clear()

    @property
    def waiting(self) -> int:
        """How many that were accepted aren't done."""
        return self._open.waiting

    @property
    def percentiles_ms(self) -> tuple[float, float] | tuple[None, None]:
        """The median and the 99th percentile of the latest arrivals that are done in a phase."""
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
        wanted = _Open.LAST if operation == Operation.DELETE else max(generation, 1)
        done = self._open.arrived(row[_A["object"]], row[_A["uid"]], wanted, intended)
        if done is not None:  # the watch was faster than the answer
            self._finish(intended, max(done, intended))

    def _event(self, row: list[int]) -> None:
        index, uid, at = row[_E["object"]], row[_E["uid"]], row[_E["received_ns"]]
        if index < 0 or row[_E["type"]] > EventType.DELETED:
            return
        generation, observed = row[_E["generation"]], row[_E["observed"]]
        if row[_E["type"]] == EventType.DELETED:
            generation = _Open.LAST
        elif not row[self._done_column] or not (observed == -1 or observed >= generation):
            return
        for intended in self._open.reached(index, uid, generation, at):
            self._finish(intended, at)

    def _finish(self, intended_ns: int, at_ns: int) -> None:
        self.done += 1
        self._recent.append((at_ns - intended_ns) / 1e6)
