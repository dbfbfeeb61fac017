"""Writes the images that a node holds from the start, as one OCI archive.

Each is a single layer, mostly a single static binary, under the name that kubeadm expects. The
folder of binaries holds these; for kube-proxy and busybox, whose programs need libraries, an
archive (NAME.tar); and the words that busybox knows (busybox.applets).

usage: images.py --binaries FOLDER --names FILE --output ARCHIVE
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path
from typing import Any

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FOLDERS = ("etc", "tmp", "usr", "usr/local", "usr/local/bin", "var", "var/lib")
_USERS = "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n"
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Image:
    """One image.

    Attributes:
        name: Its whole name with tag.
        files: Binaries by their path in the image.
        links: Symbolic links by their path in the image.
        base: A tar archive that comes first, or None.
        entrypoint: As in a Dockerfile; may be empty.
        command: As in a Dockerfile; may be empty.
    """

    name: str
    files: dict[str, Path] = dataclasses.field(default_factory=dict)
    links: dict[str, str] = dataclasses.field(default_factory=dict)
    base: Path | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


def images(names: list[str], binaries: Path) -> list[Image]:
    """Returns the images for the names; their last part says which one it is."""
    return [_image(name, name.rsplit("/", 1)[-1].split(":")[0], binaries) for name in names]


def _image(name: str, part: str, binaries: Path) -> Image:
    file = binaries / part
    if part == "kube-proxy":
        wrapper = Path(__file__).with_name("kube-proxy")
        place = "usr/local/bin/kube-proxy"
        links = {f"usr/bin/{word}": "busybox" for word in ("sh", "grep", "ln", "cat")}
        return Image(
            name=name,
            base=binaries / "kube-proxy.tar",
            files={place: wrapper, f"{place}.real": file},
            links={**links, "usr/sbin/modprobe": "../bin/kmod"},
        )
    if part == "busybox":
        words = (binaries / "busybox.applets").read_text(encoding="utf-8").split()
        return Image(
            name=name,
            base=binaries / "busybox.tar",
            links={f"usr/bin/{word}": "busybox" for word in words if word != "busybox"},
            command=("/bin/sh",),
        )
    if part in ("coredns", "pause"):  # kubeadm gives them arguments, or nothing
        return Image(name=name, files={part: file}, entrypoint=(f"/{part}",))
    return Image(name=name, files={f"usr/local/bin/{part}": file}, command=(part,))


def _entry(name: str, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)  # owner root and time 0: the same inputs, the same layer
    entry.mode = mode
    entry.type = kind
    return entry


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    entry = _entry(name, 0o644)
    entry.size = len(text)
    archive.addfile(entry, io.BytesIO(text.encode()))


def layer(image: Image) -> bytes:
    """Returns the image's files as a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        present: set[str] = set()
        if image.base:
            with tarfile.open(image.base) as base:
                for member in base:
                    present.add(member.name.removeprefix("./").rstrip("/"))
                    archive.addfile(member, base.extractfile(member) if member.isreg() else None)
        folders = {str(parent) for path in (*image.files, *image.links)
                   for parent in Path(path).parents} - {"."}  # fmt: skip
        for folder in sorted(folders | set(_FOLDERS)):
            if folder not in present:
                mode = 0o1777 if folder == "tmp" else 0o755
                archive.addfile(_entry(folder, mode, tarfile.DIRTYPE))
        for name, text in (("etc/passwd", _USERS), ("etc/group", _GROUPS)):
            if name not in present:
                _add_text(archive, name, text)
        for path, source in image.files.items():
            entry = _entry(path, 0o755)
            entry.size = source.stat().st_size
            with source.open("rb") as stream:
                archive.addfile(entry, stream)
        for path, goal in image.links.items():
            entry = _entry(path, 0o777, tarfile.SYMTYPE)
            entry.linkname = goal
            archive.addfile(entry)
    return buffer.getvalue()


class Layout:
    """An OCI image layout in a tar archive."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._known: set[str] = set()
        self._index: list[dict[str, Any]] = []  # JSON

    def _blob(self, content: bytes, kind: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._known:
            self._known.add(digest)
            self._put(f"blobs/sha256/{digest}", content)
        media = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(content)}

    def _put(self, name: str, content: bytes) -> None:
        entry = _entry(name, 0o644)
        entry.size = len(content)
        self._archive.addfile(entry, io.BytesIO(content))

    def add(self, image: Image) -> None:
        """Adds an image."""
        plain = layer(image)
        packed = self._blob(gzip.compress(plain, compresslevel=1, mtime=0), "layer.v1.tar+gzip")
        machine = platform.machine()
        config = {
            "architecture": _ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": {
                "Env": [f"PATH={_PATH}"],
                **({"Entrypoint": image.entrypoint} if image.entrypoint else {}),
                **({"Cmd": image.command} if image.command else {}),
            },
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(plain).hexdigest()}"],
            },
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self._blob(json.dumps(config).encode(), "config.v1+json"),
            "layers": [packed],
        }
        described = self._blob(json.dumps(manifest).encode(), "manifest.v1+json")
        self._index.append({**described, "annotations": {"io.containerd.image.name": image.name}})

    def close(self) -> None:
        """Writes what tells a reader which images there are."""
        self._put("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        index = {"schemaVersion": 2, "manifests": self._index}
        self._put("index.json", json.dumps(index).encode())


def main() -> None:
    """Writes the archive."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--binaries", "--names", "--output"):
        parser.add_argument(option, type=Path, required=True)
    given = parser.parse_args()
    names = given.names.read_text(encoding="utf-8").split()
    with tarfile.open(given.output, "w") as archive:
        layout = Layout(archive)
        for image in images(names, given.binaries):
            layout.add(image)
        layout.close()


if __name__ == "__main__":
    main()
