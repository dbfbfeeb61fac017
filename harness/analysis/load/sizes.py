"""How figures grow from size to size: what was measured at each, and the fits through it.

At each size the same updates arrived at the same rate (`harness.model.growth`). Where arrivals were
dropped, or the operator didn't keep up, the latency is of the phase's length, and says nothing; the
sentence tells which sizes were left out. A late generator does no harm: these latencies begin with
the watch event of the own write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.load.growth import growth, slope
from harness.analysis.writes import operator_calls
from harness.model.growth import Growing
from harness.model.loadresult import StepState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.evidence.calllog import CallShape
    from harness.evidence.reader import Evidence
    from harness.model.growth import Growth, GrowthSize, Slope
    from harness.model.load import LoadPhase
    from harness.model.loadresult import PhaseResult
    from harness.model.operatorfigures import OperatorFigures

__all__ = ["growths"]

_MS, _KIB, _MIB = 1e3, 1024.0, float(1 << 20)
_NS = 1e9
_NOT_ITS_WORK = frozenset(
    {
        "leases.coordination.k8s.io",
        "tokenreviews.authentication.k8s.io",
        "subjectaccessreviews.authorization.k8s.io",
    }
)
"""What it asks for however much work there is: leadership, and who scrapes its metrics."""

_Points = list[tuple[float, float]]


class _Size(msgspec.Struct, frozen=True):
    """One size with all that belongs to it."""

    size: GrowthSize
    phase: LoadPhase
    result: PhaseResult
    operator: tuple[OperatorFigures, ...]


def growths(
    evidence: Evidence,
    phases: Sequence[LoadPhase],
    results: Sequence[PhaseResult],
    figures: Sequence[OperatorFigures],
) -> tuple[tuple[Growth, ...], tuple[Slope, ...]]:
    """Returns how figures grow, and what each further object costs; nothing for other profiles.

    Args:
        evidence: Of the run.
        phases: All phases of the load.
        results: Of the same phases, in the same order.
        figures: What the operator says of itself.
    """
    by_name = {phase.name: (phase, result) for phase, result in zip(phases, results, strict=True)}
    every = [
        _Size(size, *by_name[size.phase], tuple(f for f in figures if f.phase == size.phase))
        for size in evidence.growth_sizes()
        if size.phase in by_name
    ]
    grown: list[Growth] = []
    each: list[Slope] = []
    for by in Growing:
        mine = [item for item in every if item.size.by is by]
        # Where none of the unrelated objects is there yet is where custom resources ended.
        before = [item for item in every if item.size.by is not by][-1:]
        base = before if by is Growing.UNRELATED and mine else []
        for figure, unit, points in _figures(evidence, mine):
            found = growth(points, figure=figure, unit=unit, by=by)
            if found is not None:
                grown.append(_remarked(found, mine))
        for figure in ("memory", "live heap"):
            pairs = [
                (_count(item, by), item.size.values[figure] / _KIB)
                for item in (*base, *mine)
                if figure in item.size.values
            ]
            cost = slope(pairs, figure=figure, unit="KiB", by=by)
            if cost is not None:
                each.append(cost)
    return tuple(grown), tuple(each)


def _count(item: _Size, by: Growing) -> float:
    return float(item.size.unrelated if by is Growing.UNRELATED else item.size.objects)


def _figures(evidence: Evidence, mine: Sequence[_Size]) -> Iterator[tuple[str, str, _Points]]:
    """Yields name, unit and points of each figure."""
    for q, name in ((0.5, "reconcile p50"), (0.99, "reconcile p99")):
        yield name, "ms", [(n, ms) for n, item in _by(mine) if (ms := _latency(item, q))]
    updates = [(n, item, item.result.arrived.done) for n, item in _by(mine)]
    yield (
        "CPU of an update",
        "ms",
        [
            (n, cpu * _MS / done)
            for n, item, done in updates
            if done and (cpu := _cpu_s(evidence, item)) is not None
        ],
    )
    for name in ("memory", "live heap"):
        values = [(n, item.size.values.get(name)) for n, item in _by(mine)]
        yield name, "MiB", [(n, value / _MIB) for n, value in values if value is not None]
    yield (
        "API calls of an update",
        "1",
        [
            (n, calls / done)
            for n, item, done in updates
            if done and (calls := _calls(evidence, item)) is not None
        ],
    )
    yield (
        "reconciles of an update",
        "1",
        [
            (n, count / done)
            for n, item, done in updates
            if done and (count := _reconciles(item)) is not None
        ],
    )


def _by(mine: Sequence[_Size]) -> list[tuple[float, _Size]]:
    return [(float(item.size.count), item) for item in mine]


def _latency(item: _Size, q: float) -> float | None:
    found = item.result.latency("reconcile")
    percentile = found.at(q) if found and not _is_overloaded(item) else None
    return percentile.ms if percentile else None


def _cpu_s(evidence: Evidence, item: _Size) -> float | None:
    """CPU time of the operator's processes in the phase, interpolated at its bounds."""
    installation = evidence.installation
    names = tuple(w.process for w in installation.workloads if w.process) if installation else ()
    start, end = item.phase.span.start.mono_ns, item.phase.span.end.mono_ns
    total = None
    for name in evidence.column_names():
        process = name.removeprefix("process-")
        columns = evidence.columns(name)
        if columns is None or process == name or not process.startswith(names) or not names:
            continue
        at, used = np.asarray(columns["mono_ns"]), np.asarray(columns["cpu_ns"])
        if len(at) < 2 or at[0] > start or at[-1] < end:  # noqa: PLR2004 - a line has two ends
            continue
        first, last = np.interp((start, end), at, used)
        if last >= first:  # else it was restarted
            total = (total or 0.0) + float(last - first) / _NS
    if total is not None:
        return total
    told = [figure.cpu_cores for figure in item.operator if figure.cpu_cores is not None]
    return sum(told) * (end - start) / _NS if told else None


def _calls(evidence: Evidence, item: _Size) -> float | None:
    """API calls from the phase's begin to the rest after it: by the audit log, else by metrics."""
    asked = operator_calls(evidence).where(_is_work)
    if len(asked):
        span = (item.phase.span.start.wall_ns, item.size.rest.wall_ns)
        return float(len(asked.between(*span)))
    told = [figure.api_calls for figure in item.operator if figure.api_calls is not None]
    return float(sum(told)) if told else None


def _is_work(shape: CallShape) -> bool:
    return shape.verb != "watch" and bool(shape.resource) and shape.resource not in _NOT_ITS_WORK


def _reconciles(item: _Size) -> float | None:
    told = [
        queue.reconciles
        for figure in item.operator
        for queue in figure.queues
        if queue.reconciles is not None
    ]
    return float(sum(told)) if told else None


def _remarked(found: Growth, mine: Sequence[_Size]) -> Growth:
    behind = [f"{item.size.count:,}" for item in mine if _is_overloaded(item)]
    if not behind or not found.figure.startswith("reconcile p"):
        return found
    sentence = f"{found.sentence}; left out, since it didn't keep up: {', '.join(behind)}"
    return msgspec.structs.replace(found, sentence=sentence)


def _is_overloaded(item: _Size) -> bool:
    step = item.result.sustained
    behind = step is not None and step.state is StepState.FAILED
    return behind or item.result.arrived.dropped > 0
