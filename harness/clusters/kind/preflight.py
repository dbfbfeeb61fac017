"""Whether a machine can run kind clusters, found out before one is made."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.assets.versions import ordered
from harness.errors import ClusterError

if TYPE_CHECKING:
    from harness.clusters.kind.engine import Info

__all__ = ["check_host", "inotify_shortage"]

_OLDEST_ENGINE = "20.10.0"  # kind asks for a private cgroup namespace
_GIB = 1 << 30
_DISK_GIB = 2.0
_MEMORY_GIB = 1.5
_INSTANCES = 128  # each node's systemd, containerd and kubelet take some tens
_WATCHES = 8192
_INOTIFY = Path("/proc/sys/fs/inotify")


def check_host(info: Info) -> None:
    """Refuses an engine that is too old, and a machine without room for a node.

    Raises:
        ClusterError: Says what is lacking.
    """
    if ordered(info.server) < ordered(_OLDEST_ENGINE):
        raise ClusterError(
            f"The Docker engine is {info.server}; kind needs {_OLDEST_ENGINE} or newer.",
            hint="Install a newer Docker.",
        )
    root = Path(info.root)
    if info.root and root.is_dir() and (free := shutil.disk_usage(root).free / _GIB) < _DISK_GIB:
        raise ClusterError(
            f"Only {free:.1f} GiB are free below {root}, where Docker keeps its containers; "
            f"a node needs {_DISK_GIB:g} GiB.",
            hint="Free some: docker system prune, harness assets clean.",
        )
    if info.memory and (memory := _available_gib()) is not None and memory < _MEMORY_GIB:
        raise ClusterError(
            f"Only {memory:.1f} GiB of memory are available; a node needs {_MEMORY_GIB:g} GiB.",
            hint="Close other programs, or take other clusters down: harness cluster down --all",
        )


def inotify_shortage() -> str:
    """Returns which limit of inotify is low for kind, in words; empty where none is."""
    for name, least in (("max_user_instances", _INSTANCES), ("max_user_watches", _WATCHES)):
        with suppress(OSError, ValueError):
            limit = int((_INOTIFY / name).read_text())
            if limit < least:
                return f"fs.inotify.{name} is {limit}; several nodes need {least} or more"
    return ""


def _available_gib() -> float | None:
    """Returns the memory that is available, where the engine runs on this machine."""
    if os.environ.get("DOCKER_HOST", "").startswith("tcp:"):
        return None
    with suppress(OSError, ValueError, LookupError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        return int(fields["MemAvailable"].split()[0]) * 1024 / _GIB
    return None
