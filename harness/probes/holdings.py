"""Stage 4b: what a workload's process holds at rest: resident set, and live heap by pprof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.probes import pprof
from harness.probes.processes import COLUMNS, sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.clock import Clock
    from harness.model.installation import Workload

__all__ = ["holdings"]

_TURNS = 5
_PAUSE_S = 0.2
_RSS = COLUMNS.index("rss_bytes") - 1  # `sample` leaves out the stamp


def holdings(
    workloads: Sequence[Workload], pids: Mapping[str, int], *, clock: Clock
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Returns bytes over all workloads, and notes on what could not be read.

    The heap is asked for first: its garbage collection lets the runtime give back what it can. Of
    some samples of the resident set within a second the lowest counts.

    Args:
        workloads: Of the operator.
        pids: By name of the process; without those that aren't of this machine.
        clock: Paces the samples.

    Returns:
        "memory" and "live heap"; each only where all workloads could be read.
    """
    parts: dict[str, list[float]] = {"memory": [], "live heap": []}
    notes: list[str] = []
    for workload in workloads:
        if workload.pprof_url:
            try:
                parts["live heap"].append(_live_heap(workload.pprof_url))
            except HarnessError as error:
                notes.append(str(error))
        resident = _resident(pids.get(workload.process, 0), clock)
        if resident is None:
            notes.append(f"the process of {workload.name} can't be read")
        else:
            parts["memory"].append(resident)
    values = {name: sum(of) for name, of in parts.items() if of and len(of) == len(workloads)}
    return values, tuple(notes)


def _live_heap(url: str) -> float:
    """Collects twice: what sync.Pool held after the first collection goes with the second.

    Raises:
        HarnessError: There is no profile, or it doesn't tell.
    """
    pprof.heap_profile(url)
    found = pprof.live_heap(pprof.heap_profile(url))
    if found is None:
        raise HarnessError(f"The heap profile of {url} doesn't tell what is live.")
    return float(found)


def _resident(pid: int, clock: Clock) -> float | None:
    found: list[int] = []
    for turn in range(_TURNS if pid else 0):
        if turn:
            clock.sleep(_PAUSE_S)
        row = sample(pid)
        if row is not None:
            found.append(row[_RSS])
    return float(min(found)) if found else None
