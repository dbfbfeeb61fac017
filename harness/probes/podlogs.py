"""Stage 4b: what the operator's containers print, as long as they run, over every restart."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError

from harness.errors import ApiError, EvidenceError
from harness.evidence.ndjson import NdjsonWriter
from harness.kube.pods import log_path
from harness.kube.status import api_error
from harness.model.records import LogLine
from harness.model.time import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.response import BaseHTTPResponse

    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.kube.connection import Channel, Connection
    from harness.kube.secrecy import Cleaner
    from harness.probes.notes import Notes

__all__ = ["LogFollower", "Logs", "stamped"]

_OK = 200
_QUIET_S = 3600.0  # an operator at rest may print nothing for long
_JOIN_S = 5.0
_LINE_LIMIT = 64 << 10


class Logs:
    """Follows containers and writes evidence/operator/<pod>.ndjson; safe to share.

    Args:
        run: The run folder.
        connection: Server and identity.
        cleaner: Takes secrets out of lines.
        notes: Where gaps are told.
        clock: Gives the stamps.
    """

    def __init__(
        self,
        *,
        run: RunFolder,
        connection: Connection,
        cleaner: Cleaner,
        notes: Notes,
        clock: Clock,
    ) -> None:
        self._run = run
        self._connection = connection
        self._cleaner = cleaner
        self._notes = notes
        self._clock = clock
        self._writers: dict[str, NdjsonWriter] = {}
        self._followers: list[LogFollower] = []

    def follow(
        self, namespace: str, pod: str, container: str, *, start: int, previous: bool = False
    ) -> None:
        """Begins to follow one start of a container, in a thread of its own.

        Args:
            namespace: Of the Pod.
            pod: Its name.
            container: Which one.
            start: How often it was restarted before; the lines' `pid`.
            previous: Whether it has ended already, and another start has followed.
        """
        if pod not in self._writers:
            self._writers[pod] = NdjsonWriter(self._run.operator_logs / f"{pod}.ndjson")
        query = {"container": container, "timestamps": "true"}
        query |= {"previous": "true"} if previous else {"follow": "true"}
        follower = LogFollower(
            self._connection.channel(),
            log_path(namespace, pod),
            query,
            pid=start,
            writer=self._writers[pod],
            cleaner=self._cleaner,
            notes=self._notes,
            clock=self._clock,
        )
        self._followers.append(follower)
        follower.start()

    def stop(self) -> None:
        """Ends all of them and closes the files."""
        for follower in self._followers:
            follower.stop()
        for writer in self._writers.values():
            writer.close()


class LogFollower:
    """Follows one start of one container to its end.

    Args:
        channel: A socket of its own.
        path: URL path of the log.
        query: What part of it.
        pid: Written into each line.
        writer: Takes the lines.
        cleaner: Takes secrets out of them.
        notes: Where a log that can't be read is told.
        clock: Gives the stamps.
    """

    def __init__(
        self,
        channel: Channel,
        path: str,
        query: dict[str, str],
        *,
        pid: int,
        writer: NdjsonWriter,
        cleaner: Cleaner,
        notes: Notes,
        clock: Clock,
    ) -> None:
        self._channel = channel
        self._path = path
        self._query = query
        self._pid = pid
        self._writer = writer
        self._cleaner = cleaner
        self._notes = notes
        self._clock = clock
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="pod-log", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it, whatever it waits for."""
        self._stopped = True
        self._channel.cut()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        begun = self._clock.now()
        try:
            self._cleaner.learn()
            self._follow()
        except (HTTPError, OSError, ApiError, EvidenceError) as error:
            if not self._stopped:
                with suppress(EvidenceError):  # a full disk is told by those who can still tell
                    reason = f"{type(error).__name__}: {error}"
                    self._notes.gap(
                        f"log of {self._path}", reason, start=begun, end=self._clock.now()
                    )
        finally:
            self._channel.close()

    def _follow(self) -> None:
        answer = self._channel.open(
            "GET", self._path, query=self._query, headers={"Accept": "*/*"}, timeout=_QUIET_S
        )
        if answer.status != _OK:
            raise api_error("GET", self._path, answer.status, answer.read())
        try:
            for line in _lines(answer):
                stamp, text = stamped(line, now=self._clock.now())
                self._writer.write(
                    LogLine(
                        stamp=stamp,
                        stream="stdout",  # the kubelet doesn't tell which it was
                        text=self._cleaner.clean(text),
                        pid=self._pid,
                    )
                )
        finally:
            answer.close()


def stamped(line: str, *, now: Stamp) -> tuple[Stamp, str]:
    """Returns when a line was printed, by its node's clock, and the line without that.

    Args:
        line: It begins with a time, as the kubelet writes it; else it's of now.
        now: When it came; a line can't be later, whatever its node's clock says.
    """
    time, _, text = line.partition(" ")
    try:
        wall_ns = int(datetime.fromisoformat(time).timestamp() * 1e9)
    except ValueError:
        return now, line
    late_ns = max(0, now.wall_ns - wall_ns)
    return Stamp(mono_ns=now.mono_ns - late_ns, wall_ns=now.wall_ns - late_ns), text


def _lines(answer: BaseHTTPResponse) -> Iterator[str]:
    """Yields lines as they come; the last one also without its newline."""
    held = b""
    chunks = answer.read_chunked(decode_content=False) if answer.chunked else _chunks(answer)
    for chunk in chunks:
        *whole, held = (held + chunk).split(b"\n")
        held = held[: _LINE_LIMIT * 2]
        for line in whole:
            yield line.decode(errors="replace").rstrip("\r")
    if held:
        yield held.decode(errors="replace")


def _chunks(answer: BaseHTTPResponse) -> Iterator[bytes]:
    while chunk := answer.read1(1 << 16):
        yield chunk
