"""Stage 4b: the timeline of one resource, from a watch into evidence/timeline/."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from harness.errors import ApiError, EvidenceError
from harness.evidence.ndjson import NdjsonWriter
from harness.kube.watch import Watch
from harness.model.records import TimelineEvent
from harness.model.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.kube.connection import Connection
    from harness.kube.watch import WatchEvent
    from harness.model.resource import Resource
    from harness.model.time import Stamp
    from harness.probes.notes import Notes
    from harness.probes.redaction import Redactor

__all__ = ["Timeline"]

_IDENTITY = frozenset(
    {
        *("name", "namespace", "uid", "resourceVersion", "generation"),
        *("creationTimestamp", "deletionTimestamp", "ownerReferences"),
    }
)
_RETRY_S = 1.0
_JOIN_S = 5.0


class Timeline:
    """Writes every event of one resource until it is stopped, in a thread of its own.

    Args:
        run: The run folder.
        connection: Server and identity.
        resource: What is watched, in all namespaces.
        redactor: Strips the objects.
        notes: Where gaps are told.
        clock: Gives the stamps.
        ours: Whether a namespace is the run's; of objects elsewhere only the identity is kept.
    """

    def __init__(
        self,
        *,
        run: RunFolder,
        connection: Connection,
        resource: Resource,
        redactor: Redactor,
        notes: Notes,
        clock: Clock,
        ours: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self.resource = resource
        self._ours = ours
        self._connection = connection
        self._writer = NdjsonWriter(run.timeline / f"{resource.key}.ndjson")
        self._redactor = redactor
        self._notes = notes
        self._clock = clock
        self._stopped = threading.Event()
        self._begun = threading.Event()
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        self._last = clock.now()  # until when the timeline is known to be whole
        name = f"timeline-{resource.key}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins to list and to watch."""
        self._thread.start()

    def await_begun(self, timeout: float) -> bool:
        """Waits until the first list is written or refused; returns whether it was in time."""
        return self._begun.wait(timeout)

    def stop(self) -> None:
        """Ends the watch and closes the file; a second call does nothing."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        with self._lock:
            if self._watch is not None:
                if self._watch.broken:
                    self._tell("the API server couldn't be reached at the end", self._last)
                self._watch.close()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)
        self._writer.close()

    def _run(self) -> None:
        told = ""  # why the last attempt ended; a reason is told once, not each second
        while watch := self._next_watch():
            try:
                for event in watch.events():
                    self._take(event)
                    told = ""
            except EvidenceError as error:
                self._tell(str(error), self._last)
                break
            except Exception as error:  # noqa: BLE001 - a probe never ends the run
                reason = str(error) if isinstance(error, ApiError) else repr(error)
                if reason != told:
                    told = reason
                    self._tell(reason, self._last)
            self._begun.set()
            self._stopped.wait(_RETRY_S)
        self._begun.set()

    def _next_watch(self) -> Watch | None:
        with self._lock:
            if self._stopped.is_set():
                return None
            self._watch = Watch(self._connection, self.resource, clock=self._clock)
            return self._watch

    def _take(self, event: WatchEvent) -> None:
        if event.type == "BOOKMARK":
            self._last = event.stamp
            self._begun.set()
            return
        if event.type == "GAP":
            self._tell("the API server no longer knew where the watch was; listed anew", self._last)
        kept, managers = self._redactor.strip(event.object) if event.object else ({}, ())
        metadata = kept.get("metadata", {})
        if self.resource.namespaced and metadata and not self._ours(metadata.get("namespace", "")):
            kept = _identity(kept)
        self._writer.write(
            TimelineEvent(
                stamp=event.stamp,
                type=event.type,
                key=ObjectKey(
                    resource=self.resource.key,
                    namespace=metadata.get("namespace", ""),
                    name=metadata.get("name", ""),
                    uid=metadata.get("uid", ""),
                ),
                resource_version=event.resource_version,
                object=kept,
                managers=managers,
            )
        )
        self._last = event.stamp

    def _tell(self, reason: str, since: Stamp) -> None:
        source = f"timeline/{self.resource.key}"
        with suppress(EvidenceError):  # a full disk is told by those who can still tell
            self._notes.gap(source, reason, start=since, end=self._clock.now())


def _identity(body: dict[str, Any]) -> dict[str, Any]:
    """Returns which object it is, in which version and whose, without what it holds."""
    metadata = {key: value for key, value in body["metadata"].items() if key in _IDENTITY}
    return {
        **{key: body[key] for key in ("apiVersion", "kind") if key in body},
        "metadata": metadata,
    }
