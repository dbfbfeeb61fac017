"""Stage 4b: how much of the machine's processors goes to anything but the run.

A backlog on a machine that is busy with other work says nothing about the operator. What runs with
the scheduling class SCHED_IDLE only gets what is left over, so it isn't counted as a disturbance.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.clock import Clock

__all__ = ["MachineUse", "parent_of"]

_PROC = Path("/proc")
_NS = 1_000_000_000
_IDLE_CLASS = 5  # SCHED_IDLE of sched.h
_BUSY = (1, 2, 3, 6, 7, 8)  # of the line "cpu": user, nice, system, irq, softirq, steal
_PARENT, _TIMES, _POLICY = 1, slice(11, 15), 38  # of stat, counted behind the name


class _Process(NamedTuple):
    parent: int
    ticks: int  # its own and those of its children that have ended
    yields: bool


def parent_of(pid: int) -> int:
    """Returns the pid of a process's parent.

    Raises:
        OSError: There is no such process, or the system doesn't tell.
    """
    return _read(_PROC / str(pid)).parent


def _read(folder: Path) -> _Process:
    data = (folder / "stat").read_bytes()
    rest = data[data.rindex(b")") + 1 :].split()
    yields = int(rest[_POLICY]) == _IDLE_CLASS
    return _Process(int(rest[_PARENT]), sum(map(int, rest[_TIMES])), yields)


class MachineUse:
    """Adds up processor time; each call of `row` should follow the last within seconds.

    Args:
        root: The run's first process; what descends from it is the run's own.
        clock: Gives the stamps.
        proc: Where the kernel tells of processes.
    """

    def __init__(self, root: int, clock: Clock, *, proc: Path = _PROC) -> None:
        self._root = root
        self._clock = clock
        self._proc = proc
        self._tick_ns = _NS // os.sysconf("SC_CLK_TCK")
        self._seen: dict[int, int] = {}
        self._yielding = 0

    def row(self) -> tuple[int, ...]:
        """Returns the values of `MACHINE_COLUMNS` now.

        Raises:
            OSError: The system doesn't tell.
        """
        at = self._clock.now().mono_ns
        lines = (self._proc / "stat").read_bytes().splitlines()
        fields = lines[0].split()
        busy = sum(int(fields[place]) for place in _BUSY)
        cores = sum(line.startswith(b"cpu") for line in lines) - 1
        every = dict(self._processes())
        own = self._descendants(every)
        others = {pid: one.ticks for pid, one in every.items() if one.yields and pid not in own}
        if self._seen:
            self._yielding += sum(
                max(ticks - self._seen.get(pid, 0), 0) for pid, ticks in others.items()
            )
        self._seen = others or {0: 0}
        mine = sum(every[pid].ticks for pid in own)
        return (
            at,
            cores,
            busy * self._tick_ns,
            mine * self._tick_ns,
            self._yielding * self._tick_ns,
        )

    def _processes(self) -> Iterator[tuple[int, _Process]]:
        for folder in self._proc.iterdir():
            if not folder.name.isdigit():
                continue
            with suppress(OSError):  # it has ended
                yield int(folder.name), _read(folder)

    def _descendants(self, every: dict[int, _Process]) -> set[int]:
        children: dict[int, list[int]] = {}
        for pid, one in every.items():
            children.setdefault(one.parent, []).append(pid)
        found, left = set[int](), [self._root] if self._root in every else []
        while left:
            pid = left.pop()
            found.add(pid)
            left += children.get(pid, ())
        return found
