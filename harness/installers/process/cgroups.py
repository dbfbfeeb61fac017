"""Stage 3: a container's limits of CPU and memory, by control groups of this machine."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.installers.process.plan import ControlGroup, Instance
from harness.installers.process.references import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["cores", "limits", "oom_file", "remove", "sweep", "usable", "wanted"]

_PREFIX = "harness-"
_PERIOD_US = 100_000  # the kubelet's CFS period
_LEAST_QUOTA_US = 1_000
_CONTROLLERS = ("cpu", "memory")


def wanted(container: Mapping[str, Any]) -> dict[str, int]:
    """Returns a container's limits: "cpu" in microseconds of each 100 ms, "memory" in bytes."""
    stated = (container.get("resources") or {}).get("limits") or {}
    found: dict[str, int] = {}
    if (cpu := quantity(str(stated.get("cpu", "")))) is not None:
        found["cpu"] = max(_LEAST_QUOTA_US, int(cpu * _PERIOD_US))
    if (memory := quantity(str(stated.get("memory", "")))) is not None:
        found["memory"] = int(memory)
    return found


def cores(container: Mapping[str, Any]) -> float | None:
    """Returns a container's limit of CPU in cores; None where it has none."""
    quota = wanted(container).get("cpu")
    return None if quota is None else quota / _PERIOD_US


def usable(
    name: str, *, root: Path = Path("/sys/fs/cgroup"), own: str | None = None
) -> tuple[str, ...]:
    """Returns the folders of control groups that we may make for a process; empty for none.

    Args:
        name: Of the process; makes the groups' names, with our process id.
        root: Where control groups are mounted.
        own: Content of /proc/self/cgroup; None to read it.
    """
    table = Path("/proc/self/cgroup").read_text("ascii") if own is None else own
    leaf = f"{_PREFIX}{os.getpid()}-{name}"
    if (root / "cgroup.controllers").exists():
        return _version_2(table, leaf, root)
    folders: list[str] = []
    for line in table.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in set(controllers.split(",")) & set(_CONTROLLERS):
            parent = root / controller / path.lstrip("/")
            if not os.access(parent, os.W_OK):
                return ()
            folders.append(str(parent / leaf))
    return tuple(sorted(folders)) if len(folders) == len(_CONTROLLERS) else ()


def _version_2(table: str, leaf: str, root: Path) -> tuple[str, ...]:
    path = next((line[3:] for line in table.splitlines() if line.startswith("0::")), None)
    if path is None:
        return ()
    # A group with processes of its own can't hand controllers down, so ours stands beside.
    parent = (root / path.lstrip("/")).parent
    control = parent / "cgroup.subtree_control"
    if not root <= parent or not control.exists() or not os.access(parent, os.W_OK):
        return ()
    enabled = control.read_text("ascii").split()
    return (str(parent / leaf),) if set(_CONTROLLERS) <= set(enabled) else ()


def limits(instance: Instance, container: Mapping[str, Any]) -> tuple[ControlGroup, ...]:
    """Returns the control groups of an instance with its container's limits."""
    stated = wanted(container)
    groups: list[ControlGroup] = []
    for path in instance.cgroups:
        controller = Path(path).parts[4] if _is_version_1(path) else ""
        files = _files_1(controller, stated) if controller else _files_2(stated)
        groups.append(ControlGroup(path=path, files=files))
    return tuple(groups)


def oom_file(instance: Instance) -> Path | None:
    """Returns where the kernel counts whom it ends at an instance's limit; None without a group."""
    for path in instance.cgroups:
        if not _is_version_1(path):
            return Path(path, "memory.events")
        if Path(path).parts[4] == "memory":
            return Path(path, "memory.oom_control")
    return None


def _is_version_1(path: str) -> bool:
    return len(Path(path).parts) > 4 and Path(path).parts[4] in _CONTROLLERS  # noqa: PLR2004 - below /sys/fs/cgroup


def _files_1(controller: str, stated: Mapping[str, int]) -> dict[str, str]:
    if controller == "cpu" and "cpu" in stated:
        return {"cpu.cfs_period_us": str(_PERIOD_US), "cpu.cfs_quota_us": str(stated["cpu"])}
    if controller == "memory" and "memory" in stated:
        return {"memory.limit_in_bytes": str(stated["memory"])}
    return {}


def _files_2(stated: Mapping[str, int]) -> dict[str, str]:
    files: dict[str, str] = {}
    if "cpu" in stated:
        files["cpu.max"] = f"{stated['cpu']} {_PERIOD_US}"
    if "memory" in stated:
        files["memory.max"] = str(stated["memory"])
    return files


def remove(instance: Instance) -> None:
    """Removes an instance's control groups; those that still hold a process stay."""
    for path in instance.cgroups:
        with suppress(OSError):
            Path(path).rmdir()


def sweep(paths: Iterable[str]) -> None:
    """Removes control groups that harnesses which are gone left beside these."""
    for parent in {Path(path).parent for path in paths}:
        for folder in parent.glob(f"{_PREFIX}*-*"):
            pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
            if pid.isdecimal() and not Path("/proc", pid).exists():
                with suppress(OSError):
                    folder.rmdir()
