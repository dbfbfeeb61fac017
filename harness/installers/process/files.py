"""Stage 3: the private files of an operator's process."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.evidence.ndjson import write_document
from harness.installers.process.plan import Instance, volume_folder

if TYPE_CHECKING:
    from harness.installers.process.plan import Planned
    from harness.installers.process.volumes import Volume

__all__ = ["LaunchFile", "read_launch_file", "replace_file", "write_launch_file", "write_planned"]

_PRIVATE = 0o700
_KUBECONFIG_MODE = 0o600


class LaunchFile(msgspec.Struct, frozen=True, kw_only=True):
    """What another process of the run needs to handle the operator; holds no secret.

    Attributes:
        instances: Primaries first.
        leases: "namespace/name" of the Leases by which the operator elects a leader.
        path: PATH of its processes.
    """

    instances: tuple[Instance, ...]
    leases: tuple[str, ...] = ()
    path: str = ""


def read_launch_file(path: Path) -> LaunchFile:
    """Reads what `write_launch_file` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=LaunchFile)


def write_launch_file(path: Path, launch: LaunchFile) -> None:
    """Writes it whole or not at all, for our user only."""
    write_document(path, launch, mode=0o600)


def replace_file(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replaces a file's content at once: a reader sees the old or the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
    os.replace(draft, path)


def write_planned(instance: Instance, planned: Planned) -> Path:
    """Writes a process's volumes and plan below its folder; returns the plan's path."""
    folder = Path(instance.folder)
    for part in ("home", "tmp", "root", "volumes"):
        (folder / part).mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    for volume in planned.volumes:
        _write_volume(volume_folder(instance.folder, volume.name), volume)
    for bind in planned.launch.mounts:
        source = Path(bind.source)
        if not source.exists():  # subPath of an emptyDir
            source.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    path = folder / "plan.json"
    write_document(path, planned.launch, mode=0o600)
    return path


def _write_volume(folder: Path, volume: Volume) -> None:
    if not volume.writable:  # an emptyDir lives as long as its Pod
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    for file in volume.files:
        place = folder / file.path
        place.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        replace_file(place, file.content, mode=file.mode)
