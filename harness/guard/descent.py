"""Who descends from whom, by /proc; process ids are always taken with their start time."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import msgspec

__all__ = ["ProcessId", "become_subreaper", "descendants", "identify", "is_alive", "start_ticks"]

_PR_SET_CHILD_SUBREAPER = 36
_PROC = Path("/proc")


class ProcessId(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A process for good: numbers are used again, a number with its start time isn't.

    Attributes:
        start_ticks: Clock ticks between the machine's start and the process's.
        boot: Id of the machine's start.
        namespace: Number of the pid namespace in which `pid` counts.
    """

    pid: int
    start_ticks: int
    boot: str
    namespace: int


def become_subreaper() -> None:
    """Makes orphaned descendants our children instead of init's."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"PR_SET_CHILD_SUBREAPER: {os.strerror(code)}")


def _stat_fields(pid: int) -> list[bytes] | None:
    """Returns the fields of /proc/PID/stat after the program's name; None where it's gone."""
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    return text[text.rindex(b")") + 2 :].split()


def start_ticks(pid: int) -> int | None:
    """Returns when a process started; None where it's gone or only a zombie of it is left."""
    fields = _stat_fields(pid)
    if fields is None or fields[0] in {b"Z", b"X"}:
        return None
    return int(fields[19])


def identify(pid: int) -> ProcessId | None:
    """Returns the identity of a running process; None where it's gone."""
    ticks = start_ticks(pid)
    if ticks is None:
        return None
    return ProcessId(pid=pid, start_ticks=ticks, boot=_boot(), namespace=_namespace())


def is_alive(process: ProcessId) -> bool:
    """Whether exactly this process runs; a namespace that we can't look into counts as alive."""
    if process.boot != _boot():
        return False
    if process.namespace != _namespace():
        return True
    return start_ticks(process.pid) == process.start_ticks


def descendants(root: int) -> tuple[int, ...]:
    """Returns the processes below `root`, parents first.

    Zombies count: one whose first thread has ended may hold ports by another thread.
    """
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat_fields(int(entry.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    todo = [root]
    while todo:
        below = children.get(todo.pop(0), [])
        todo.extend(below)
        found.extend(below)
    return tuple(found)


def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def _namespace() -> int:
    return (_PROC / "self/ns/pid").stat().st_ino
