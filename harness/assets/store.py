"""The cache of binaries: `<cache>/assets/<key>/<binary>` with a manifest beside it.

A key names component, version, platform and build inputs, so that nothing stale is ever
taken. A folder appears by one rename, complete and on disk, or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import secrets
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import settings
from harness.assets.components import Component
from harness.errors import AssetError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Entry", "Recipe", "Store", "platform_name"]

_MANIFEST = "manifest.json"
_DRAFT = ".draft-"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def platform_name() -> str:
    """Returns the platform as Go names it, for example "linux-amd64"."""
    machine = platform.machine()
    return f"{sys.platform}-{_ARCHITECTURES.get(machine, machine)}"


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What decides the content of a cached binary.

    Attributes:
        inputs: SHA-256 (hex) of what it is made from.
    """

    component: Component
    version: str
    inputs: str

    @property
    def key(self) -> str:
        """Name of its folder in the cache."""
        return f"{self.component}-{self.version}-{platform_name()}-{self.inputs[:16]}"


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    component: str
    version: str
    platform: str
    inputs: str
    origin: str
    toolchain: str
    sha256: str
    size: int
    mtime_ns: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that lies in the cache: its path and its size in bytes."""

    path: Path
    size: int


class Store:
    """The cache folder of binaries.

    Args:
        root: The folder; None for the user's cache. It is made when first written to.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or settings.cache_home() / "assets"

    @property
    def lock_file(self) -> Path:
        """What those who write lock."""
        return self.root / ".lock"

    @property
    def versions_file(self) -> Path:
        """Where versions of binaries elsewhere are remembered."""
        return self.root / "versions.json"

    def log_file(self, name: str) -> Path:
        """Whole output of the last build of a module."""
        return self.root / f"build-{name}.log"

    def find(self, recipe: Recipe, *, thorough: bool = False) -> Path | None:
        """Returns the path of a cached binary, or None.

        Args:
            recipe: Which one.
            thorough: Whether its content is hashed; else size and modification time must do.
        """
        folder = self.root / recipe.key
        binary = folder / recipe.component
        try:
            manifest = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=_Manifest)
            status = binary.stat()
        except (OSError, msgspec.DecodeError):
            return None
        same = (status.st_size, status.st_mtime_ns) == (manifest.size, manifest.mtime_ns)
        if not same or manifest.inputs != recipe.inputs or not os.access(binary, os.X_OK):
            return None
        if thorough and _sha256(binary) != manifest.sha256:
            return None
        return binary

    def versions(self, component: Component) -> tuple[str, ...]:
        """Returns the versions of a component that lie in the cache for this platform."""
        tail = f"-{platform_name()}-"
        names = (path.name for path in self.root.glob(f"{component}-[0-9]*{tail}*"))
        return tuple(sorted({name.removeprefix(f"{component}-").split(tail)[0] for name in names}))

    def prepare(self) -> None:
        """Makes the folder, and refuses one that another user could have filled.

        Raises:
            AssetError: It can't be written, or belongs to someone else.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            status = self.root.stat()
        except OSError as error:
            raise self.unusable(error) from error
        foreign = status.st_uid not in (os.geteuid(), 0)
        if foreign or status.st_mode & 0o002 or not os.access(self.root, os.W_OK):
            raise AssetError(
                f"The cache folder {self.root} belongs to another user or can't be trusted.",
                hint="Set XDG_CACHE_HOME to a folder of your own.",
            )

    @contextlib.contextmanager
    def draft(self) -> Iterator[Path]:
        """Makes a folder beside the cached ones for work in progress, and removes it after.

        Raises:
            AssetError: It can't be made.
        """
        folder = self.root / f"{_DRAFT}{secrets.token_hex(6)}"
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise self.unusable(error) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, binary: Path, recipe: Recipe, *, origin: str, toolchain: str) -> Path:
        """Puts a finished binary of a draft into the cache, in one step.

        Args:
            binary: Below a draft; it is moved.
            recipe: Its identity.
            origin: Where it comes from, for people.
            toolchain: What made it, for people.

        Returns:
            Its path in the cache.

        Raises:
            AssetError: The cache can't be written.
        """
        folder = self.root / recipe.key
        parcel = binary.parent / f"parcel-{recipe.component}"
        try:
            parcel.mkdir(mode=0o700)
            goal = parcel / recipe.component
            os.replace(binary, goal)
            goal.chmod(0o755)
            (parcel / _MANIFEST).write_bytes(_manifest(goal, recipe, origin, toolchain))
            for part in (goal, parcel / _MANIFEST, parcel):
                _fsync(part)
            if folder.exists():
                os.replace(folder, binary.parent / f"old-{recipe.component}")
            os.replace(parcel, folder)
            _fsync(self.root)
        except OSError as error:
            raise self.unusable(error) from error
        return folder / recipe.component

    def sweep(self) -> None:
        """Removes drafts of killed runs; the caller holds the lock."""
        for leftover in self.root.glob(f"{_DRAFT}*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def contents(self) -> tuple[Entry, ...]:
        """Returns everything that lies in the cache, by name; the lock isn't counted."""
        if not self.root.is_dir():
            return ()
        paths = sorted(path for path in self.root.iterdir() if path != self.lock_file)
        return tuple(Entry(path=path, size=_size(path)) for path in paths)

    def remove(self, entry: Entry) -> None:
        """Removes one thing from the cache; the caller holds the lock.

        Raises:
            AssetError: It can't be removed.
        """
        try:
            if entry.path.is_dir() and not entry.path.is_symlink():
                doomed = self.root / f"{_DRAFT}{secrets.token_hex(6)}"
                os.replace(entry.path, doomed)  # never half a folder under its own name
                shutil.rmtree(doomed)
            else:
                entry.path.unlink(missing_ok=True)
        except OSError as error:
            raise self.unusable(error) from error

    def unusable(self, error: OSError) -> AssetError:
        """Returns the error for a cache that can't be read or written."""
        return AssetError(
            f"The cache folder {self.root} can't be used: {error.strerror or error}.",
            hint="Check its permissions and free space, or set XDG_CACHE_HOME to another folder.",
        )


def _manifest(binary: Path, recipe: Recipe, origin: str, toolchain: str) -> bytes:
    status = binary.stat()
    manifest = _Manifest(
        component=recipe.component,
        version=recipe.version,
        platform=platform_name(),
        inputs=recipe.inputs,
        origin=origin,
        toolchain=toolchain,
        sha256=_sha256(binary),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
    )
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _size(path: Path) -> int:
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(_size(part) for part in path.iterdir())
