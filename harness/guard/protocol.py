"""What the guard and its clients say to each other: one JSON document a line, one reply each."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.guard.farewells import Farewell

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MAX_MESSAGE",
    "READY",
    "SOCKET_NAME",
    "Close",
    "Detach",
    "Forget",
    "List",
    "OnEnd",
    "Owns",
    "ProcessStatus",
    "Redact",
    "Reply",
    "Request",
    "Signal",
    "Spawn",
    "Stop",
    "Wait",
    "socket_address",
]

MAX_MESSAGE = 4 << 20
"""Bytes of the longest message; an argument list and an environment fit well."""

READY = b"ready\n"
"""What the guard writes to its starter when its socket answers."""

SOCKET_NAME = "guard.sock"

_SUN_PATH = 100  # bytes that surely fit a unix socket's address


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A process that the guard started.

    Attributes:
        exit_code: None while it runs; negative for a signal, as in `subprocess`.
        asked: Whether its end was asked for (stop, a killing signal, teardown).
        reason: "OOMKilled" where the kernel ended it at its memory limit; else empty.
    """

    name: str
    pid: int
    running: bool
    exit_code: int | None = None
    asked: bool = False
    reason: str = ""


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="op"):
    pass


class Spawn(_Message, frozen=True, kw_only=True, tag="spawn"):
    """Start a process.

    Attributes:
        name: By which it's called from now on.
        argv: Program and arguments.
        env: Its whole environment.
        cwd: Its working directory.
        log: File for what it prints.
        record: Whether its log is NDJSON, and its start and end are noted.
        oom_file: Where the kernel counts whom it ended at its control group's memory limit
            ("oom_kill N" is one of its lines); need not be there yet.
    """

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str | None = None
    log: str | None = None
    record: bool = False
    oom_file: str | None = None


class Signal(_Message, frozen=True, kw_only=True, tag="signal"):
    """Send a signal to a process and its group."""

    name: str
    signal: int


class Stop(_Message, frozen=True, kw_only=True, tag="stop"):
    """End a process: SIGTERM, then SIGKILL after `grace_s` seconds."""

    name: str
    grace_s: float


class Wait(_Message, frozen=True, kw_only=True, tag="wait"):
    """Answer when a process has ended, or after `timeout_s` seconds."""

    name: str
    timeout_s: float


class List(_Message, frozen=True, kw_only=True, tag="list"):
    """Tell of every process that was started, the newest of each name."""


class Redact(_Message, frozen=True, kw_only=True, tag="redact"):
    """Replace these values in captured logs from now on."""

    values: tuple[str, ...]


class Owns(_Message, frozen=True, kw_only=True, tag="owns"):
    """Remove this folder at the end."""

    path: str


class OnEnd(_Message, frozen=True, kw_only=True, tag="on_end"):
    """Run this command at the end, in place of one of the same name."""

    farewell: Farewell

    @property
    def name(self) -> str:
        """By which it's replaced or forgotten."""
        return self.farewell.name


class Forget(_Message, frozen=True, kw_only=True, tag="forget"):
    """Don't run that command at the end."""

    name: str


class Detach(_Message, frozen=True, kw_only=True, tag="detach"):
    """Outlive the starter."""


class Close(_Message, frozen=True, kw_only=True, tag="close"):
    """End everything; the connection closes when it's done."""


Request = Spawn | Signal | Stop | Wait | List | Redact | Owns | OnEnd | Forget | Detach | Close


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a request; `error` is empty where it was met."""

    error: str = ""
    hint: str = ""
    processes: tuple[ProcessStatus, ...] = ()


@contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """Yields an address for a unix socket of any length of path (the kernel takes 108 bytes)."""
    if len(os.fsencode(path)) <= _SUN_PATH:
        yield os.fspath(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
