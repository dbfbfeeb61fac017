"""Gathers from a run's evidence what tells the cause of a bottleneck."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.load.exposition import Page
from harness.analysis.load.identities import operator_figures
from harness.analysis.load.join import Fate
from harness.analysis.load.seen import Signs
from harness.analysis.load.sustain import in_flight
from harness.analysis.load.throttling import drain_rates, throttled_ms
from harness.model.load import PhaseRole
from harness.model.loadresult import StepState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.analysis.load.phases import Stamped
    from harness.analysis.load.throttling import Drain
    from harness.evidence.reader import Evidence
    from harness.model.load import LoadPhase
    from harness.model.loadresult import PhaseResult
    from harness.model.operatorfigures import OperatorFigures

__all__ = ["figures_by_phase", "gather"]

_S = 1_000_000_000
_REST_NS = 2 * _S
_NEAR_NS = 3 * _S  # a scrape that is farther from a phase's bound is another's
_EASE = 0.9  # of the overload's rate: a search's steps are 5 % apart at its end
_STILL = 10.0
_STILL_SWING = 1.1
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
    failed = _overloads(results)
    stuck = _in_state(results, StepState.GENERATOR_LIMITED)
    held = _in_state(results, StepState.SUSTAINED)
    lowest = min(failed or stuck, key=_rate, default=None)
    signs = Signs(
        overloaded=bool(failed),
        generator="" if failed or not stuck or not lowest else _reason(lowest),
        host_cores=_host_cores(evidence),
        total_ms=_median(held[-1], "total") if held else None,
        webhook_ms=_webhook_ms(figures, held[-1:]),
    )
    if lowest is None:
        return signs
    ease = [r for r in results if _is_ease(r, held) and _rate(r) < _EASE * _rate(lowest)]
    loaded = [r for r in results if r in failed or _is_loaded_warm_up(r, lowest)]
    spans = [(p.span.start.mono_ns, p.span.end.mono_ns) for p in _phases(phases, loaded)]
    lines, longest = _throttled(evidence, spans)
    (phase,) = _phases(phases, [lowest])
    standstill, alone = _standstill(stamped, rows[phase.index], phase)
    return msgspec.structs.replace(
        signs,
        errors=lowest.arrived.errors,
        operator=tuple(item for item in figures if item.phase == lowest.name),
        work_at_ease_ms=_work_at_ease(figures, ease),
        throttled_lines=lines,
        throttled_ms=longest,
        drain=_drain(stamped, rows, phases, loaded),
        cores=_cores(evidence, phase, _operators(evidence)),
        cores_waited=_cores(evidence, phase, _operators(evidence), column="run_delay_ns"),
        cpu_limit=_cpu_limit(evidence),
        control_plane_cores=_cores(evidence, phase, ("control-plane-",)),
        harness_cores=_cores(evidence, phase, ("harness-",)),
        api_write_ms=_median(lowest, "API write"),
        api_write_at_rest_ms=min(
            (found for r in ease if (found := _median(r, "API write")) is not None), default=None
        ),
        webhook_ms=_webhook_ms(figures, [lowest]),
        standstill_s=standstill,
        stopped_only=alone,
    )


def _overloads(results: Sequence[PhaseResult]) -> list[PhaseResult]:
    """Phases that were too much, without steps that a later one at a higher rate refutes.

    A step of the search is short, and a pause of the machine fails it; then it is taken again.
    """
    top = max((_rate(r) for r in _in_state(results, StepState.SUSTAINED)), default=0.0)
    failed = _in_state(results, StepState.FAILED)
    return [r for r in failed if r.role == PhaseRole.MEASURE or _rate(r) > top]


def _in_state(results: Sequence[PhaseResult], state: StepState) -> list[PhaseResult]:
    return [r for r in results if r.sustained and r.sustained.state is state]


def _rate(result: PhaseResult) -> float:
    return result.rate_per_s or 0.0


def _is_ease(result: PhaseResult, held: Sequence[PhaseResult]) -> bool:
    """Whether the operator kept up with it: what was sustained, and warm-ups."""
    return result in held or (result.role == PhaseRole.WARM_UP and bool(result.rate_per_s))


def _is_loaded_warm_up(result: PhaseResult, lowest: PhaseResult) -> bool:
    """Whether it was as much as what wasn't sustained: then the backlog begins there."""
    return result.role == PhaseRole.WARM_UP and _rate(result) >= _rate(lowest) > 0


