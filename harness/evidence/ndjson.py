"""Append-only NDJSON files of records."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["NdjsonWriter", "read_ndjson", "write_document"]

_ELSEWHERE = "Free disk space, or write the run elsewhere with --output."


class NdjsonWriter:
    """Appends one record a line; each line is one write, so a kill loses nothing written.

    Args:
        path: Made with its folder if absent; an existing file is appended to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._encoder = msgspec.json.Encoder()
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise EvidenceError(f"Can't open {path}: {error.strerror or error}") from error

    def write(self, record: msgspec.Struct) -> None:
        """Appends one record.

        Raises:
            EvidenceError: The disk is full or the file can't be written.
        """
        line = self._encoder.encode(record) + b"\n"
        with self._lock:
            try:
                view = memoryview(line)
                while view:
                    view = view[os.write(self._fd, view) :]
            except OSError as error:
                raise EvidenceError(
                    f"Can't write {self._path}: {error.strerror or error}",
                    hint=_ELSEWHERE,
                ) from error

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


def read_ndjson(path: Path, kind: Any) -> Iterator[Any]:  # noqa: ANN401 - msgspec's own signature
    """Yields each record of a file; a missing file is empty, a torn last line is left out.

    Args:
        path: The file.
        kind: Struct type, or union of tagged struct types, to decode to.

    Raises:
        EvidenceError: A whole line can't be decoded.
    """
    if not path.exists():
        return
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return  # torn by a kill: the record was never complete
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                raise EvidenceError(
                    f"{path}:{number}: {error}",
                    hint="The file was changed after the run, or comes from another version.",
                ) from error


def write_document(path: Path, document: object, *, mode: int = 0o644) -> None:
    """Writes one JSON document atomically, indented.

    Args:
        path: Where to.
        document: Anything that msgspec can encode.
        mode: Permissions; 0o600 for what others must not read.

    Raises:
        EvidenceError: The disk is full or the file can't be written.
    """
    text = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(fd, "wb") as file:
            file.write(text)
        os.replace(draft, path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise EvidenceError(
            f"Can't write {path}: {error.strerror or error}", hint=_ELSEWHERE
        ) from error
