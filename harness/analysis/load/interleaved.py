"""Two builds that ran in turn in one run: their blocks, out of its evidence."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from harness.analysis.load.blocks import block
from harness.analysis.load.comparison import LEAST_PAIRS, compare, gated
from harness.analysis.load.stored import flattering, unfinished
from harness.model.comparison import BASE, HEAD, BlockRow, Comparison, block_of
from harness.model.load import PhaseRole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from harness.analysis.load.phases import Stamped
    from harness.model.comparison import Block, ComparisonPlan
    from harness.model.load import LoadPhase
    from harness.model.loadresult import PhaseResult
    from harness.model.operatorfigures import OperatorFigures

__all__ = ["block_rows", "compare_blocks"]

_MS = 1e3
_SPOILT = 0.2
"""Share of the pairs in which the load generator may have been the limit."""
_LAG_SHARE = 0.05
"""Of the median latency: what the generator's own median delay may be of it."""
_TAILS = ("p90", "p99")


def block_rows(
    stamped: Stamped,
    rows: Mapping[int, NDArray[np.int64]],
    *,
    phases: Sequence[LoadPhase],
    results: Sequence[PhaseResult],
    figures: Sequence[OperatorFigures],
) -> tuple[BlockRow, ...]:
    """Returns the blocks of both builds, in the order in which they ran.

    Args:
        stamped: All arrivals.
        rows: Of each phase, by its index.
        phases: All.
        results: Of the same phases, in the same order.
        figures: What the operator says of itself, by phase.
    """
    found = []
    for phase, result in zip(phases, results, strict=True):
        place = block_of(phase.name)
        if place is None or phase.role is not PhaseRole.MEASURE:
            continue
        step = stamped.step(stamped.converging(rows[phase.index]), phase)
        told = [item for item in figures if item.phase == phase.name]
        figured = block(step)
        found.append(
            BlockRow(
                side=place[0],
                number=place[1],
                arrivals=len(step.fate),
                unfinished=unfinished(step),
                limit=_limit(result),
                late=result.generator_limited,
                note=phase.note,
                figures=None if figured is None else _told(figured, told),
            )
        )
    return tuple(found)


def compare_blocks(plan: ComparisonPlan, rows: Sequence[BlockRow]) -> Comparison:
    """Compares the builds by the pairs of which both blocks are whole.

    A pair in which arrivals were dropped, or sent late at the median, is left out, whatever its
    latencies: there may be few such pairs, or the comparison is in doubt. If only the generator's
    tail was late, in both blocks of a pair alike, tails say more of the machine, and medians don't.

    Args:
        plan: Of the comparison.
        rows: All blocks.
    """
    whole: dict[str, dict[int, Block]] = defaultdict(dict)
    spoilt = {row.number: row.limit for row in rows if row.limit}
    for row in rows:
        if row.figures is not None and not row.note:
            whole[row.side][row.number] = row.figures
    paired = sorted(whole[BASE].keys() & whole[HEAD].keys())
    kept = [number for number in paired if number not in spoilt]
    lost = [_flattering(side, rows) for side in (BASE, HEAD)]
    doubts = [lost[0]] if lost[0] else []
    if len(paired) < plan.blocks:
        doubts.append(f"{len(paired)} of {plan.blocks} pairs of blocks were run to their end")
    if len(spoilt) > _SPOILT * plan.blocks:
        doubts.append(
            f"the load generator was the limit in {len(spoilt)} of {plan.blocks} pairs: "
            f"{next(iter(spoilt.values()))}"
        )
    late = {row.number: row.late for row in rows if row.late and row.number not in spoilt}
    tails = [name for name in plan.gates if name.endswith(_TAILS) and "reconcile" not in name]
    if tails and len(late) > _SPOILT * plan.blocks:
        doubts.append(
            f"{' and '.join(tails)} are gated, and the load generator was late in {len(late)} of "
            f"{plan.blocks} pairs: {next(iter(late.values()))}"
        )
    if len(kept) < LEAST_PAIRS:
        return _nothing(plan, len(kept), doubts)
    found = compare(
        *([whole[side][number] for number in kept] for side in (BASE, HEAD)),
        names=(plan.base, plan.head),
    )
    caveat = []
    if spoilt:
        caveat.append(f"{len(spoilt)} of {plan.blocks} pairs were left out: arrivals came late.")
    if late:
        caveat.append(
            f"In {len(late)} of {plan.blocks} pairs the load generator's tail was late: p90 and "
            "p99 of the total latency say more of the machine there."
        )
    doubted = msgspec.structs.replace(
        found, doubts=tuple(doubts), flattered=lost[1], caveat=" ".join(caveat)
    )
    return gated(doubted, plan.gates)


def _limit(result: PhaseResult) -> str:
    """Why a block's load wasn't what it should be; empty where it was."""
    if result.arrived.dropped:
        return f"{result.arrived.dropped} arrivals were dropped: no connection was free in time"
    lag, total = result.latency("send lag"), result.latency("total")
    late, median = (item.at(0.5) if item else None for item in (lag, total))
    if late is None or median is None or late.ms <= _LAG_SHARE * median.ms:
        return ""
    return (
        f"half of its arrivals were sent {late.ms:.3g} ms late or later, beside a median of "
        f"{median.ms:.3g} ms"
    )


def _told(found: Block, told: Sequence[OperatorFigures]) -> Block:
    """Adds what counters tell: CPU time and requests of all workloads, by all reconciles."""
    reconciles = sum(queue.reconciles or 0 for item in told for queue in item.queues)
    if not reconciles:
        return found
    seconds = [item.queues[0].seconds if item.queues else 0.0 for item in told]
    cpu = [item.cpu_cores for item in told]
    calls = [item.api_calls for item in told]
    used = sum((c or 0.0) * s for c, s in zip(cpu, seconds, strict=True)) * _MS / reconciles
    asked = sum(call or 0 for call in calls) / reconciles
    return msgspec.structs.replace(
        found,
        cpu_ms=used if None not in cpu and used > 0 else None,
        api_calls=asked if None not in calls and asked > 0 else None,
    )


def _flattering(side: str, rows: Sequence[BlockRow]) -> str:
    mine = [row for row in rows if row.side == side]
    return flattering(side, sum(row.unfinished for row in mine), sum(row.arrivals for row in mine))


def _nothing(plan: ComparisonPlan, pairs: int, doubts: Sequence[str]) -> Comparison:
    return Comparison(
        base=plan.base,
        head=plan.head,
        blocks=pairs,
        interleaved=True,
        method=f"{LEAST_PAIRS} pairs of blocks are needed for an interval",
        changes=(),
        doubts=tuple(doubts),
    )
