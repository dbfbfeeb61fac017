"""Which objects the harness made in a cluster that isn't its own, written down as they are made.

A line is written before an object is asked for and one when the answer has come, each whole by one
write: whoever cleans up after a killed run knows what was made, and what may have been made.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from harness.clock import SYSTEM_CLOCK, utc
from harness.model.resource import ObjectKey, Resource
from harness.model.time import Stamp

if TYPE_CHECKING:
    from pathlib import Path

    from harness.clock import Clock

__all__ = ["Ledger", "Made"]

_NAME = "made.ndjson"
_MANAGER = "operator-harness"
_SKEW_NS = 60_000_000_000
"""How far the server's clock may be behind ours."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An object that was made, or may have been.

    Attributes:
        uid: Empty where the answer never came.
        asked_ns: Wall clock when it was asked for.
    """

    resource: Resource
    name: str
    namespace: str = ""
    uid: str = ""
    asked_ns: int = 0

    @property
    def key(self) -> ObjectKey:
        """Which object it is."""
        return ObjectKey(
            resource=self.resource.key, namespace=self.namespace, name=self.name, uid=self.uid
        )

    def is_it(self, body: dict[str, Any]) -> bool:
        """Whether an object of this name is the one that we made.

        Without a known uid it is, if it bears our field manager and isn't older than our request.
        """
        metadata = body["metadata"]
        if self.uid:
            return bool(metadata.get("uid") == self.uid)
        stamp = Stamp(mono_ns=0, wall_ns=self.asked_ns - _SKEW_NS)
        since = utc(stamp).strftime("%Y-%m-%dT%H:%M:%SZ")
        managers = {entry.get("manager") for entry in metadata.get("managedFields") or ()}
        return _MANAGER in managers and str(metadata.get("creationTimestamp") or "") >= since


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the file: `what` is "asked", "made", "not made" or "gone"."""

    what: str
    made: Made


class Ledger:
    """The file of what was made; several processes and threads may write it at once.

    Args:
        path: The file; private (0600).
        clock: Tells when an object was asked for.
    """

    def __init__(self, path: Path, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.path = path
        self._clock = clock

    @classmethod
    def begin(cls, folder: Path) -> Ledger:
        """Makes an empty ledger in a private folder."""
        ledger = cls(folder / _NAME)
        os.close(os.open(ledger.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return ledger

    @classmethod
    def beside(cls, kubeconfig: Path) -> Ledger | None:
        """Returns the ledger in the folder of a kubeconfig; None where none is kept."""
        ledger = cls(kubeconfig.parent / _NAME)
        return ledger if ledger.path.is_file() else None

    def ask(self, resource: Resource, name: str, namespace: str) -> Made:
        """Writes down that an object will be asked for."""
        wanted = Made(
            resource=resource, name=name, namespace=namespace, asked_ns=self._clock.now().wall_ns
        )
        self._write("asked", wanted)
        return wanted

    def made(self, wanted: Made, body: dict[str, Any]) -> None:
        """Writes down that the object was made."""
        metadata = body["metadata"]
        made = msgspec.structs.replace(
            wanted, name=metadata["name"], uid=str(metadata.get("uid") or "")
        )
        self._write("made", made)

    def not_made(self, wanted: Made) -> None:
        """Writes down that it wasn't: it was refused, or had been there."""
        self._write("not made", wanted)

    def gone(self, made: Made) -> None:
        """Writes down that an object isn't there any more."""
        self._write("gone", made)

    def read(self) -> tuple[Made, ...]:
        """Returns what was made, or may have been, and isn't known to be gone, oldest first."""
        found: dict[tuple[ObjectKey, int], Made] = {}
        decoder = msgspec.json.Decoder(_Line)
        for line in self.path.read_bytes().splitlines():
            try:
                read = decoder.decode(line)
            except msgspec.MsgspecError:
                continue  # torn by a full disk; what could be read counts
            made = read.made
            asked = (msgspec.structs.replace(made.key, uid="", name=""), made.asked_ns)
            if read.what in ("not made", "made"):
                found.pop(asked, None)
            if read.what == "asked":
                found[asked] = made
            elif read.what == "made":
                found[made.key, 0] = made
            elif read.what == "gone":
                found.pop((made.key, 0), None)
                found.pop(asked, None)
        return tuple(sorted(found.values(), key=lambda item: item.asked_ns))

    def _write(self, what: str, made: Made) -> None:
        line = msgspec.json.encode(_Line(what=what, made=made)) + b"\n"
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(file, line)
        finally:
            os.close(file)
