"""Makes binaries of official release files: downloaded, verified, unpacked, tried."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from typing import TYPE_CHECKING, BinaryIO

from harness.assets.asset import Asset
from harness.assets.components import Component, Pins
from harness.assets.identify import confirm
from harness.assets.lock import exclusive
from harness.assets.network import DownloadError, Network, Sink
from harness.assets.releases import Release, expected_sha256, grouped, release_recipe
from harness.assets.sources import cached

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.assets.store import Store

__all__ = ["ReleaseFiles"]

_WAIT_TIMEOUT_S = 3 * 3600.0  # for another run's build
_FILE_LIMIT = 1 << 30
_STEPS = 20  # progress is told at most once in 5 %
_ORIGIN = "official release"
_MIRRORED = "release mirror"


class ReleaseFiles:
    """Downloads components of official releases into the cache.

    What can't be had (nobody answers, it isn't there, its checksum is another) is said in a
    note and left to whoever comes next; nothing unverified ever reaches the cache.

    Args:
        store: The cache.
        pins: The versions that are wanted.
        network: Fetches the files.
    """

    def __init__(self, store: Store, pins: Pins, network: Network) -> None:
        self._store = store
        self._pins = pins
        self._network = network

    def make(
        self,
        missing: Sequence[Component],
        on_progress: Callable[[str], None],
        notes: list[str],
    ) -> tuple[Asset, ...]:
        """Returns those of the missing components that it could get, under the cache's lock.

        Raises:
            AssetError: The cache can't be written.
        """
        releases = grouped(missing, self._pins)
        if not releases:
            return ()
        self._network.probe(
            place for release, _ in releases for place in (release.checksums, release.place)
        )
        self._store.prepare()
        doing = f"downloading {', '.join(missing)}"
        failures: list[tuple[Release, DownloadError]] = []
        assets: list[Asset] = []
        with exclusive(
            self._store.lock_file, doing=doing, timeout=_WAIT_TIMEOUT_S, on_wait=on_progress
        ):
            self._store.sweep()
            for release, components in releases:
                try:
                    assets += self._some(release, components, on_progress)
                except DownloadError as error:
                    failures.append((release, error))
        notes += self._told(failures)
        return tuple(assets)

    def _some(
        self, release: Release, components: Sequence[Component], on_progress: Callable[[str], None]
    ) -> list[Asset]:
        """Returns components from the cache, if another run filled it meanwhile, or a file."""
        present = cached(self._store, components, self._pins)
        there = {asset.component for asset in present}
        rest = [component for component in components if component not in there]
        return present + (self._fetch(release, rest, on_progress) if rest else [])

    def _fetch(
        self, release: Release, components: Sequence[Component], on_progress: Callable[[str], None]
    ) -> list[Asset]:
        wanted = expected_sha256(self._network.text(release.checksums), release.name)
        if not wanted:
            raise DownloadError(f"no SHA-256 of it is published at {release.checksums}")
        with self._store.draft() as draft:
            try:
                file = self._download(release, draft, wanted, on_progress)
                binaries = _unpack(release, file, components, draft)
            except OSError as error:
                raise self._store.unusable(error) from error
            return [self._publish(release, *pair) for pair in binaries.items()]

    def _download(
        self, release: Release, draft: Path, wanted: str, on_progress: Callable[[str], None]
    ) -> Path:
        goal = draft / release.name
        with goal.open("wb") as stream:
            sink = _File(stream, f"{release.name} {release.version}", on_progress)
            self._network.save(release.place, sink)
        if sink.sha256 != wanted:
            raise DownloadError(
                f"its SHA-256 is {sink.sha256[:16]}…, and {wanted[:16]}… is published"
            )
        return goal

    def _publish(self, release: Release, component: Component, binary: Path) -> Asset:
        binary.chmod(0o755)
        confirm(component, binary, release.version, made="downloaded")
        recipe = release_recipe(component, self._pins)
        if recipe is None:
            raise DownloadError("nothing is published for this platform")
        origin = self._network.url(release.place)
        path = self._store.publish(binary, recipe, origin=origin, toolchain="")
        source = _MIRRORED if self._network.mirrored else _ORIGIN
        return Asset(component=component, path=path, version=release.version, source=source)

    def _told(self, failures: Sequence[tuple[Release, DownloadError]]) -> list[str]:
        """Returns one note for all hosts that don't answer, and one for each other failure."""
        silent = dict.fromkeys(str(error) for _, error in failures if error.unreachable)
        notes = [
            f"{release.name} {release.version} isn't taken from {self._network.url(release.place)}:"
            f" {error}."
            for release, error in failures
            if not error.unreachable
        ]
        if silent:
            what = "The release mirror" if self._network.mirrored else "Official releases"
            notes.append(f"{what} can't be reached ({'; '.join(silent)}).")
        return notes


class _File(Sink):
    """Writes a file, hashes it on the way, and tells how far it is."""

    def __init__(self, stream: BinaryIO, name: str, on_progress: Callable[[str], None]) -> None:
        super().__init__(limit=_FILE_LIMIT)
        self._stream = stream
        self._name = name
        self._on_progress = on_progress
        self.restart()

    def restart(self) -> None:
        """Begins the file anew."""
        self._stream.seek(0)
        self._stream.truncate()
        self._digest = hashlib.sha256()
        self._done = 0
        self._told = -1

    def take(self, piece: bytes, total: int) -> None:
        """Takes the next piece."""
        self._stream.write(piece)
        self._digest.update(piece)
        self._done += len(piece)
        step = self._done * _STEPS // max(total, self._done)
        if step > self._told:
            self._told = step
            of = f" of {total / 1e6:.0f}" if total else ""
            self._on_progress(f"downloading {self._name}: {self._done / 1e6:.0f}{of} MB")

    @property
    def sha256(self) -> str:
        """Of all that was taken, hex."""
        return self._digest.hexdigest()


def _unpack(
    release: Release, file: Path, components: Sequence[Component], draft: Path
) -> dict[Component, Path]:
    """Returns the binaries of a verified file; an archive gives only the named plain files.

    Raises:
        DownloadError: The archive can't be read or lacks one.
        OSError: They can't be written.
    """
    if not release.members:
        return dict.fromkeys(components, file)
    found = {}
    try:
        with tarfile.open(file) as archive:
            for component in components:
                found[component] = draft / component
                _extract(archive, release.members[component], found[component])
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, KeyError, EOFError) as error:
        raise DownloadError(f"the archive isn't as it should be ({error})") from error
    return found


def _extract(archive: tarfile.TarFile, member: str, goal: Path) -> None:
    content = archive.extractfile(member)
    if content is None:
        raise DownloadError(f"{member} in the archive is no file")
    with content, goal.open("wb") as stream:
        while piece := content.read(1 << 20):
            stream.write(piece)
