"""Follows a run's audit log: who looks at it again and again reads each line once.

A window of a long run is judged on all requests so far. Read from its begin each time, a log of a
million lines would cost more than the load that is being measured.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import msgspec

from harness.evidence.audit import AuditReader, FinalCalls, audit_files
from harness.evidence.calllog import CallLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.evidence.folder import RunFolder
    from harness.model.records import ApiCall

__all__ = ["AuditFollower"]


class _Place(msgspec.Struct):
    """How far a file was read; `inode` tells it from another of its name."""

    inode: int
    offset: int = 0
    line: int = 0


class AuditFollower:
    """The requests so far, as `final_calls` gives them of the whole log.

    Where a log is rotated or replaced, all is read once more: then other lines bear its name.

    Args:
        run: Whose log.

    Attributes:
        bytes_read: So far.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self.bytes_read = 0
        self._last: CallLog | None = None
        self._begin()

    def calls(self) -> CallLog:
        """Reads on, and returns one record for each request; those without an end come last."""
        files = audit_files(self._run)
        if self._is_other(files):
            self._begin()
        before = self.bytes_read
        ended = self._finals.feed(self._added(files))
        self._positions.extend(self._log.add(ended))
        if self._last is not None and self.bytes_read == before:
            return self._last
        open_calls = self._finals.open
        fresh = [call for call in open_calls if _key(call) not in self._open]
        self._open.update(zip(map(_key, fresh), self._log.add(fresh), strict=True))
        positions = self._positions[:]
        positions.extend(self._open[_key(call)] for call in open_calls)
        self._last = self._log.pick(positions)
        return self._last

    def _begin(self) -> None:
        self._places: dict[Path, _Place] = {}
        self._finals = FinalCalls()
        self._log = CallLog()
        self._positions = array("I")
        self._open: dict[tuple[str, str], int] = {}
        self._last = None

    def _is_other(self, files: tuple[Path, ...]) -> bool:
        for path, place in self._places.items():
            if path not in files:
                return True
            found = path.stat()
            if found.st_ino != place.inode or found.st_size < place.offset:
                return True
        return list(files[: len(self._places)]) != list(self._places)

    def _added(self, files: tuple[Path, ...]) -> Iterator[ApiCall]:
        for path in files:
            place = self._places.setdefault(path, _Place(path.stat().st_ino))
            start = place.offset
            reader = AuditReader(())
            for call, line, offset in reader.after(path, line=place.line, offset=place.offset):
                place.line, place.offset = line, offset
                yield call
            self.bytes_read += place.offset - start


def _key(call: ApiCall) -> tuple[str, str]:
    return call.audit_id, call.stage
