"""Private state folders and what killed runs left of them.

A state folder names its owner (`owner.json`: the process that made it) and, once it has a
guard, the guard and all its descendants (`processes.json`, kept up to date). A folder is a
leftover when neither owner nor guard runs; then its processes are ended, by process id and
start time, and by the work folder that daemons carry in their environment.
"""

from __future__ import annotations

import os
import secrets
import select
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from harness.clock import SYSTEM_CLOCK, Clock, Deadline
from harness.guard.descent import ProcessId, identify, is_alive
from harness.guard.farewells import say_farewells

__all__ = [
    "STATE_VARIABLE",
    "StateRecord",
    "end_leftover",
    "is_leftover",
    "make_state_folder",
    "owner_runs",
    "read_record",
    "write_private",
    "write_record",
]

STATE_VARIABLE = "HARNESS_STATE"
"""Environment variable by which daemons tell the state folder that they belong to."""

_T = TypeVar("_T")
_OWNER = "owner.json"
_RECORD = "processes.json"
_DRAFT_AGE_S = 60.0  # a folder without an owner is being made, unless it's older than that
_END_S = 5.0


class StateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Who runs for a state folder: the guard, and all that descends from it."""

    guard: ProcessId
    processes: tuple[ProcessId, ...] = ()


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only we may read, atomically."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
    os.replace(draft, path)


def make_state_folder(parent: Path) -> Path:
    """Makes a private folder with a new name, owned by this process.

    Raises:
        OSError: It can't be made there.
    """
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = secrets.token_hex(4)
    draft = parent / f".{name}"
    draft.mkdir(mode=0o700)
    write_private(draft / _OWNER, msgspec.json.encode(identify(os.getpid())))
    return draft.rename(parent / name)


def write_record(folder: Path, record: StateRecord) -> None:
    """Writes down who runs for this folder."""
    write_private(folder / _RECORD, msgspec.json.encode(record))


def read_record(folder: Path) -> StateRecord | None:
    """Returns who runs for this folder; None where that was never written."""
    return _read(folder / _RECORD, StateRecord)


def owner_runs(folder: Path) -> bool:
    """Whether the process that made this folder still runs."""
    owner = _read(folder / _OWNER, ProcessId)
    return owner is not None and is_alive(owner)


def is_leftover(folder: Path, *, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Whether neither the maker of this folder nor its guard runs any more."""
    owner = _read(folder / _OWNER, ProcessId)
    if owner is None:
        with suppress(OSError):
            age = clock.now().wall_ns / 1e9 - folder.stat().st_mtime
            return age > _DRAFT_AGE_S
        return False
    record = read_record(folder)
    return not is_alive(owner) and not (record is not None and is_alive(record.guard))


def end_leftover(folder: Path) -> tuple[ProcessId, ...]:
    """Kills what still runs for a leftover, runs its farewells, then removes it.

    Where a farewell fails, the folder stays, and is a leftover still.

    Returns:
        What was killed.
    """
    ended: set[ProcessId] = set()
    deadline = Deadline(_END_S)
    while (found := _running(folder)) and not deadline.passed:
        _kill(found, deadline)
        ended.update(found)
    if not say_farewells(folder):
        shutil.rmtree(folder, ignore_errors=True)
    return tuple(sorted(ended))


def _kill(found: tuple[ProcessId, ...], deadline: Deadline) -> None:
    """Kills processes and waits until all threads of each are gone, and its ports with them."""
    handles: list[int] = []
    for process in found:
        with suppress(ProcessLookupError):
            handles.append(os.pidfd_open(process.pid))
            if is_alive(process):  # else the number was used again in between
                signal.pidfd_send_signal(handles[-1], signal.SIGKILL)
            else:
                os.close(handles.pop())
    for handle in handles:
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        ended.poll(deadline.remaining * 1000)
        os.close(handle)


def _running(folder: Path) -> tuple[ProcessId, ...]:
    record = read_record(folder)
    known = record.processes if record is not None else ()
    found = {process for process in known if is_alive(process) and _is_visible(process)}
    mark = f"{STATE_VARIABLE}={folder}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                process = identify(int(entry.name))
                found |= {process} if process is not None else set()
    return tuple(found)


def _is_visible(process: ProcessId) -> bool:
    own = identify(os.getpid())
    return own is not None and process.namespace == own.namespace


def _read(path: Path, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None
