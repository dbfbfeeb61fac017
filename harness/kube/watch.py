"""Receives watch events with the instant at which their bytes had arrived.

It is made for measuring: one socket, bytes split at newlines, a stamp before anything is
decoded, and the object decoded only by those who want it.
"""

from __future__ import annotations

import math
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
from urllib3.exceptions import HTTPError

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import HarnessError
from harness.kube.status import api_error, parse_status
from harness.model.time import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from urllib3.response import BaseHTTPResponse

    from harness.clock import Clock
    from harness.kube.connection import Channel, Connection
    from harness.model.resource import Resource

__all__ = ["Header", "NotObserved", "RawEvent", "Watch", "WatchEvent", "await_object"]

_PAGE = 500
_LIST_S = 30.0
_ROUND_S = 300  # how long one watch request lasts; the server ends it, and we go on
_GRACE_S = 5.0  # how much later than asked for the server may end it
_CHUNK = 65536
_GONE = 410
_BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_STOP_POLL_S = 0.1


class Header(msgspec.Struct, frozen=True, rename="camel"):
    """What identifies an object and its version; cheap to decode."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0


class RawEvent(msgspec.Struct, frozen=True):
    """A watch event whose object is still JSON text.

    Attributes:
        type: As in `WatchEvent`.
        header: The object's metadata, in part.
        raw: The object's JSON text, for a decoder of the caller's own.
        stamp: When its last byte had arrived.
    """

    type: str
    header: Header
    raw: msgspec.Raw
    stamp: Stamp


class WatchEvent(msgspec.Struct, frozen=True):
    """A watch event with its object.

    Attributes:
        type: ADDED, MODIFIED, DELETED as the server says; LISTED for an object that was there
            when the watch began; BOOKMARK when all up to `resource_version` has been told, one
            of them at the end of each list; GAP before a new list, since what lay between is
            unknown.
        object: Any JSON object; {} for GAP.
        stamp: When its last byte had arrived.
        resource_version: metadata.resourceVersion.
    """

    type: str
    object: dict[str, Any]
    stamp: Stamp
    resource_version: str


class _Envelope(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Object(msgspec.Struct):
    metadata: Header = Header()


class _ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct):
    metadata: _ListMeta = _ListMeta()
    items: list[msgspec.Raw] | None = None


class _GoneError(Exception):
    """The version from which we would go on is no longer known to the server."""


class Watch:
    """One list and the watch that follows it, over as many connections as it takes.

    Used by one thread; `close` may be called by any.

    Args:
        connection: Server and identity.
        resource: What.
        namespace: Empty for all namespaces.
        name: Only the object of this name; empty for all.
        labels: Label selector.
        clock: Gives the stamps.

    Attributes:
        broken: Whether the last connection broke and no other has come about since.
    """

    def __init__(
        self,
        connection: Connection,
        resource: Resource,
        *,
        namespace: str = "",
        name: str = "",
        labels: str = "",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.resource = resource
        self.broken = False
        self._clock = clock
        self._channel: Channel = connection.channel()
        self._path = resource.path(namespace)
        selectors = {"labelSelector": labels, "fieldSelector": name and f"metadata.name={name}"}
        self._selectors = {key: value for key, value in selectors.items() if value}
        self._ended = threading.Event()
        self._version = ""  # up to where everything has been told; empty before a list
        self._failures = 0
        self._envelopes = msgspec.json.Decoder(_Envelope)
        self._objects = msgspec.json.Decoder(_Object)

    def events(
        self, *, deadline: Deadline | None = None, stop: threading.Event | None = None
    ) -> Generator[WatchEvent]:
        """Yields each event with its object, first those of a list.

        Args:
            deadline: When to end; None for no limit.
            stop: Ends within 0.2 s of being set.

        Raises:
            ApiError: The server refuses to list or to watch, in a way that won't pass.
        """
        filler = {"apiVersion": self.resource.api_version, "kind": self.resource.kind}
        for event in self.raw_events(deadline=deadline, stop=stop):
            decoded = msgspec.json.decode(event.raw, type=dict[str, Any])
            if event.type == "LISTED":  # lists leave out what each item is
                decoded = {**filler, **decoded}
            yield WatchEvent(event.type, decoded, event.stamp, event.header.resource_version)

    def raw_events(
        self, *, deadline: Deadline | None = None, stop: threading.Event | None = None
    ) -> Generator[RawEvent]:
        """Yields each event with its object undecoded; arguments and errors as in `events`."""
        over = threading.Event()
        if deadline is not None or stop is not None:
            self._end_by(deadline, stop, over)
        try:
            while not self._ended.is_set():
                yield from self._round(deadline)
        finally:
            over.set()
            self._channel.close()

    def close(self) -> None:
        """Ends `events` at once, from any thread; for good."""
        self._ended.set()
        self._channel.cut()

    def _end_by(
        self, deadline: Deadline | None, stop: threading.Event | None, over: threading.Event
    ) -> None:
        """Closes at the deadline or on `stop`, since a read that blocks can't look at either."""

        def wait() -> None:
            while not over.is_set():
                left = deadline.remaining if deadline is not None else math.inf
                if left <= 0 or (stop is not None and stop.is_set()):
                    self.close()
                    return
                over.wait(left if stop is None else min(left, _STOP_POLL_S))

        threading.Thread(target=wait, name="watch-end", daemon=True).start()

    def _round(self, deadline: Deadline | None) -> Iterator[RawEvent]:
        """One list where one is due, then one watch request to its end."""
        before = self._version
        try:
            if not self._version:
                yield from self._list()
            yield from self._watch(deadline)
            fruitless = self._version == before
        except _GoneError:
            self._version = ""
            yield _bare("GAP", "{}", "", self._clock.now())
            fruitless = not before  # a list that is gone at once, again and again
        except (HTTPError, OSError, msgspec.MsgspecError):
            fruitless = self.broken = True
        if fruitless:  # also after a clean end: a server may end each watch at once
            self._ended.wait(_BACKOFF_S[min(self._failures, len(_BACKOFF_S) - 1)])
            self._failures += 1

    def _list(self) -> Iterator[RawEvent]:
        query = {"limit": str(_PAGE), **self._selectors}
        while True:
            response = self._channel.open(
                "GET", self._path, query=query, timeout=_LIST_S, stream=False
            )
            stamp = self._clock.now()
            self._check(response, response.data)
            page = msgspec.json.decode(response.data, type=_Page)
            for item in page.items or []:
                yield RawEvent("LISTED", self._objects.decode(item).metadata, item, stamp)
            if not page.metadata.continue_:
                break
            query = {**query, "continue": page.metadata.continue_}
        self._version = page.metadata.resource_version
        self._failures = 0
        yield _bare("BOOKMARK", _bookmark(self._version), self._version, stamp)

    def _watch(self, deadline: Deadline | None) -> Iterator[RawEvent]:
        left = deadline.remaining if deadline is not None else math.inf
        seconds = max(1, math.ceil(min(left, _ROUND_S)))
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(seconds),
            **self._selectors,
        }
        response = self._channel.open("GET", self._path, query=query, timeout=seconds + _GRACE_S)
        try:
            self._check(response, b"" if response.status == 200 else response.read())  # noqa: PLR2004
            self.broken = False
            for line, stamp in _lines(response, self._clock):
                yield self._event(line, stamp)
        finally:
            response.close()

    def _event(self, line: bytes, stamp: Stamp) -> RawEvent:
        envelope = self._envelopes.decode(line)
        if envelope.type == "ERROR":
            raise self._error_event(bytes(envelope.object))
        header = self._objects.decode(envelope.object).metadata
        self._version = header.resource_version
        self._failures = 0
        return RawEvent(envelope.type, header, envelope.object, stamp)

    def _error_event(self, body: bytes) -> Exception:
        status = parse_status(body)
        if status is not None and status.code == _GONE:
            return _GoneError()
        return HTTPError(f"watch of {self._path} ended with an error event")

    def _check(self, response: BaseHTTPResponse, body: bytes) -> None:
        if response.status == 200:  # noqa: PLR2004 - HTTP
            return
        if response.status == _GONE:
            raise _GoneError
        if response.status in _PASSING:
            raise HTTPError(f"{self._path}: {response.status}")
        raise api_error("WATCH", self._path, response.status, body)


