"""Stage 4b: where a probe says that it missed something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.evidence.ndjson import NdjsonWriter
from harness.model.records import GapRecord
from harness.model.time import Span

if TYPE_CHECKING:
    from harness.evidence.folder import RunFolder
    from harness.model.time import Stamp

__all__ = ["Notes"]


class Notes:
    """Writes evidence/probes.ndjson, one GapRecord a line; safe to share between threads.

    Args:
        run: The run folder.
    """

    def __init__(self, run: RunFolder) -> None:
        self._writer = NdjsonWriter(run.evidence / "probes.ndjson")

    def gap(self, source: str, reason: str, *, start: Stamp, end: Stamp) -> None:
        """Says that evidence of `source` is incomplete between two instants, and why."""
        record = GapRecord(span=Span(start=start, end=end), source=source, reason=reason)
        self._writer.write(record)

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()
