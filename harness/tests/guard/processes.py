"""Watching processes that aren't our children."""

from __future__ import annotations

import os
import select
from contextlib import suppress

from harness.guard.descent import start_ticks

__all__ = ["await_end", "is_running"]


def await_end(pid: int, *, timeout: float = 10.0) -> bool:
    """Returns whether a process ends in time (or had ended)."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        return bool(ended.poll(int(timeout * 1000)))
    finally:
        os.close(handle)
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    return start_ticks(pid) is not None