class NotObserved(HarnessError):
    """What was awaited didn't come in time.

    Attributes:
        last: The last object seen; None where it was absent.
        seen: Whether the server told anything at all.
    """

    def __init__(self, message: str, *, last: dict[str, Any] | None, seen: bool) -> None:
        super().__init__(message)
        self.last = last
        self.seen = seen


def await_object(
    connection: Connection,
    resource: Resource,
    name: str,
    namespace: str,
    predicate: Callable[[dict[str, Any] | None], bool],
    *,
    timeout: float,
    on_event: Callable[[WatchEvent], None] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> dict[str, Any] | None:
    """Waits by watch until an object (or its absence) meets a predicate.

    Args:
        connection: Server and identity.
        resource: What.
        name: Which.
        namespace: Where; empty for a cluster-scoped one.
        predicate: Called with each state, None for absence; of one thread.
        timeout: In seconds.
        on_event: Called with every event, before the predicate.
        clock: Gives stamps and the deadline.

    Returns:
        The object that met the predicate; None for absence.

    Raises:
        NotObserved: The time is over.
        ApiError: The server refuses to list or to watch.
    """
    watch = Watch(connection, resource, namespace=namespace, name=name, clock=clock)
    current: dict[str, Any] | None = None
    seen = False
    with closing(watch.events(deadline=Deadline(timeout, clock=clock))) as events:
        for event in events:
            if on_event is not None:
                on_event(event)
            if event.type in ("GAP", "DELETED"):
                current = None
            elif event.type != "BOOKMARK":
                current = event.object
            if event.type == "GAP":
                continue  # absence is known only at the end of the list, which a bookmark marks
            seen = True
            if predicate(current):
                return current
    where = f"{namespace}/{name}" if namespace else name
    raise NotObserved(
        f"{resource.key} {where} didn't reach the awaited state within {timeout:g} s",
        last=current,
        seen=seen,
    )


def _lines(response: BaseHTTPResponse, clock: Clock) -> Iterator[tuple[bytes, Stamp]]:
    """Yields each whole line with the stamp of the chunk that ended it."""
    parts: list[bytes] = []
    for chunk in _chunks(response):
        stamp = clock.now()
        if b"\n" not in chunk:
            parts.append(chunk)
            continue
        *whole, rest = b"".join((*parts, chunk)).split(b"\n")
        parts = [rest] if rest else []
        for line in whole:
            if line.strip():
                yield line, stamp


def _chunks(response: BaseHTTPResponse) -> Iterator[bytes]:
    """Yields bytes as they arrive, never waiting to fill a buffer."""
    if response.chunked:
        yield from response.read_chunked(decode_content=False)
        return
    while chunk := response.read1(_CHUNK):
        yield chunk


def _bare(kind: str, text: str, version: str, stamp: Stamp) -> RawEvent:
    return RawEvent(kind, Header(resource_version=version), msgspec.Raw(text.encode()), stamp)


def _bookmark(version: str) -> str:
    return msgspec.json.encode({"metadata": {"resourceVersion": version}}).decode()
