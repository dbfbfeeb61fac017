"""Stage 4b: what a workload holds at rest: live heap, memory, goroutines, threads, descriptors."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.model.soak import Plateau
from harness.probes import pprof
from harness.probes.metrics import parse, scrape
from harness.probes.processes import COLUMNS, sample

if TYPE_CHECKING:
    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.model.installation import Workload
    from harness.model.records import MetricsPage

__all__ = ["connections", "reconciles", "take_plateau"]

_NS = 1_000_000_000
_OK = 200
_TURNS = 5
_PAUSE_S = 0.2
_RECONCILES = "controller_runtime_reconcile_total"
_OF_PROCESS = {
    "RSS": "rss_bytes",
    "PSS": "pss_bytes",
    "threads": "threads",
    "descriptors": "fds",
}


def take_plateau(
    run: RunFolder,
    workload: Workload,
    *,
    cycle: int,
    pid: int,
    token: str,
    clock: Clock,
    objects: int,
    gone: bool,
) -> Plateau:
    """Samples a workload, after a garbage collection where it serves pprof; keeps its profiles.

    Of some samples a second the lowest counts, since what comes and goes isn't held. The process is
    sampled before the profiles are asked for, which costs it memory.

    Args:
        run: Where the profiles go.
        workload: Which.
        cycle: From 0.
        pid: Of its process; 0 where it isn't one of this machine.
        token: Of a ServiceAccount that may read the metrics page.
        clock: Gives the stamp.
        objects: Created in this cycle, and deleted again.
        gone: Whether nothing is open.
    """
    stamp = clock.now()
    notes: list[str] = []
    values: dict[str, float] = {}
    cpu_s = 0.0
    row = sample(pid) if pid else None
    if row is None:
        notes.append("its process can't be read")
    else:
        named = dict(zip(COLUMNS[1:], row, strict=True))
        cpu_s = named["cpu_ns"] / _NS
        values |= _lowest(pid, clock)
    if workload.pprof_url:
        try:
            values |= _profiled(run, workload, cycle)
        except HarnessError as error:
            notes.append(str(error))
    return Plateau(
        cycle=cycle,
        workload=workload.name,
        stamp=stamp,
        pid=pid,
        values=values,
        cpu_s=cpu_s,
        reconciles=_reconciles(workload, token),
        objects=objects,
        gone=gone,
        notes=tuple(notes),
    )


def connections(pid: int) -> int | None:
    """Returns how many TCP connections a process has open; None where that can't be read."""
    import psutil  # noqa: PLC0415 - only where processes are sampled

    try:
        found = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return None
    return sum(connection.status == psutil.CONN_ESTABLISHED for connection in found)


def reconciles(page: MetricsPage) -> int | None:
    """Returns how many reconciles a metrics page has counted; None where it counts none."""
    if page.status != _OK:
        return None
    try:
        families = parse(page.body, page.content_type)
    except ValueError:
        return None
    counts = [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == _RECONCILES
    ]
    return round(sum(counts)) if counts else None


def _lowest(pid: int, clock: Clock) -> dict[str, float]:
    """Returns the lowest of some samples: what comes and goes (a probe's connection) isn't held."""
    lowest: dict[str, float] = {}
    for turn in range(_TURNS):
        if turn:
            clock.sleep(_PAUSE_S)
        row = sample(pid)
        if row is None:
            break
        named = dict(zip(COLUMNS[1:], row, strict=True))
        held: dict[str, int | None] = {name: named[of] for name, of in _OF_PROCESS.items()}
        held["connections"] = connections(pid)
        for name, value in held.items():
            if value is not None and value >= 0:
                lowest[name] = min(lowest.get(name, value), float(value))
    return lowest


def _profiled(run: RunFolder, workload: Workload, cycle: int) -> dict[str, float]:
    """Takes both profiles; a second collection empties what sync.Pool still held after the first.

    Raises:
        HarnessError: There is no profile.
    """
    pprof.heap_profile(workload.pprof_url)
    heap = pprof.heap_profile(workload.pprof_url)
    taken = [pprof.goroutine_profile(workload.pprof_url) for _ in range(_TURNS)]
    goroutines = min(taken, key=lambda text: pprof.goroutine_count(text) or 0)
    for kind, text in (("heap", heap), ("goroutine", goroutines)):
        run.profile_file(kind, workload.name, cycle).write_bytes(gzip.compress(text.encode()))
    found = {
        "live heap": pprof.live_heap(heap),
        "goroutines": pprof.goroutine_count(goroutines),
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def _reconciles(workload: Workload, token: str) -> int | None:
    if workload.metrics is None:
        return None
    page = scrape(workload.metrics.url, token=token, workload=workload.name)
    return reconciles(page)
