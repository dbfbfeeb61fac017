"""Does it become slower, or fail more, the longer it runs? From the arrivals of each cycle.

The same robust trends as of plateaus, and the same three answers. What matters is a rise over the
whole soak by so much of what it was: the median of all cycles.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.load.join import NEVER, Fate
from harness.analysis.load.percentiles import nearest_rank
from harness.analysis.load.phases import rows_by_phase
from harness.analysis.load.result import stamped
from harness.analysis.soak.leaks import Plateaus, judge_soak
from harness.model.digits import digits
from harness.model.load import Operation
from harness.model.soakresult import CycleLoad, LeakVerdict, SoakSignal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.analysis.load.phases import Stamped
    from harness.evidence.reader import Evidence
    from harness.model.load import LoadPhase

__all__ = ["FAILURES", "LATENCIES", "THROUGHPUT", "cycle_loads", "drifts"]

LATENCIES = ("latency p50", "latency p99")
THROUGHPUT = "throughput"
FAILURES = "failures"

_S, _MS = 1e9, 1e6
_NAME = re.compile(r"cycle-(\d+)-(create|change|delete)")
_HALF, _MOST = 0.5, 0.99
_P50_SHARE, _P50_MS = 0.1, 1.0
_P99_SHARE, _P99_MS = 0.25, 5.0
_PER_S_SHARE = 0.1
_FAILURES = 0.01
_RESOLUTION_MS = 0.001


def cycle_loads(evidence: Evidence) -> tuple[CycleLoad, ...]:
    """Returns what became of the arrivals of each cycle that is over, in order.

    Raises:
        EvidenceError: The stamps can't be read.
    """
    cycles: dict[int, dict[str, LoadPhase]] = {}
    for phase in evidence.load_phases():
        found = _NAME.fullmatch(phase.name)
        if found and not phase.note:
            cycles.setdefault(int(found[1]), {})[found[2]] = phase
    whole = {number: parts for number, parts in cycles.items() if "delete" in parts}
    if not whole:
        return ()
    read = stamped(evidence.run)
    rows = rows_by_phase(read.arrivals, [p for parts in whole.values() for p in parts.values()])
    start_ns = evidence.manifest.started.mono_ns
    return tuple(
        _load(read, rows, number, whole[number], start_ns=start_ns) for number in sorted(whole)
    )


def drifts(loads: Sequence[CycleLoad]) -> tuple[SoakSignal, ...]:
    """Returns what drifts, what doesn't by more than is said, and what stays open.

    Args:
        loads: Of all cycles that are over.
    """
    usable = [item for item in loads if item.p50_ms is not None and item.p99_ms is not None]
    if not usable:
        return ()
    p50 = [item.p50_ms or 0.0 for item in usable]
    p99 = [item.p99_ms or 0.0 for item in usable]
    per_s = [item.per_s for item in usable]
    failed = [item.failures / max(item.arrivals, 1) for item in usable]
    judged = judge_soak(
        [
            _series(LATENCIES[0], "ms", p50, max(_P50_SHARE * _median(p50), _P50_MS)),
            _series(LATENCIES[1], "ms", p99, max(_P99_SHARE * _median(p99), _P99_MS)),
            # A fall is what is looked for, and a rise is what is tested.
            _series(THROUGHPUT, "/s", [-x for x in per_s], _PER_S_SHARE * _median(per_s)),
            _series(FAILURES, "1", failed, _FAILURES),
        ]
    ).signals
    upright = (_turned(item) if item.name == THROUGHPUT else item for item in judged)
    return tuple(msgspec.structs.replace(item, sentence=_sentence(item)) for item in upright)


def _load(
    read: Stamped,
    rows: dict[int, NDArray[np.int64]],
    number: int,
    parts: dict[str, LoadPhase],
    *,
    start_ns: int,
) -> CycleLoad:
    """The creates and updates of a cycle; what was done only with the deletion wasn't done."""
    delete = parts["delete"].span.start.mono_ns
    arrivals, joined = read.arrivals, read.joined
    latencies, count, errors, missed, busy_s = [], 0, 0, 0, 0.0
    for kind in ("create", "change"):
        if kind not in parts:
            continue
        chosen = rows[parts[kind].index]
        wanted = np.isin(arrivals.operation[chosen], (Operation.CREATE, Operation.UPDATE))
        chosen = chosen[wanted & ~joined.unchanged[chosen]]
        fate, done = joined.fate[chosen], joined.done_ns[chosen]
        good = (fate == Fate.DONE) & (done < min(delete, NEVER))
        count += len(chosen)
        errors += int((fate == Fate.ERROR).sum())
        missed += int((~good & (fate <= Fate.IN_FLIGHT)).sum())
        latencies.append((done - arrivals.intended_ns[chosen])[good])
        if good.any():
            begin = parts[kind].span.start.mono_ns
            busy_s += max(int(done[good].max()) - begin, 0) / _S
    sorted_ns = np.sort(np.concatenate(latencies)) if latencies else np.zeros(0, np.int64)
    known = len(sorted_ns) > 0
    return CycleLoad(
        cycle=number,
        end_s=(delete - start_ns) / _S,
        arrivals=count,
        errors=errors,
        unconverged=missed,
        p50_ms=_at(sorted_ns, _HALF) if known else None,
        p99_ms=_at(sorted_ns, _MOST) if known else None,
        per_s=len(sorted_ns) / busy_s if busy_s else 0.0,
    )


def _at(sorted_ns: NDArray[np.int64], share: float) -> float:
    return float(sorted_ns[nearest_rank(share, len(sorted_ns))]) / _MS


def _series(name: str, unit: str, values: Sequence[float], matters: float) -> Plateaus:
    resolution = _RESOLUTION_MS if unit == "ms" else 0.0
    return Plateaus(
        name=name, unit=unit, values=tuple(values), matters=matters, resolution=resolution
    )


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))


def _turned(signal: SoakSignal) -> SoakSignal:
    """Returns a signal of negative values as what it was before."""
    return msgspec.structs.replace(
        signal,
        values=tuple(-value for value in signal.values),
        slope=-signal.slope,
        low=-signal.high,
        high=-signal.low,
        growth=-signal.growth,
    )


def _sentence(signal: SoakSignal) -> str:
    steps = len(signal.values) - signal.warm_up
    way, change = ("fall", "fell") if signal.name == THROUGHPUT else ("rise", "rose")
    if signal.detectable is None:
        return f"{signal.name} stays open: {len(signal.values)} cycles are too few"
    least = f"a {way} by {_amount(signal.detectable, signal.unit)} over {steps} cycles"
    if signal.verdict is LeakVerdict.LEAK:
        return (
            f"{signal.name} drifts: it {change} by {_amount(abs(signal.growth), signal.unit)} over "
            f"{steps} cycles (p {signal.adjusted_p:.2g} after correction; {least} would have shown)"
        )
    if signal.verdict is LeakVerdict.NO_LEAK:
        return f"{signal.name} doesn't drift more than that: {least} would have shown"
    return (
        f"{signal.name} stays open: {least} would have shown, and "
        f"{_amount(signal.matters, signal.unit)} matter"
    )


def _amount(value: float, unit: str) -> str:
    if unit == "1":
        return f"{value:.2%}"
    return f"{digits(value)} {unit}" if unit == "ms" else f"{digits(value)}{unit}"
