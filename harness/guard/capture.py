"""Logs of processes, line by line, stamped and without known secrets."""

from __future__ import annotations

import base64
import json
import os
import re
import select
from typing import TYPE_CHECKING

import msgspec

from harness.clock import SYSTEM_CLOCK, Clock
from harness.model.records import LogLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["LINE_LIMIT", "LogPump", "RecordFile", "Redactor"]

LINE_LIMIT = 64 << 10
"""Bytes of a line that are kept; a log line of an operator is rarely longer than 4 KiB."""

_REDACTED = b"[redacted]"
_SHORTEST = 4  # bytes; a shorter value would be found all over harmless text
_SHORTEST_LINE = 16  # of a secret of several lines, such as a key in PEM
_READ = 1 << 16


class Redactor:
    """Replaces secrets; knows them in memory only.

    A secret is found as it is, in base64 and with JSON's escapes; one of several lines by each
    of its longer lines. Values shorter than four bytes are not replaced.
    """

    def __init__(self) -> None:
        self._values: set[bytes] = set()
        self._pattern: re.Pattern[bytes] | None = None
        self.longest = 0

    def add(self, values: Iterable[str]) -> None:
        """Replaces these values from now on."""
        for value in values:
            self._values.update(_forms(value))
        ordered = sorted(self._values, key=len, reverse=True)
        self.longest = len(ordered[0]) if ordered else 0
        self._pattern = re.compile(b"|".join(map(re.escape, ordered))) if ordered else None
        re.purge()  # it keeps hundreds of patterns, of which each here holds all before it

    def clean(self, line: bytes, *, limit: int) -> bytes:
        """Returns the first `limit` bytes of a line, with no part of a secret."""
        if self._pattern is None or not self._pattern.search(line):
            return line[:limit]
        parts: list[bytes] = []
        done = 0
        for start, end in self._spans(line):
            if start >= limit:
                break
            parts += [line[done:start], _REDACTED]
            done = end
        parts.append(line[done:limit])
        return b"".join(parts)

    def _spans(self, line: bytes) -> list[tuple[int, int]]:
        """Returns where secrets lie, those that overlap as one."""
        found = sorted(
            (at.start(), at.start() + len(value))
            for value in self._values
            for at in re.finditer(b"(?=" + re.escape(value) + b")", line)
        )
        spans: list[tuple[int, int]] = []
        for start, end in found:
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans


def _forms(value: str) -> set[bytes]:
    raw = value.encode(errors="surrogateescape")
    escaped = json.dumps(value)[1:-1].encode()
    forms = {raw, escaped, base64.b64encode(raw)}
    lines = raw.split(b"\n")
    if len(lines) > 1:
        forms = {escaped, base64.b64encode(raw)}
        forms |= {line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE}
        forms = {form for form in forms if not form.startswith(b"-----")}
    return {form for form in forms if len(form) >= _SHORTEST}


class RecordFile:
    """Appends records to a file, one line and one write each."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._encoder = msgspec.json.Encoder()

    def write(self, record: msgspec.Struct) -> None:
        """Appends one record."""
        view = memoryview(self._encoder.encode(record) + b"\n")
        while view:
            view = view[os.write(self._fd, view) :]

    def close(self) -> None:
        """Closes the file."""
        os.close(self._fd)


class LogPump:
    """Turns what comes from one stream of one process into LogLines.

    Args:
        fd: Read end of the stream's pipe, not blocking; closed by the pump.
        stream: "stdout" or "stderr".
        write: Takes each record.
        redactor: Cleans each line.
    """

    def __init__(
        self,
        fd: int,
        *,
        stream: str,
        write: Callable[[LogLine], None],
        redactor: Redactor,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.fd = fd
        self.pid = 0
        self._stream = stream
        self._write = write
        self._redactor = redactor
        self._clock = clock
        self._held = b""
        self._cut = 0

    def pump(self) -> bool:
        """Reads once; returns whether more may come."""
        try:
            data = os.read(self.fd, _READ)
        except BlockingIOError:
            return True
        if not data:
            if self._held or self._cut:
                self._emit(self._held)
            return False
        self.feed(data)
        return True

    def drain(self) -> bool:
        """Reads what is there already; returns whether more may come."""
        waiting = select.poll()
        waiting.register(self.fd, select.POLLIN)
        while waiting.poll(0):
            if not self.pump():
                return False
        return True

    def feed(self, data: bytes) -> None:
        """Takes the next bytes; whole lines are written, the rest is held."""
        *lines, rest = (self._held + data).split(b"\n")
        for line in lines:
            self._emit(line)
        room = LINE_LIMIT + self._redactor.longest  # a secret over the limit is seen whole
        self._cut += max(0, len(rest) - room)
        self._held = rest[:room]

    def _emit(self, line: bytes) -> None:
        length = len(line) + self._cut
        text = self._redactor.clean(line, limit=LINE_LIMIT).decode(errors="replace")
        if length > LINE_LIMIT:
            text += f" [… {length - LINE_LIMIT} more bytes]"
        self._held, self._cut = b"", 0
        self._write(
            LogLine(
                stamp=self._clock.now(), stream=self._stream, text=text.rstrip("\r"), pid=self.pid
            )
        )

    def close(self) -> None:
        """Closes the pipe."""
        os.close(self.fd)
        self.fd = -1
