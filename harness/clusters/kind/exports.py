"""Logs of nodes and pods, by `kind export logs`, bounded and without secrets, as evidence."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.errors import CommandError
from harness.guard.capture import LINE_LIMIT, Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.clusters.kind.cluster import HarnessKindCluster
    from harness.clusters.kind.configuration import Paths

__all__ = ["export_logs"]

_EXPORT_S = 60.0
_FILE_BYTES = 2 << 20  # the last ones of each file
_ALL_BYTES = 64 << 20
_KEPT = ("journal.log", "kubelet.log", "containerd.log", "images.log", "serial.log")
_SECRETS = re.compile(
    rb"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"  # JSON Web Tokens
    rb"|(?<=token: )[a-z0-9]{6}\.[a-z0-9]{16}"  # kubeadm's bootstrap tokens
    rb"|(?<=-data: )[A-Za-z0-9+/=]{40,}"  # of a kubeconfig
    rb"|-----BEGIN[^-]+-----|(?i:bearer) [\w.~+/-]{8,}"
)


def export_logs(cluster: HarnessKindCluster, paths: Paths) -> tuple[Path, ...]:
    """Saves the logs of nodes and pods; never raises, since it runs when something failed.

    Returns:
        The files, below the folder of component logs.
    """
    raw = paths.state / "export"
    with suppress(CommandError):  # what there is, is better than nothing
        cluster.save_logs(raw, timeout=_EXPORT_S)
    try:
        return tuple(_copy(raw, paths.logs, _redactor(paths)))
    except OSError:
        return ()
    finally:
        shutil.rmtree(raw, ignore_errors=True)


def _redactor(paths: Paths) -> Redactor:
    redactor = Redactor()
    redactor.add(
        file.read_text(errors="replace")
        for file in (*paths.pki.glob("*.key"), paths.kind_kubeconfig)
        if file.is_file()
    )
    return redactor


def _copy(raw: Path, folder: Path, redactor: Redactor) -> Iterator[Path]:
    """Copies what is of use, the node's own logs first, until there is enough."""
    left = _ALL_BYTES
    files = [path for path in raw.rglob("*") if path.is_file() and not path.is_symlink()]
    for source in sorted(files, key=lambda path: ("pods" in path.parts, str(path))):
        relative = source.relative_to(raw)
        if left <= 0 or not (relative.name in _KEPT or "pods" in relative.parts):
            continue
        content = _cleaned(source, redactor)[-left:]
        if not content:
            continue
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        left -= len(content)
        yield target


def _cleaned(source: Path, redactor: Redactor) -> bytes:
    size = source.stat().st_size
    with source.open("rb") as file:
        file.seek(max(0, size - _FILE_BYTES))
        lines = file.read().split(b"\n")
    if size > _FILE_BYTES:
        lines[0] = b"[%d bytes before this]" % (size - _FILE_BYTES)
    return b"\n".join(
        redactor.clean(_SECRETS.sub(b"[redacted]", line), limit=LINE_LIMIT) for line in lines
    )
