"""Asks binaries for their version, and remembers the answers."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import msgspec

from harness import command
from harness.assets.components import Component
from harness.assets.versions import find_version
from harness.errors import AssetError, CommandError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Versions", "ask", "confirm"]

_TIMEOUT_S = 20.0  # a 100 MB binary on a cold disk and a busy machine needs a few

_OTHER_VERSION = {
    "built": "Check the Go modules in ci against harness/assets/versions.py.",
    "downloaded": "Check what HARNESS_ASSETS_MIRROR serves, or unset it.",
}

_QUESTIONS: dict[Component, tuple[str, ...]] = {
    Component.ETCDCTL: ("version",),
    Component.ETCDUTL: ("version",),
    Component.KUBECTL: ("version", "--client"),
    Component.HELM: ("version",),
    Component.KIND: ("version",),
}


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    """A version as it was told by a file of this size and modification time."""

    size: int
    mtime_ns: int
    version: str


def ask(component: Component, path: Path) -> str:
    """Runs a binary to learn its version.

    Returns:
        The version without "v"; empty where its output names none.

    Raises:
        CommandError: It can't be run, failed or took too long.
    """
    question = _QUESTIONS.get(component, ("--version",))
    return find_version(command.run([path, *question], timeout=_TIMEOUT_S).output)


def confirm(component: Component, binary: Path, version: str, *, made: str) -> None:
    """Sees that a new binary runs and is of the version that we wanted.

    Args:
        component: Which one it is.
        binary: Its path.
        version: The one that it must say, without "v".
        made: How we came by it, in one word.

    Raises:
        AssetError: It isn't.
    """
    try:
        said = ask(component, binary)
    except CommandError as error:
        raise AssetError(
            f"{component} was {made} but doesn't run: {str(error).splitlines()[0]}.",
            hint="If the cache lies on a file system mounted noexec, set XDG_CACHE_HOME "
            "to a folder where programs may run.",
        ) from error
    if said.split("+")[0] != version:
        raise AssetError(
            f"{component} was {made} but says version {said or 'nothing'}, not {version}.",
            hint=_OTHER_VERSION[made],
        )


class Versions:
    """Versions of binaries outside the cache, asked once for each size and time of a file.

    Args:
        file: Where answers are kept; an absent or damaged file is an empty one.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._answers = self._load()
        self._changed = False

    def of(self, component: Component, path: Path) -> str:
        """Returns the version of the binary at `path`, without "v".

        Raises:
            CommandError: It can't be run, failed, took too long or named no version.
        """
        status = path.stat()
        known = self._answers.get(str(path))
        if known and (known.size, known.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return known.version
        version = ask(component, path)
        if not version:
            raise CommandError(f"{path} doesn't say its version")
        self._answers[str(path)] = _Answer(status.st_size, status.st_mtime_ns, version)
        self._changed = True
        return version

    def save(self) -> None:
        """Keeps new answers; where that fails they are asked again next time."""
        if not self._changed:
            return
        draft = self._file.with_name(f".{self._file.name}.{secrets.token_hex(4)}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_bytes(msgspec.json.encode(self._answers))
            os.replace(draft, self._file)
        except OSError:
            return
        self._changed = False

    def _load(self) -> dict[str, _Answer]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, _Answer])
        except (OSError, msgspec.DecodeError):
            return {}
