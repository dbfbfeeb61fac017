"""Stage 4b: watches that become rows."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from harness.clock import SYSTEM_CLOCK, process_ns
from harness.errors import HarnessError
from harness.evidence.columns import ColumnWriter
from harness.evidence.ndjson import write_document
from harness.kube.connection import Connection
from harness.kube.watch import Watch
from harness.model.load import EVENT_COLUMNS, EventType
from harness.probes.receiver.objects import Known, Reader
from harness.probes.receiver.plan import FOOTPRINT_COLUMNS, ReceiverState

if TYPE_CHECKING:
    from harness.clock import Clock
    from harness.kube.watch import RawEvent
    from harness.probes.receiver.plan import ReceiverPlan

__all__ = ["Receiver", "Stream"]

_TYPES = {
    "LISTED": EventType.ADDED,
    "ADDED": EventType.ADDED,
    "MODIFIED": EventType.MODIFIED,
    "DELETED": EventType.DELETED,
    "GAP": EventType.GAP,
    "BOOKMARK": EventType.BOOKMARK,
}
_NOBODY = (-1, 0, 0, -1, 0)  # object, uid, generation, observed, done
_UNKNOWN = -1
_PERIOD_S = 1.0
_JOIN_S = 2.0


class Stream:
    """The rows of one watch.

    Args:
        reader: Reads its objects.
        rows: Where they go; shared with other streams.

    Attributes:
        events: Rows so far.
        gaps: Relists so far.
        known: Its objects.
    """

    def __init__(self, reader: Reader, rows: ColumnWriter) -> None:
        self._reader = reader
        self._rows = rows
        self.events = 0
        self.gaps = 0
        self.known = Known()

    def take(self, event: RawEvent) -> None:
        """Writes an event's row.

        Raises:
            EvidenceError: The disk is full or the file can't be written.
        """
        kind, at = _TYPES.get(event.type), event.stamp.mono_ns
        if kind is None:
            return
        if kind in (EventType.GAP, EventType.BOOKMARK):
            self._mark(kind, at)
            return
        sight = self._reader.read(event.raw)
        wrote = self.known.wrote(sight)
        done = sight.done
        if kind is EventType.DELETED:
            self.known.forget(sight.uid)
            done = False
        self._row(
            at,
            (sight.object, sight.uid, sight.generation, sight.observed, int(done)),
            kind,
            deleting=sight.deleting,
            wrote=wrote,
        )

    def _mark(self, kind: EventType, at: int) -> None:
        if kind is EventType.GAP:
            self.gaps += 1
            self.known.relist()
        else:
            for uid, index in self.known.vanished():  # deleted in the gap
                self._row(at, (index, uid, 0, _UNKNOWN, 0), EventType.DELETED)
        self._row(at, _NOBODY, kind)

    def _row(
        self,
        at: int,
        what: tuple[int, int, int, int, int],
        kind: EventType,
        *,
        deleting: bool = False,
        wrote: bool = False,
    ) -> None:
        self._rows.append(at, *what, kind, deleting, wrote)
        self.events += 1


class Receiver:
    """All watches of a plan, each in a thread, until `stop` or an error.

    Args:
        plan: What it is told.
        clock: Gives the stamps.

    Raises:
        HarnessError: The kubeconfig or the folder can't be used.
    """

    def __init__(self, plan: ReceiverPlan, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._plan = plan
        self._clock = clock
        folder = Path(plan.folder)
        self._rows = ColumnWriter(folder / "events.i64", EVENT_COLUMNS)
        self._footprint = ColumnWriter(folder / "receiver.i64", FOOTPRINT_COLUMNS)
        reader = Reader(
            resource=plan.resource,
            ready=plan.ready,
            prefix=plan.name_prefix,
            managers=plan.managers,
        )
        self._streams = [Stream(reader, self._rows) for _ in plan.namespaces or ("",)]
        self._watches = [self._watch(namespace) for namespace in plan.namespaces or ("",)]
        # Of all ways to wake a thread this one may be used in a signal's handler.
        self._stops: SimpleQueue[None] = SimpleQueue()
        self._stopped = False
        self._lock = threading.Lock()
        self._unlisted = len(self._watches)
        self._error: HarnessError | None = None

    def _watch(self, namespace: str) -> Watch:
        connection = Connection.from_kubeconfig(Path(self._plan.kubeconfig))
        return Watch(
            connection,
            self._plan.resource,
            namespace=namespace,
            labels=self._plan.labels,
            clock=self._clock,
        )

    def run(self) -> None:
        """Receives until `stop`.

        Raises:
            HarnessError: The server refuses, or evidence can't be written.
        """
        threads = [
            threading.Thread(target=self._receive, args=pair, daemon=True, name="watch")
            for pair in zip(self._watches, self._streams, strict=True)
        ]
        gc.freeze()  # what is there stays; what comes are numbers and structs without references
        for thread in threads:
            thread.start()
        while not self._asked_to_stop():
            self._sample()
        for watch in self._watches:
            watch.close()
        for thread in threads:
            thread.join(_JOIN_S)
        self._sample()
        self._rows.close()
        self._footprint.close()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Ends `run`; from any thread, or a signal's handler."""
        self._stopped = True
        self._stops.put(None)

    def _asked_to_stop(self) -> bool:
        try:
            self._stops.get(timeout=_PERIOD_S)
        except Empty:
            return False
        return True

    def _receive(self, watch: Watch, stream: Stream) -> None:
        listed = False
        try:
            for event in watch.raw_events():
                stream.take(event)
                if not listed and event.type == "BOOKMARK":
                    listed = True
                    self._listed(event.stamp.mono_ns)
        except HarnessError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a thread must not die unseen
            self._fail(HarnessError(f"The watch of {self._plan.resource.key} broke: {error!r}"))

    def _listed(self, at: int) -> None:
        with self._lock:
            self._unlisted -= 1
            if self._unlisted == 0:
                self._tell(ReceiverState(pid=os.getpid(), listed_ns=at))

    def _fail(self, error: HarnessError) -> None:
        if self._stopped:
            return
        with self._lock:
            self._error = self._error or error
            self._tell(ReceiverState(pid=os.getpid(), error=str(error)))
        self.stop()

    def _tell(self, state: ReceiverState) -> None:
        write_document(Path(self._plan.state), state, mode=0o600)

    def _sample(self) -> None:
        self._footprint.append(
            self._clock.now().mono_ns,
            process_ns(),
            _resident(),
            sum(stream.events for stream in self._streams),
            sum(len(stream.known) for stream in self._streams),
            sum(stream.gaps for stream in self._streams),
        )


def _resident() -> int:
    """Returns the bytes of memory that this process holds; -1 where that isn't told."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return _UNKNOWN
    return pages * os.sysconf("SC_PAGE_SIZE")