def _phases(phases: Sequence[LoadPhase], results: Iterable[PhaseResult]) -> list[LoadPhase]:
    wanted = {result.index for result in results}
    return [phase for phase in phases if phase.index in wanted]


def _webhook_ms(figures: Sequence[OperatorFigures], results: Sequence[PhaseResult]) -> float | None:
    names = {result.name for result in results}
    found = (item.webhook_ms for item in figures if item.phase in names)
    return max((ms for ms in found if ms is not None), default=None)


def _work_at_ease(
    figures: Sequence[OperatorFigures], ease: Sequence[PhaseResult]
) -> dict[str, float]:
    """The least of the phases' means: the first reconciles of a process are slow."""
    names = {result.name for result in ease}
    found: dict[str, float] = {}
    for item in figures:
        for queue in item.queues if item.phase in names else ():
            if queue.work_ms:
                found[queue.queue] = min(queue.work_ms, found.get(queue.queue, queue.work_ms))
    return found


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
    loaded: Sequence[PhaseResult],
) -> Drain | None:
    """Of the burst or overload with the most completions ahead of a later, constant rate."""
    bursts = [p for p in phases if p.rate_per_s is None and p.role is PhaseRole.MEASURE]
    best = None
    for phase in (*bursts, *_phases(phases, loaded)):
        mine = rows[phase.index]
        done = stamped.joined.done_ns[mine[stamped.joined.fate[mine] == Fate.DONE]]
        found = drain_rates(done, start_ns=phase.span.start.mono_ns)
        if found is not None and (best is None or _evidence(found) > _evidence(best)):
            best = found
    return best


def _evidence(drain: Drain) -> tuple[bool, float]:
    return drain.regular, drain.ahead


def _standstill(stamped: Stamped, mine: NDArray[np.int64], phase: LoadPhase) -> tuple[float, bool]:
    """How long nothing was done though arrivals waited, and whether that explains the backlog.

    At least a second, and ten times the usual distance of completions: else it is its pace.
    """
    step = stamped.step(mine, phase)
    every = np.sort(stamped.joined.done_ns)
    inside = every[(every > step.start_ns) & (every < step.end_ns)]
    edges = np.concatenate(([step.start_ns], inside, [step.end_ns])).astype(np.int64)
    due = np.append(np.sort(step.intended_ns), step.end_ns)
    following = due[np.minimum(np.searchsorted(due, edges[:-1], side="right"), len(due) - 1)]
    waits_since = np.where(in_flight(step, edges[:-1]) > 0, edges[:-1], following)
    longest = int((edges[1:] - waits_since).max(initial=0))
    usual = float(np.median(np.diff(inside))) if len(inside) > 1 else float(longest)
    if longest < max(_S, _STILL * usual):
        return 0.0, False
    left = int(in_flight(step, np.array([step.end_ns]))[0])
    seconds = longest / _S
    return seconds, left <= (phase.rate_per_s or 0.0) * seconds * _STILL_SWING


def _operators(evidence: Evidence) -> tuple[str, ...]:
    """What the names of the operator's sampled processes begin with."""
    found = evidence.installation
    return tuple(f"process-{w.process}" for w in found.workloads if w.process) if found else ()


def _cpu_limit(evidence: Evidence) -> float | None:
    """Cores that the operator may use; None where one of its containers has no limit."""
    found = [w.cpu_limit for w in evidence.installation.workloads] if evidence.installation else []
    limits = [limit for limit in found if limit is not None]
    return sum(limits) if limits and len(limits) == len(found) else None


def _cores(
    evidence: Evidence, phase: LoadPhase, prefixes: tuple[str, ...], *, column: str = "cpu_ns"
) -> float | None:
    """How many cores some processes used in a phase, or waited for; None where nobody looked."""
    total = None
    for name in evidence.column_names():
        if not name.startswith(prefixes) or (columns := evidence.columns(name)) is None:
            continue
        if column not in columns.names:
            continue
        at, used = np.asarray(columns["mono_ns"]), np.asarray(columns[column])
        inside = (used >= 0) & (at >= phase.span.start.mono_ns) & (at <= phase.span.end.mono_ns)
        chosen = np.flatnonzero(inside)
        if len(chosen) > 1:
            grown = int(np.maximum(np.diff(used[chosen]), 0).sum())
            total = (total or 0.0) + grown / int(at[chosen[-1]] - at[chosen[0]])
    return total


def _host_cores(evidence: Evidence) -> int | None:
    for fact in evidence.manifest.facts:
        found = _CORES.match(fact.value)
        if found:
            return int(found[1])
    return None
