"""Stage 4b: CPU, memory, threads and descriptors of processes, once a second."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.errors import EvidenceError
from harness.evidence.columns import ColumnWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import psutil

    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.probes.notes import Notes

__all__ = ["COLUMNS", "ProcessSampler", "sample"]

COLUMNS = (
    "mono_ns",
    "cpu_ns",
    "rss_bytes",
    "threads",
    "fds",
    "pid",
    "cpu_user_ns",
    "cpu_system_ns",
    "pss_bytes",
    "processes",
    "run_delay_ns",
)
"""Sums over a process and its children; -1 where the system doesn't tell. `pid` is the parent's:
a restarted process has a new one, and its CPU time begins again. `run_delay_ns` is for how long
its threads were ready to run and had no processor (schedstat of the kernel)."""

_UNKNOWN = -1
_NS = 1_000_000_000
_JOIN_S = 5.0


class ProcessSampler:
    """Writes a row a period for each process to evidence/samples/<kind>-<name>.i64.

    Args:
        run: The run folder.
        processes: Returns the pids that are there now, by name; asked each period.
        notes: Where what can't be sampled is told, each reason once.
        clock: Gives the stamps.
        period_s: In seconds.
        kind: First part of the files' names; `process` is the operator's.
        alone: Leaves out the children, and the proportional memory, whose sum holds up the
            process: for what is only looked at beside the operator.
    """

    def __init__(
        self,
        *,
        run: RunFolder,
        processes: Callable[[], Mapping[str, int]],
        notes: Notes,
        clock: Clock,
        period_s: float = 1.0,
        kind: str = "process",
        alone: bool = False,
    ) -> None:
        self._run_folder = run
        self._processes = processes
        self._notes = notes
        self._clock = clock
        self._kind = kind
        self._alone = alone
        self._period_ns = int(period_s * _NS)
        self._writers: dict[str, ColumnWriter] = {}
        self._told: set[str] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{kind}-samples", daemon=True)

    def start(self) -> None:
        """Takes the first samples at once and then one a period."""
        self._thread.start()

    def stop(self) -> None:
        """Takes the last samples and closes the files; a second call does nothing."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)
        for writer in self._writers.values():
            writer.close()

    def _run(self) -> None:
        due = self._clock.now().mono_ns
        while True:
            self._sample_all()
            if self._stopped.is_set():
                return
            now = self._clock.now().mono_ns
            due += self._period_ns * max(1, -(-(now - due) // self._period_ns))
            self._stopped.wait((due - now) / _NS)

    def _sample_all(self) -> None:
        try:
            present = dict(self._processes())
        except Exception as error:  # noqa: BLE001 - a probe never ends the run
            self._tell("processes", error)
            return
        for name, pid in present.items():
            try:
                self._sample(name, pid)
            except Exception as error:  # noqa: BLE001 - a probe never ends the run
                self._tell(name, error)

    def _sample(self, name: str, pid: int) -> None:
        mono_ns = self._clock.now().mono_ns
        row = sample(pid, alone=self._alone)
        if row is None:
            return  # it ended; the guard tells when and how
        if name not in self._writers:
            path = self._run_folder.samples / f"{self._kind}-{name.replace('/', '-')}.i64"
            self._writers[name] = ColumnWriter(path, COLUMNS)
        self._writers[name].append(mono_ns, *row)

    def _tell(self, name: str, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        if f"{name} {reason}" in self._told:
            return
        self._told.add(f"{name} {reason}")
        now = self._clock.now()
        with suppress(EvidenceError):  # a full disk is told by those who can still tell
            self._notes.gap(f"samples/{self._kind}-{name}", reason, start=now, end=now)


def sample(pid: int, *, alone: bool = False) -> tuple[int, ...] | None:
    """Measures a process and its children now.

    Args:
        pid: The process.
        alone: Without its children, and without the proportional memory.

    Returns:
        The values of `COLUMNS` after the first; None where there is no such process.
    """
    import psutil  # noqa: PLC0415 - only where processes are sampled

    try:
        parent = psutil.Process(pid)
        if parent.status() == psutil.STATUS_ZOMBIE:
            return None
        members = [parent] if alone else [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return None
    rows = [row for member in members if (row := _one(member, alone=alone)) is not None]
    if not rows:
        return None
    summed = (_total(values) for values in zip(*rows, strict=True))
    user, system, rss, pss, threads, fds, delay = summed
    return (user + system, rss, threads, fds, pid, user, system, pss, len(rows), delay)


def _total(values: tuple[int, ...]) -> int:
    return _UNKNOWN if _UNKNOWN in values else sum(values)


def _one(process: psutil.Process, *, alone: bool) -> tuple[int, ...] | None:
    """Returns user ns, system ns, rss, pss, threads, descriptors and run delay of one process."""
    import psutil  # noqa: PLC0415 - loaded already

    try:
        with process.oneshot():
            times = process.cpu_times()
            # Children that ended and were waited for count on, so that sums never fall.
            user = int((times.user + (0.0 if alone else times.children_user)) * _NS)
            system = int((times.system + (0.0 if alone else times.children_system)) * _NS)
            if process.status() == psutil.STATUS_ZOMBIE:
                return user, system, 0, 0, 0, 0, 0  # not waited for yet, but holds nothing any more
            rss = process.memory_info().rss
            threads = process.num_threads()
        pss = _UNKNOWN if alone else _pss(process.pid)
        delay = _UNKNOWN if alone else _run_delay(process.pid)
        return user, system, rss, pss, threads, _descriptors(process), delay
    except (psutil.NoSuchProcess, ProcessLookupError):
        return None


def _descriptors(process: psutil.Process) -> int:
    import psutil  # noqa: PLC0415 - loaded already

    try:
        return int(process.num_fds())
    except psutil.AccessDenied:
        return _UNKNOWN


def _run_delay(pid: int) -> int:
    """For how long the threads of a process have waited for a processor so far, in ns.

    What a thread that ended had waited is gone from the sum. Source: the second number in
    /proc/PID/task/TID/schedstat (the kernel's Documentation/scheduler/sched-stats.rst).
    """
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - no Path a second
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                file = f"/proc/{pid}/task/{thread}/schedstat"
                with open(file, "rb") as numbers:  # noqa: PTH123 - the same
                    total += int(numbers.read().split()[1])
    except (OSError, IndexError, ValueError):
        return _UNKNOWN
    return total


def _pss(pid: int) -> int:
    """Proportional memory in bytes: shared pages count by share.

    Raises:
        ProcessLookupError: The process has ended.
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as lines:  # noqa: PTH123 - no Path a second
            for line in lines:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except ProcessLookupError:
        raise
    except OSError:
        return _UNKNOWN
    return _UNKNOWN
