"""Stage 3: an image of one static program, written without Docker.

The same input gives the same bytes: no time, no user name, no order of a file system goes in.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["USER", "names_in", "pack"]

USER = "65532:65532"
"""Who runs in the image, as in distroless' nonroot images: `runAsNonRoot` must hold."""

_FOLDER = 0o755
_PROGRAM = 0o755
_CHUNK = 1 << 20
_EPOCH = "1970-01-01T00:00:00Z"


def pack(
    program: Path,
    *,
    inside: str,
    name: str,
    architecture: str,
    archive: Path,
    arguments: Sequence[str] = (),
    user: str = USER,
    workdir: str = "/",
) -> str:
    """Writes an archive, as `docker save` would, of an image that holds one file.

    Args:
        program: The file.
        inside: Its absolute path in the image; its entrypoint, too.
        name: Name and tag of the image.
        architecture: "amd64" or "arm64".
        archive: Where to write; its folder exists.
        arguments: Leading arguments in the entrypoint.
        user: User and group, by number.
        workdir: Working directory.

    Returns:
        The image's id: "sha256:" and the digest of its configuration.

    Raises:
        OSError: A file can't be read or written.
    """
    with tempfile.TemporaryFile(dir=archive.parent) as layer:
        _write_layer(layer, program, PurePosixPath(inside), PurePosixPath(workdir))
        layer_digest = _digest(layer)
        entrypoint = [inside, *arguments]
        config = _config(
            entrypoint, layer_digest, architecture=architecture, user=user, workdir=workdir
        )
        image = hashlib.sha256(config).hexdigest()
        manifest = msgspec.json.encode(
            [{"Config": f"{image}.json", "RepoTags": [name], "Layers": [f"{layer_digest}.tar"]}]
        )
        draft = archive.with_name(f".{archive.name}.draft")
        with tarfile.open(draft, "w", format=tarfile.USTAR_FORMAT) as out:
            _add(out, f"{image}.json", config)
            size = layer.seek(0, os.SEEK_END)
            layer.seek(0)
            out.addfile(_entry(f"{layer_digest}.tar", size=size), layer)
            _add(out, "manifest.json", manifest)
        draft.replace(archive)
    return f"sha256:{image}"


def _write_layer(
    layer: io.BufferedRandom | tempfile._TemporaryFileWrapper[bytes],
    program: Path,
    inside: PurePosixPath,
    workdir: PurePosixPath,
) -> None:
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.PAX_FORMAT) as out:
        for folder in _folders(inside, workdir):
            entry = _entry(folder, mode=_FOLDER)
            entry.type = tarfile.DIRTYPE
            out.addfile(entry)
        with program.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            out.addfile(_entry(str(inside).lstrip("/"), size=size, mode=_PROGRAM), file)


def _folders(inside: PurePosixPath, workdir: PurePosixPath) -> Iterator[str]:
    """Yields the folders that must be there, parents first."""
    wanted = {parent for path in (inside, workdir / "x") for parent in path.parents}
    for folder in sorted(wanted):
        if name := str(folder).strip("/"):
            yield name


def _entry(name: str, *, size: int = 0, mode: int = 0o644) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, mode, 0
    return entry


def _add(out: tarfile.TarFile, name: str, content: bytes) -> None:
    out.addfile(_entry(name, size=len(content)), io.BytesIO(content))


def _digest(file: io.BufferedRandom | tempfile._TemporaryFileWrapper[bytes]) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _config(
    entrypoint: Sequence[str], layer: str, *, architecture: str, user: str, workdir: str
) -> bytes:
    """Returns the image's configuration, whose digest is the image's id."""
    return msgspec.json.encode(
        {
            "architecture": architecture,
            "os": "linux",
            "created": _EPOCH,
            "config": {"User": user, "Entrypoint": list(entrypoint), "WorkingDir": workdir},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
            "history": [{"created": _EPOCH, "created_by": "operator-harness"}],
        }
    )


def names_in(archive: Path) -> tuple[str, ...]:
    """Returns the names of the images in an archive, as `docker save` writes it.

    Raises:
        ValueError: It isn't such an archive.
        OSError: It can't be read.
    """
    try:
        with tarfile.open(archive) as held:
            member = held.extractfile("manifest.json")
            content = member.read() if member is not None else b""
        images = msgspec.json.decode(content, type=list[_Saved])
    except (tarfile.TarError, KeyError, msgspec.MsgspecError) as error:
        raise ValueError(f"{archive} isn't an archive of images: {error}") from error
    return tuple(name for image in images for name in image.tags or ())


class _Saved(msgspec.Struct, frozen=True):
    """One image of an archive, in part."""

    tags: list[str] | None = msgspec.field(default=None, name="RepoTags")
