"""Gathers from a run's evidence what tells the cause of a bottleneck."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.load.attribution import Signs, drain_rates, throttled_ms
from harness.analysis.load.exposition import Page
from harness.analysis.load.identities import operator_figures
from harness.analysis.load.join import NEVER, Fate
from harness.model.load import PhaseRole
from harness.model.loadresult import StepState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.analysis.load.attribution import Drain
    from harness.analysis.load.phases import Stamped
    from harness.evidence.reader import Evidence
    from harness.model.load import LoadPhase
    from harness.model.loadresult import OperatorFigures, PhaseResult

__all__ = ["figures_by_phase", "gather"]

_S = 1_000_000_000
_REST_NS = 2 * _S
_NEAR_NS = 3 * _S  # a scrape that is farther from a phase's bound is another's
_CORES = re.compile(r"(\d+) of \d+ logical")


def figures_by_phase(evidence: Evidence, phases: Sequence[LoadPhase]) -> list[OperatorFigures]:
    """Returns what the operator's counters say of each phase that has a scrape at both bounds."""
    by_workload: dict[str, list[Page]] = {}
    for page in evidence.metrics_pages():
        by_workload.setdefault(page.workload, []).append(Page(page))
    found = []
    for phase in phases:
        start, end = phase.span.start.mono_ns, phase.span.end.mono_ns
        latest = _rest_until(phase, phases)
        for workload, pages in by_workload.items():
            before = [p for p in pages if start - _NEAR_NS <= p.mono_ns <= start]
            after = [p for p in pages if max(start + 1, end - _S // 2) <= p.mono_ns]
            if before and after:
                last = next((p for p in reversed(after) if p.mono_ns <= latest), after[0])
                found.append(
                    operator_figures(before[-1], last, phase=phase.name, workload=workload)
                )
    return found


def _rest_until(phase: LoadPhase, phases: Sequence[LoadPhase]) -> int:
    """Returns until when a page is the phase's own: at rest, if the operator comes to it soon.

    What drains for longer would make means over another time than the phase's.
    """
    end = phase.span.end.mono_ns
    later = (p.span.start.mono_ns for p in phases if p.arrivals and p.index > phase.index)
    return min((end + _REST_NS, *later))


def gather(
    evidence: Evidence,
    stamped: Stamped,
    rows: Mapping[int, NDArray[np.int64]],
    *,
    phases: Sequence[LoadPhase],
    results: Sequence[PhaseResult],
    figures: Sequence[OperatorFigures],
) -> Signs:
    """Returns the signs.

    Args:
        evidence: Of the run.
        stamped: All arrivals.
        rows: Of each phase, by its index.
        phases: All.
        results: Of the same phases, in the same order.
        figures: What the operator says of itself.
    """
    failed = [r for r in results if r.sustained and r.sustained.state is StepState.FAILED]
    stuck = [r for r in results if r.sustained and r.sustained.state is StepState.GENERATOR_LIMITED]
    held = [r for r in results if r.sustained and r.sustained.state is StepState.SUSTAINED]
    lowest = min(failed or stuck, key=lambda r: r.rate_per_s or 0.0, default=None)
    loaded = {r.name for r in failed}
    spans = [(p.span.start.mono_ns, p.span.end.mono_ns) for p in phases if p.name in loaded]
    lines, longest = _throttled(evidence, spans)
    signs = Signs(
        overloaded=bool(failed),
        generator="" if failed or not stuck or not lowest else _reason(lowest),
        throttled_lines=lines,
        throttled_ms=longest,
        drain=_drain(stamped, rows, phases, loaded),
        host_cores=_host_cores(evidence),
        total_ms=_median(held[-1], "total") if held else None,
        api_write_at_rest_ms=next(
            (_median(r, "API write") for r in results if r.role == PhaseRole.WARM_UP), None
        ),
    )
    if lowest is None:
        return signs
    mine = tuple(item for item in figures if item.phase == lowest.name)
    phase = next(p for p in phases if p.index == lowest.index)
    webhooks = [item.webhook_ms for item in mine if item.webhook_ms is not None]
    return msgspec.structs.replace(
        signs,
        operator=mine,
        cores=_cores(evidence, phase),
        api_write_ms=_median(lowest, "API write"),
        webhook_ms=max(webhooks, default=None),
    )


def _reason(result: PhaseResult) -> str:
    return "; ".join(result.sustained.reasons) if result.sustained else ""


def _median(result: PhaseResult, name: str) -> float | None:
    latency = result.latency(name)
    found = latency.at(0.5) if latency else None
    return found.ms if found else None


def _throttled(evidence: Evidence, spans: Sequence[tuple[int, int]]) -> tuple[int, float]:
    """Counts the lines that tell of client-side throttling while the operator was overloaded."""
    waits = [
        wait
        for log in evidence.logs().values()
        for line in log
        if "throttl" in line.text
        and any(start <= line.stamp.mono_ns <= end for start, end in spans)
        and (wait := throttled_ms(line.text)) is not None
    ]
    return len(waits), max(waits, default=0.0)


def _drain(
    stamped: Stamped,
    rows: Mapping[int, NDArray[np.int64]],
    phases: Sequence[LoadPhase],
    loaded: set[str],
) -> Drain | None:
    """Of a burst, or else of the overload with the most completions after all had arrived."""
    bursts = [p for p in phases if p.rate_per_s is None and p.role is PhaseRole.MEASURE]
    for phase in bursts[-1:]:
        done = stamped.joined.done_ns[rows[phase.index]]
        return drain_rates(done[done < NEVER], start_ns=phase.span.start.mono_ns)
    best = None
    for phase in phases:
        if phase.name not in loaded:
            continue
        mine = rows[phase.index]
        done = stamped.joined.done_ns[mine[stamped.joined.fate[mine] == Fate.DONE]]
        found = drain_rates(done, start_ns=phase.span.start.mono_ns)
        if found is not None and (best is None or found.ahead > best.ahead):
            best = found
    return best


def _cores(evidence: Evidence, phase: LoadPhase) -> float | None:
    """How many cores the operator's processes used in a phase."""
    installation = evidence.installation
    names = tuple(w.process for w in installation.workloads if w.process) if installation else ()
    total = None
    for name in evidence.column_names():
        process = name.removeprefix("process-")
        columns = evidence.columns(name)
        if columns is None or process == name or not process.startswith(names):
            continue
        at, used = np.asarray(columns["mono_ns"]), np.asarray(columns["cpu_ns"])
        inside = (at >= phase.span.start.mono_ns) & (at <= phase.span.end.mono_ns)
        rows = np.flatnonzero(inside)
        if len(rows) > 1:
            grown = int(np.maximum(np.diff(used[rows]), 0).sum())
            total = (total or 0.0) + grown / int(at[rows[-1]] - at[rows[0]])
    return total


def _host_cores(evidence: Evidence) -> int | None:
    for fact in evidence.manifest.facts:
        found = _CORES.match(fact.value)
        if found:
            return int(found[1])
    return None
