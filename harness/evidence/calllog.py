"""All requests of an audit log, in columns: a million of them fit in a few hundred MiB.

What most requests share (who, what, how it was answered) is kept once as a `CallShape`; what
differs stands in columns. An `ApiCall` is made where one is looked at, so the objects of two looks
at the same request aren't identical: tell requests apart by file and line.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, overload

from harness.model.records import ApiCall, Handed, Reviewed

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["CallLog", "CallRow", "CallShape"]

_INTERNED = 200_000
"""Names and addresses held to share them: those of the same objects come close together."""


class CallShape(NamedTuple):
    """What many requests have in common; each field as in `ApiCall`."""

    stage: str
    user: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    code: int
    decision: str
    reason: str
    user_agent: str
    impersonator: str
    dry_run: bool
    file: str


class CallRow(NamedTuple):
    """One request without the trouble of an `ApiCall`: `position` leads to that."""

    position: int
    shape: CallShape
    name: str
    uri: str
    received_ns: int


class _Columns:
    """The columns, and the shapes that they refer to."""

    def __init__(self) -> None:
        self.shapes: list[CallShape] = []
        self.shape = array("I")
        self.received_ns = array("q")
        self.done_ns = array("q")
        self.line = array("I")
        self.ids: list[str] = []
        self.names: list[str] = []
        self.uris: list[str] = []
        self.handed: dict[int, Handed] = {}
        self.reviews: dict[int, Reviewed] = {}

    def call(self, position: int) -> ApiCall:
        """Makes the request at a place of the columns."""
        return ApiCall(
            audit_id=self.ids[position],
            uri=self.uris[position],
            received_ns=self.received_ns[position],
            done_ns=self.done_ns[position],
            name=self.names[position],
            handed=self.handed.get(position),
            review=self.reviews.get(position),
            line=self.line[position],
            **self.shapes[self.shape[position]]._asdict(),
        )


class CallLog(Sequence[ApiCall]):
    """Requests in the order of the log, or some of them.

    Args:
        calls: One for each request, as `final_calls` yields them.
    """

    def __init__(self, calls: Iterable[ApiCall] = ()) -> None:
        self._columns = _Columns()
        self._fill(calls)
        self._positions: Sequence[int] = range(len(self._columns.line))
        self._parts: dict[object, CallLog] = {}
        self._by_time: tuple[array[int], array[int]] | None = None
        self._by_object: dict[tuple[str, str, str], array[int]] | None = None

    @overload
    def __getitem__(self, index: int) -> ApiCall: ...
    @overload
    def __getitem__(self, index: slice) -> CallLog: ...
    def __getitem__(self, index: int | slice) -> ApiCall | CallLog:
        """Returns the request with a number, or those of a stretch of numbers."""
        if isinstance(index, slice):
            return self.pick(self._positions[index])
        return self._columns.call(self._positions[index])

    def __len__(self) -> int:
        """Returns how many requests there are."""
        return len(self._positions)

    def __iter__(self) -> Iterator[ApiCall]:
        """Yields the requests, each made as it is asked for."""
        return map(self._columns.call, self._positions)

    def rows(self) -> Iterator[CallRow]:
        """Yields the requests in short: a tenth of the cost of iterating."""
        columns = self._columns
        shapes, shape, received = columns.shapes, columns.shape, columns.received_ns
        names, uris = columns.names, columns.uris
        for at in self._positions:
            yield CallRow(at, shapes[shape[at]], names[at], uris[at], received[at])

    def shapes(self) -> dict[CallShape, int]:
        """Returns how many requests have each shape."""
        column = self._columns.shape
        whole = len(self._positions) == len(column)
        numbers = column if whole else (column[position] for position in self._positions)
        return {self._columns.shapes[number]: n for number, n in Counter(numbers).items()}

    def at(self, position: int) -> ApiCall:
        """Returns the request that a row's `position` leads to."""
        return self._columns.call(position)

    def pick(self, positions: Sequence[int]) -> CallLog:
        """Returns the requests at some positions, as rows tell them, in that order."""
        part = CallLog()
        part._columns = self._columns
        part._positions = positions
        return part

    def by(self, users: Collection[str]) -> CallLog:
        """Returns the requests of some users, impersonating ones included; kept."""
        users = frozenset(users)
        return self._kept(users, lambda shape: shape.user in users or shape.impersonator in users)

    def where(self, is_wanted: Callable[[CallShape], bool]) -> CallLog:
        """Returns the requests of some shapes; kept by the function, so give a named one."""
        return self._kept(is_wanted, is_wanted)

    def between(self, start_ns: int, end_ns: int) -> CallLog:
        """Returns the requests that were received in a time, bounds included.

        Args:
            start_ns: Wall clock, as `ApiCall.received_ns`.
            end_ns: Likewise.
        """
        if self._by_time is None:
            received = self._columns.received_ns
            order = array("I", sorted(self._positions, key=received.__getitem__))
            self._by_time = (array("q", map(received.__getitem__, order)), order)
        times, order = self._by_time
        chosen = order[bisect_left(times, start_ns) : bisect_right(times, end_ns)]
        return self.pick(array("I", sorted(chosen)))

    def of(self, resource: str, namespace: str, name: str) -> CallLog:
        """Returns the requests that are about one object."""
        if self._by_object is None:
            self._by_object = {}
            for row in self.rows():
                key = (row.shape.resource, row.shape.namespace, row.name)
                self._by_object.setdefault(key, array("I")).append(row.position)
        return self.pick(self._by_object.get((resource, namespace, name), array("I")))

    @property
    def last_ns(self) -> int:
        """The latest moment that a request came or ended, on the wall clock; 0 for none."""
        columns = self._columns
        if len(self._positions) == len(columns.line):
            return max(max(columns.received_ns, default=0), max(columns.done_ns, default=0))
        return max(
            (max(columns.received_ns[n], columns.done_ns[n]) for n in self._positions), default=0
        )

    def add(self, calls: Iterable[ApiCall]) -> range:
        """Appends requests; returns their positions. Parts that were taken before stay as they are.

        Only for who fills the log step by step: what is asked of it is asked of a `pick`.
        """
        before = len(self._columns.line)
        self._fill(calls)
        return range(before, len(self._columns.line))

    def _kept(self, key: object, is_wanted: Callable[[CallShape], bool]) -> CallLog:
        if key not in self._parts:
            wanted = [is_wanted(shape) for shape in self._columns.shapes]
            column = self._columns.shape
            self._parts[key] = self.pick(
                array("I", (place for place in self._positions if wanted[column[place]]))
            )
        return self._parts[key]

    def _fill(self, calls: Iterable[ApiCall]) -> None:
        columns = self._columns
        numbers: dict[CallShape, int] = {}
        texts: dict[str, str] = {}
        handed: dict[Handed, Handed] = {}
        for call in calls:
            shape = CallShape(
                call.stage,
                call.user,
                call.verb,
                call.resource,
                call.subresource,
                call.namespace,
                call.code,
                call.decision,
                call.reason,
                call.user_agent,
                call.impersonator,
                call.dry_run,
                call.file,
            )
            number = numbers.get(shape)
            if number is None:
                number = numbers[shape] = len(columns.shapes)
                columns.shapes.append(shape)
            if len(texts) > _INTERNED:
                texts.clear()
            columns.shape.append(number)
            columns.received_ns.append(call.received_ns)
            columns.done_ns.append(call.done_ns)
            columns.line.append(call.line)
            columns.ids.append(call.audit_id)
            columns.names.append(texts.setdefault(call.name, call.name))
            columns.uris.append(texts.setdefault(call.uri, call.uri))
            if call.review is not None:
                columns.reviews[len(columns.line) - 1] = call.review
            if call.handed is not None:
                columns.handed[len(columns.line) - 1] = handed.setdefault(call.handed, call.handed)
