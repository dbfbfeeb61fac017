"""Stage 4b: what a workload holds at rest: live heap, memory, goroutines, threads, descriptors."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, TypeVar

import msgspec

from harness.errors import HarnessError
from harness.evidence.dialects import translated
from harness.model.soak import Plateau
from harness.probes import pprof
from harness.probes.descriptors import is_connection, opened
from harness.probes.malloc import read_heap
from harness.probes.metrics import parse, scrape
from harness.probes.processes import COLUMNS, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.model.installation import Workload
    from harness.model.records import MetricsPage
    from harness.probes.kubelet import Usage

__all__ = ["Gauges", "read_gauges", "take_plateau"]

_Seen = TypeVar("_Seen")

_NS = 1_000_000_000
_OK = 200
_TURNS = 4
_PAUSE_S = 0.2
_RECONCILES = "controller_runtime_reconcile_total"
_HELD = {
    "queue depth": "workqueue_depth",
    "unfinished work": "workqueue_unfinished_work_seconds",
}
_MEMORY = {"RSS": "rss_bytes", "PSS": "pss_bytes"}
_HEAP_TURNS = 2
_COUNTS = {"threads": "threads", "descriptors": "fds"}


class Gauges(msgspec.Struct, frozen=True, kw_only=True):
    """What a metrics page says of an operator at rest.

    Attributes:
        reconciles: So far; None where the page counts none.
        values: By signal, as of `Plateau`.
    """

    reconciles: int | None = None
    values: dict[str, float] = {}


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
    container: Usage | None = None,
) -> Plateau:
    """Samples a workload, after a garbage collection where it serves pprof; keeps its profiles.

    Of some samples a second the lowest counts, since what comes and goes isn't held. Memory is
    sampled before the profiles are asked for, which cost some; threads and descriptors after that:
    what only garbage holds (Go's pools, files that a finalizer closes) goes by the collection, and
    isn't held either.

    Args:
        run: Where the profiles go.
        workload: Which.
        cycle: From 0.
        pid: Of its process; 0 where it isn't one of this machine.
        token: Of a ServiceAccount that may read the metrics page.
        clock: Gives the stamp.
        objects: Created in this cycle, and deleted again.
        gone: Whether nothing is open.
        container: What its kubelet says, where it runs in a Pod; what it doesn't is -1.
    """
    stamp = clock.now()
    notes: list[str] = []
    values: dict[str, float] = {}
    cpu_s = 0.0
    row = _process(pid) if pid else None
    if container is not None:
        cpu_s = container.cpu_ns / _NS
        if container.working_set_bytes >= 0:
            values["working set"] = float(container.working_set_bytes)
        else:
            notes.append("its kubelet measured nothing in time")
    elif row is None:
        notes.append("its process can't be read")
    else:
        cpu_s = row["cpu_ns"] / _NS
        values |= _lowest(_turns(lambda: _memory(pid), clock))
        values |= _lowest(_turns(lambda: _in_use(pid), clock, turns=_HEAP_TURNS))
    gauges = _gauges(workload, token, clock)
    values |= gauges.values
    if workload.pprof_url:
        try:
            values |= _profiled(run, workload, cycle)
        except HarnessError as error:
            notes.append(str(error))
    leads_to: dict[str, int] = {}
    if row is not None:
        values |= _lowest(_turns(lambda: _counts(pid), clock))
        leads_to = min(_turns(lambda: opened(pid), clock), key=lambda found: sum(found.values()))
        if leads_to:
            values |= {
                "descriptors": float(sum(leads_to.values())),
                "connections": float(sum(n for of, n in leads_to.items() if is_connection(of))),
            }
    return Plateau(
        cycle=cycle,
        workload=workload.name,
        stamp=stamp,
        pid=pid or (container.started_s if container is not None else 0),
        values=values,
        cpu_s=cpu_s,
        reconciles=gauges.reconciles,
        objects=objects,
        gone=gone,
        notes=tuple(notes),
        leads_to=leads_to,
    )


def read_gauges(page: MetricsPage) -> Gauges:
    """Returns what a page of controller-runtime's metrics says; nothing where it isn't one."""
    if page.status != _OK:
        return Gauges()
    try:
        families = parse(page.body, page.content_type)
    except ValueError:
        return Gauges()
    sums: dict[str, float] = {}
    for family in families:
        for one in family.samples:
            if one.name == _RECONCILES or one.name in _HELD.values():
                sums[one.name] = sums.get(one.name, 0.0) + one.value
    counted = sums.get(_RECONCILES)
    return Gauges(
        reconciles=None if counted is None else round(counted),
        values={name: sums[family] for name, family in _HELD.items() if family in sums},
    )


def _gauges(workload: Workload, token: str, clock: Clock) -> Gauges:
    """Of some pages the lowest; of an operator that works off something late, the last count."""
    metrics = workload.metrics
    if metrics is None:
        return Gauges()
    found = [
        read_gauges(translated(scrape(metrics.url, token=token, workload=workload.name), metrics))
        for _ in _turns(lambda: None, clock, turns=2)
    ]
    return Gauges(
        reconciles=found[-1].reconciles, values=_lowest(gauges.values for gauges in found)
    )


def _turns(look: Callable[[], _Seen], clock: Clock, *, turns: int = _TURNS) -> Iterator[_Seen]:
    for turn in range(turns):
        if turn:
            clock.sleep(_PAUSE_S)
        yield look()


def _lowest(found: Iterable[dict[str, float]]) -> dict[str, float]:
    """Returns the lowest of each: what comes and goes (a probe's connection) isn't held."""
    lowest: dict[str, float] = {}
    for values in found:
        for name, value in values.items():
            lowest[name] = min(lowest.get(name, value), value)
    return lowest


def _process(pid: int) -> dict[str, int] | None:
    row = sample(pid)
    return None if row is None else dict(zip(COLUMNS[1:], row, strict=True))


def _memory(pid: int) -> dict[str, float]:
    row = _process(pid) or {}
    return {name: float(row[of]) for name, of in _MEMORY.items() if row.get(of, -1) >= 0}


def _in_use(pid: int) -> dict[str, float]:
    """Resident memory without what the process's C library keeps free; nothing if that isn't told.

    What a child's keeps counts as used.
    """
    heap, resident = read_heap(pid), _memory(pid).get("RSS")
    if heap is None or resident is None:
        return {}
    return {"memory in use": resident - heap.resident + heap.used}


def _counts(pid: int) -> dict[str, float]:
    """Threads and descriptors, in which a child counts like its parent."""
    row = _process(pid) or {}
    return {name: float(row[of]) for name, of in _COUNTS.items() if row.get(of, -1) >= 0}


def _profiled(run: RunFolder, workload: Workload, cycle: int) -> dict[str, float]:
    """Takes both profiles; a second collection empties what sync.Pool still held after the first.

    Of some heap profiles the lowest counts: what a scrape allocates between a collection and its
    profile, a MiB for the compressor alone, is garbage.

    Raises:
        HarnessError: There is no profile.
    """
    pprof.heap_profile(workload.pprof_url)
    heaps = [pprof.heap_profile(workload.pprof_url) for _ in range(_TURNS)]
    heap = min(heaps, key=lambda text: pprof.live_heap(text) or 0)
    taken = [pprof.goroutine_profile(workload.pprof_url) for _ in range(_TURNS)]
    goroutines = min(taken, key=lambda text: pprof.goroutine_count(text) or 0)
    for kind, text in (("heap", heap), ("goroutine", goroutines)):
        run.profile_file(kind, workload.name, cycle).write_bytes(gzip.compress(text.encode()))
    found = {
        "live heap": pprof.live_heap(heap),
        "goroutines": pprof.goroutine_count(goroutines),
    }
    return {name: float(value) for name, value in found.items() if value is not None}
