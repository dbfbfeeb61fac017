"""What a worker that died leaves open: each of its arrivals that was due gets a row, once."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from harness.evidence.columns import ColumnWriter, read_columns
from harness.model.load import ARRIVAL_COLUMNS, ArrivalProcess, ArrivalStatus
from harness.stimulus.load.schedule import draw_operations, offsets

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.load import LoadPlan
    from harness.stimulus.load.protocol import PhaseOrder

__all__ = ["write_losses"]


def write_losses(
    file: Path, order: PhaseOrder, plan: LoadPlan, *, worker: int, start_ns: int, until_ns: int
) -> int:
    """Adds the rows that a dead worker owes; returns how many.

    Whether such an arrival was sent isn't known: nothing else can be said than that it's lost.

    Args:
        file: Of the worker's arrivals; it may be missing.
        order: The phase in which it died.
        plan: Of the load.
        worker: Its number.
        start_ns: First instant of the phase.
        until_ns: What was due later never arrived.
    """
    schedule = order.schedule
    if schedule.process is ArrivalProcess.BURST and not schedule.count:
        return 0  # one on each object that was there; which those were, only the worker knew
    due = offsets(schedule, seed=plan.seed, phase=order.draw)
    operations = draw_operations(order.mix, len(due), seed=plan.seed, phase=order.draw)
    ended = set(read_columns(file)["arrival"]) if file.exists() else set()
    rows: array[int] = array("q")
    for at in range(worker, len(due), plan.workers):
        arrival, intended = order.first_arrival + at, start_ns + int(due[at])
        if arrival in ended or intended > until_ns:
            continue
        lost = int(ArrivalStatus.LOST)
        operation = int(operations[at])
        rows.extend((arrival, order.index, operation, -1, intended, 0, until_ns, lost, 0, 0))
    writer = ColumnWriter(file, ARRIVAL_COLUMNS)
    writer.extend(rows)
    writer.close()
    return len(rows) // len(ARRIVAL_COLUMNS)
