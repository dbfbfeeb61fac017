"""All that a run's load shows, from its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.load.attribution import attribute
from harness.analysis.load.interleaved import block_rows
from harness.analysis.load.join import NEVER, join
from harness.analysis.load.knee import answer
from harness.analysis.load.machine import read_machine
from harness.analysis.load.native import with_native
from harness.analysis.load.phases import Stamped, phase_result, rows_by_phase
from harness.analysis.load.samples import read_arrivals, read_events
from harness.analysis.load.signs import figures_by_phase, gather
from harness.analysis.load.sizes import growths
from harness.analysis.load.steps import replay
from harness.analysis.load.stored import stored_load
from harness.analysis.load.timeline import depth_series, load_series
from harness.model.loadresult import LoadResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.folder import RunFolder
    from harness.evidence.reader import Evidence
    from harness.model.loadresult import PhaseResult
    from harness.model.measurement import Series

__all__ = ["analyse", "stamped"]


def analyse(evidence: Evidence) -> tuple[LoadResult, tuple[Series, ...]] | None:
    """Returns what the load shows, and how it went over time; None where there was none.

    Raises:
        EvidenceError: Its files can't be read.
    """
    phases = evidence.load_phases()
    if evidence.load_plan is None or not phases:
        return None
    found = stamped(evidence.run)
    rows = rows_by_phase(found.arrivals, phases)
    taken = replay(found, rows, phases)
    settle = {item.step.name: item.step.settle_s for item in taken}
    start = evidence.manifest.started.mono_ns
    results = tuple(
        phase_result(
            found,
            rows[phase.index],
            phase,
            run_start_ns=start,
            settle_s=settle.get(phase.name, 1.0),
        )
        for phase in phases
    )
    figures = with_native(figures_by_phase(evidence, phases), evidence.promql)
    signs = gather(evidence, found, rows, phases=phases, results=results, figures=figures)
    tried = taken or any(item.sustained for item in results)
    growth, each = growths(evidence, phases, results, figures)
    problems = (*_problems(results), *_impossible(found))
    result = LoadResult(
        phases=results,
        knee=answer(taken) if taken else None,
        operator=tuple(figures),
        bottleneck=attribute(signs) if tried else None,
        growth=growth,
        each_object=each,
        problems=problems,
        blocks=block_rows(found, rows, phases=phases, results=results, figures=figures),
        stored=stored_load(
            evidence, found, rows, phases=phases, results=results, problems=problems
        ),
    )
    depths = depth_series(evidence.promql, run_start=evidence.manifest.started)
    return result, (*load_series(found, phases, run_start_ns=start), *depths)


def stamped(run: RunFolder) -> Stamped:
    """Reads and joins the stamps of a run, also of one that still goes on.

    Raises:
        EvidenceError: They can't be read.
    """
    arrivals = read_arrivals(sorted(run.load.glob("arrivals-*.i64")))
    events = read_events(run.load_events_file)
    joined = join(arrivals, events)
    until = max(
        int(arrivals.acknowledged_ns.max(initial=0)), int(events.received_ns.max(initial=0))
    )
    return Stamped(arrivals, joined, until, read_machine(run.load_machine_file))


def _problems(results: Sequence[PhaseResult]) -> list[str]:
    """Where arrivals don't add up, or stamps contradict each other."""
    found = []
    for item in results:
        counts = item.arrived
        if counts.lost:
            found.append(f"{item.name}: a worker died, and {counts.lost} arrivals with it")
        if not counts.conserved:
            found.append(
                f"{item.name}: {counts.arrivals} arrivals were planned, but {counts.done} done + "
                f"{counts.in_flight} in flight + {counts.errors} errors + {counts.dropped} dropped "
                f"don't make them ({counts.unaccounted} without a row, {counts.duplicates} twice)"
            )
        if item.audit is not None and not item.audit.holds:
            found.append(
                f"{item.name}: {item.audit.in_flight:.4g} arrivals were in flight on average, but "
                f"rate times latency is {item.audit.expected:.4g} (Little's law)"
            )
    return found


def _impossible(found: Stamped) -> list[str]:
    """Stamps that can't be: done before the arrival was sent."""
    done = found.joined.done_ns
    early = int(((done < found.arrivals.sent_ns) & (done < NEVER)).sum())
    return [f"{early} arrivals were done before they were sent: a clock is wrong"] if early else []
