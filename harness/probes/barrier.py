"""Stage 4b: waits until what has happened is in the evidence.

Evidence arrives a little after the fact. A window may be judged only when all that belongs into
it has been written; these waits end when that is certain, not after a guessed pause.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import msgspec

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import EvidenceError
from harness.evidence.tail import Tail
from harness.kube.exchange import Exchange
from harness.model.records import TimelineEvent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.kube.client import KubeClient
    from harness.kube.connection import Connection
    from harness.model.resource import ObjectKey

__all__ = ["audit_barrier", "timeline_barrier"]


def audit_barrier(
    connection: Connection, audit_log: Path, *, timeout: float, clock: Clock = SYSTEM_CLOCK
) -> None:
    """Waits until the audit log holds all requests answered before this call.

    A request of a unique name is sent (for a ConfigMap that doesn't exist), and its line awaited.

    Args:
        connection: Server and identity.
        audit_log: The live file, not a rotated one.
        timeout: In seconds.
        clock: For the pauses between looks at the file.

    Raises:
        EvidenceError: The line didn't come.
        ApiError: No answer to the request.
    """
    name = f"harness-barrier-{secrets.token_hex(8)}"
    mark = name.encode()
    deadline = Deadline(timeout, clock=clock)
    with Tail(audit_log, at_end=True, clock=clock) as tail:
        Exchange(connection, clock=clock).raw(
            "GET", f"/api/v1/namespaces/default/configmaps/{name}", timeout=timeout
        )
        if tail.wait_for(
            lambda line: mark in line and b'"ResponseComplete"' in line, timeout=deadline.remaining
        ):
            return
    raise EvidenceError(
        f"The audit log {audit_log} doesn't show a request of ours after {timeout:g} s.",
        hint="The API server may be stopped, its disk full, or its audit policy incomplete.",
    )


def timeline_barrier(
    client: KubeClient,
    run: RunFolder,
    keys: Iterable[ObjectKey],
    *,
    timeout: float,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Waits until the timelines hold the present version of each object, or its deletion.

    Args:
        client: Tells the present versions.
        run: The run folder; the resources must be recorded.
        keys: Which objects; a uid, where given, is heeded.
        timeout: Seconds for all of them.
        clock: For the pauses between looks at the files.

    Raises:
        EvidenceError: A timeline stayed behind.
        ApiError: The server can't tell.
    """
    deadline = Deadline(timeout, clock=clock)
    for key in keys:
        awaited = _Awaited(client, key)
        with Tail(run.timeline / f"{key.resource}.ndjson", clock=clock) as tail:
            if not _follow(tail, awaited, deadline):
                raise EvidenceError(
                    f"The timeline doesn't hold {key} at version {awaited.version or 'deleted'}"
                    f" after {timeout:g} s.",
                    hint="evidence/probes.ndjson says what the recorder missed.",
                )


def _follow(tail: Tail, awaited: _Awaited, deadline: Deadline) -> bool:
    for line in tail.lines():  # what is there is read whole: absence is decided at its end
        awaited.take(line)
    return awaited.met or tail.wait_for(awaited.take, timeout=deadline.remaining)


class _Awaited:
    """One object's present version at the server, against what its timeline says so far."""

    def __init__(self, client: KubeClient, key: ObjectKey) -> None:
        found = client.find(client.resource(key.resource), key.name, key.namespace)
        metadata = (found or {}).get("metadata", {})
        if key.uid and metadata.get("uid") != key.uid:
            metadata = {}  # it is gone, whatever bears its name now
        self._key = key
        self.version = str(metadata.get("resourceVersion", ""))
        self._name = msgspec.json.encode(key.name)
        self._decoder = msgspec.json.Decoder(TimelineEvent)
        self._present = False  # by the timeline
        self._reached = False

    @property
    def met(self) -> bool:
        """Whether the timeline has caught up. What was never there needs no event."""
        return self._reached if self.version else not self._present

    def take(self, line: bytes) -> bool:
        """Takes one line of the timeline and returns `met`."""
        if self._name in line or b'"GAP"' in line:
            event = self._decoder.decode(line)
            if event.type == "GAP":
                self._present = False
            elif self._is_ours(event.key):
                self._present = event.type != "DELETED"
                self._reached = self._reached or _reaches(event.resource_version, self.version)
        return self.met

    def _is_ours(self, key: ObjectKey) -> bool:
        ours = self._key
        return (key.name, key.namespace) == (ours.name, ours.namespace) and (
            not ours.uid or key.uid == ours.uid
        )


def _reaches(seen: str, wanted: str) -> bool:
    if seen.isdigit() and wanted.isdigit():
        return int(seen) >= int(wanted)  # after a new list the very version may be passed over
    return seen == wanted
