"""Stage 4a: which of a worker's objects are there to be touched.

Each worker makes objects of its own and touches no others, so that two writes to an object never
overtake each other. An object is out while a request on it is in flight, and the one that has
rested longest is taken next.
"""

from __future__ import annotations

from collections import deque

__all__ = ["Population"]

_INDEX_BITS = 40


class Population:
    """Objects of one worker, 40 bytes each.

    Args:
        worker: Its number, from 0.
        workers: How many there are; this one's objects have the indices `worker`,
            `worker + workers`, and so on.
    """

    __slots__ = ("_next", "_resting", "_step")

    def __init__(self, *, worker: int, workers: int) -> None:
        self._next = worker
        self._step = workers
        self._resting: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._resting)

    def create(self) -> int:
        """Returns the index of a new object."""
        index = self._next
        self._next += self._step
        return index

    def take(self) -> tuple[int, int] | None:
        """Takes out the object that has rested longest: its index, and which update is next."""
        if not self._resting:
            return None
        both = self._resting.popleft()
        return both & ((1 << _INDEX_BITS) - 1), both >> _INDEX_BITS

    def put(self, index: int, turn: int) -> None:
        """Puts an object back, or a new one in."""
        self._resting.append(turn << _INDEX_BITS | index)
