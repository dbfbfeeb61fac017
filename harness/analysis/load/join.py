"""Joins arrivals with watch events: the four stamps of each arrival, and what became of it.

Per (uid, generation): *echoed* (t3) is the first event that shows the generation or
a later one; *done* (t4) the first event in which the target is ready for it. Generations only
grow, so in each object's events the largest one that is ready so far is a rising staircase, and
the event that closes generation g is where it first reaches g: a binary search, not a scan.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.model.load import ArrivalStatus, EventType, Operation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.analysis.load.samples import Arrivals, Events

__all__ = ["NEVER", "Fate", "Joined", "join"]

NEVER = np.iinfo(np.int64).max
"""Stands for a stamp that didn't come; later than any that did."""

_SHIFT = 32  # a generation and a row number fit into 31 bits
_LOW = (1 << _SHIFT) - 1
_PIECE = 1 << 16
_SUCCESS = range(200, 300)


class Fate(IntEnum):
    """What became of an arrival; each has exactly one."""

    DONE = 0
    IN_FLIGHT = 1
    ERROR = 2
    DROPPED = 3


class Joined(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One entry an arrival, in the order of the `Arrivals`.

    Attributes:
        echoed_ns: t3; `NEVER` where it didn't come.
        done_ns: t4; `NEVER` where it didn't come. Of a no-op update it is the answer (t2).
        fate: A `Fate`.
        collapsed: Closed by a later generation, or by its object's deletion: the operator never
            showed this one.
        unchanged: The write left the generation as it was: nothing for the operator to do.
        tainted: It was open while watch events were missing, so its t3 and t4 are no earlier than
            the truth, and maybe later.
    """

    echoed_ns: NDArray[np.int64]
    done_ns: NDArray[np.int64]
    fate: NDArray[np.int8]
    collapsed: NDArray[np.bool_]
    unchanged: NDArray[np.bool_]
    tainted: NDArray[np.bool_]


def join(arrivals: Arrivals, events: Events) -> Joined:
    """Joins; linear in arrivals, and in events but for one sort.

    An update that left the generation as it was (its generation had been seen before it was sent)
    is done with its answer, as a no-op update is. A create or update whose object was deleted
    before it was ready is closed, as collapsed, by the DELETED event.
    """
    accepted = (arrivals.status >= _SUCCESS.start) & (arrivals.status < _SUCCESS.stop)
    found = _Staircase(events)
    generation = np.maximum(arrivals.generation, 1)
    asked = found.asked(arrivals.uid, generation, accepted & (arrivals.uid != 0))
    seen, ready = found.first(found.seen(), asked), found.first(found.ready(), asked)
    asked = asked.at_level(1)
    deleting, gone = found.first(found.deleting(), asked), found.first(found.gone(), asked)

    deletes = arrivals.operation == Operation.DELETE
    echoed = np.where(deletes, deleting.at, seen.at)
    unchanged = accepted & ~deletes & (echoed < arrivals.sent_ns)
    unchanged |= accepted & (arrivals.operation == Operation.NOOP_UPDATE)
    overtaken = ~deletes & (gone.at < ready.at)
    done = np.where(deletes | overtaken, gone.at, ready.at)
    done = np.where(unchanged, arrivals.acknowledged_ns, done)
    collapsed = ~deletes & ~unchanged & (overtaken | (ready.level > generation))

    fate = np.full(len(arrivals), Fate.ERROR, np.int8)
    fate[arrivals.status == ArrivalStatus.DROPPED] = Fate.DROPPED
    fate[accepted] = Fate.IN_FLIGHT
    fate[accepted & (done < NEVER)] = Fate.DONE
    return Joined(
        echoed_ns=echoed,
        done_ns=np.where(accepted, done, NEVER),
        fate=fate,
        collapsed=collapsed & (done < NEVER),
        unchanged=unchanged,
        tainted=accepted & ~unchanged & _open_during(events.gaps, arrivals.sent_ns, done),
    )


class _First(msgspec.Struct, frozen=True, eq=False):
    """Where staircases first reached a level: when (or `NEVER`), and how high they were there."""

    at: NDArray[np.int64]
    level: NDArray[np.int32]


class _Asked(msgspec.Struct, frozen=True, eq=False):
    """Levels asked for, sorted, which makes searching them many times faster.

    Attributes:
        rows: Which arrivals ask.
        keys: The staircase's rank above the level.
        total: How many arrivals there are.
    """

    rows: NDArray[np.int64]
    keys: NDArray[np.int64]
    total: int

    def at_level(self, level: int) -> _Asked:
        """Returns the same for one level."""
        return _Asked(self.rows, self.keys & ~_LOW | level, self.total)


class _Staircase:
    """The events of each object in order; by method, what they had reached so far.

    Stairs are as wide as all events, so they are made when they are asked for, and not kept.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        by_uid = np.argsort(events.uid)
        uids = events.uid[by_uid]
        fresh = np.ones(len(events), np.bool_)
        np.not_equal(uids[1:], uids[:-1], out=fresh[1:])
        self._uids = uids[fresh]
        del uids
        keys = np.empty(len(events), np.int64)
        keys[by_uid] = np.cumsum(fresh, dtype=np.int32) - 1
        del by_uid
        keys <<= _SHIFT
        keys |= np.arange(len(events), dtype=np.int32)
        keys.sort()
        self._order = (keys & _LOW).astype(np.int32)
        keys &= ~np.int64(_LOW)
        self._rank = keys

    def seen(self) -> NDArray[np.int64]:
        """Returns the largest generation so far."""
        return self._climb(self._events.generation)

    def ready(self) -> NDArray[np.int64]:
        """Returns the largest generation so far for which the target was ready; 0 for none."""
        generation, observed = self._events.generation, self._events.observed
        closes = np.where(observed >= 0, np.minimum(observed, generation), generation)
        return self._climb(closes * (self._events.done == 1))

    def deleting(self) -> NDArray[np.int64]:
        """Returns 1 from the first event with a deletion stamp."""
        return self._climb((self._events.deleting == 1) | self._deleted)

    def gone(self) -> NDArray[np.int64]:
        """Returns 1 from the DELETED event."""
        return self._climb(self._deleted)

    @property
    def _deleted(self) -> NDArray[np.bool_]:
        deleted: NDArray[np.bool_] = self._events.type == EventType.DELETED
        return deleted

    def asked(
        self, uid: NDArray[np.int64], level: NDArray[np.int32], chosen: NDArray[np.bool_]
    ) -> _Asked:
        """Returns what the chosen arrivals ask for, as far as there are events of their uid."""
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(uid[rows])]
        uids = uid[rows]
        place = np.searchsorted(self._uids, uids)
        known = place < len(self._uids)
        known[known] = self._uids[place[known]] == uids[known]
        rows = rows[known]
        return _Asked(rows, place[known] << _SHIFT | level[rows], len(uid))

    def first(self, stairs: NDArray[np.int64], asked: _Asked) -> _First:
        """Returns where each staircase first reached its level."""
        at = np.full(asked.total, NEVER, np.int64)
        height = np.zeros(asked.total, np.int32)
        step = np.searchsorted(stairs, asked.keys)
        reached = step < len(stairs)
        reached[reached] = stairs[step[reached]] >> _SHIFT == asked.keys[reached] >> _SHIFT
        step, rows = step[reached], asked.rows[reached]
        at[rows] = self._events.received_ns[self._order[step]]
        height[rows] = stairs[step] & _LOW
        return _First(at, height)

    def _climb(self, level: NDArray[np.int32] | NDArray[np.bool_]) -> NDArray[np.int64]:
        """Returns the largest level so far, with the object's rank above it, hence sorted."""
        stairs = self._rank.copy()
        for start in range(0, len(stairs), _PIECE):  # so that no second copy is needed
            piece = slice(start, start + _PIECE)
            stairs[piece] |= level[self._order[piece]]
        np.maximum.accumulate(stairs, out=stairs)
        return stairs


def _open_during(
    gaps: NDArray[np.int64], since: NDArray[np.int64], until: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each stretch overlaps one of the gaps, a gap's begin excluded."""
    hit = np.zeros(len(since), np.bool_)
    for start, end in gaps:
        hit |= (since <= end) & (until > start)
    return hit
