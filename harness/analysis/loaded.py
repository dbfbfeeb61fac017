"""Stage 5, LOA: what is owed under load; and the one way from evidence to a load's result.

Nothing here loads NumPy where there was no load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.comparison import PROFILE
from harness.model.load import PhaseRole
from harness.model.loadresult import KneeState
from harness.model.result import ErrorNote

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.loadresult import LoadResult, PhaseResult
    from harness.model.measurement import Measurement, Series

__all__ = [
    "drains",
    "every_arrival_converges",
    "load_faults",
    "load_measurements",
    "load_questions",
    "load_result",
    "load_series",
    "no_request_fails",
]

_NO_LOAD = "there was no load, or it was stopped before its first phase was over"
_GROWTH = "growth"
_BACKLOG = (
    "the operator still worked off its backlog when the run was over, so what it forgot can't be "
    "told from what it would still have done"
)
_UNSETTLED = frozenset({KneeState.INCONCLUSIVE, KneeState.GENERATOR_LIMITED})


def load_result(evidence: Evidence) -> LoadResult | None:
    """Returns what the load shows; None where there was none."""
    found = evidence.derived(_analysed)
    return found[0] if found else None


def load_series(evidence: Evidence) -> tuple[Series, ...]:
    """Returns how the load went over time; none where there was no load."""
    found = evidence.derived(_analysed)
    return found[1] if found else ()


def load_measurements(evidence: Evidence) -> list[Measurement]:
    """Returns the load's figures; none where there was no load."""
    from harness.analysis.load.figures import load_figures  # noqa: PLC0415 - beside NumPy

    result = load_result(evidence)
    return load_figures(result) if result else []


def load_faults(evidence: Evidence) -> tuple[ErrorNote, ...]:
    """Returns where the measurement of the load itself broke: then none of it can be believed."""
    result = load_result(evidence)
    return tuple(
        ErrorNote(
            where="load",
            message=problem,
            hint="The load's figures can't be trusted; run it again, with fewer things beside it.",
        )
        for problem in (result.problems if result else ())
    )


def load_questions(evidence: Evidence) -> tuple[str, ...]:
    """Returns what the load asked and could not answer; each begins a sentence.

    A soak asks for no knee: it only looks for a rate of which to take half.
    """
    result = load_result(evidence)
    if result is None:
        return ()
    found = []
    asked = evidence.soak_plan is None
    if asked and result.knee is not None and result.knee.state in _UNSETTLED:
        found.append(f"The knee was not found: {result.knee.reason}")
    found += [
        f"The load generator was the limit in {phase.name}: {phase.generator_limited}"
        for phase in result.phases
        if phase.role == PhaseRole.MEASURE
        and phase.profile != PROFILE  # the comparison tells it, once for each build
        and phase.generator_limited
        and not _unharmed(phase)
    ]
    return tuple(found)


def _unharmed(phase: PhaseResult) -> bool:
    """Whether a late generator does no harm: growth's latencies begin with the write's echo."""
    return phase.profile == _GROWTH and not phase.arrived.dropped


def every_arrival_converges(case: Case) -> CheckOutcome:
    """LOA-101: what the API server accepted is done, unless it waits behind all that was done."""
    result = load_result(case.evidence)
    if result is None:
        return case.undecided(_NO_LOAD)
    forgotten = [_forgotten(case, p) for p in result.phases if p.arrived.overtaken]
    if forgotten and any(p.arrived.in_flight > p.arrived.overtaken for p in result.phases):
        return case.undecided(_BACKLOG)
    return case.decided(forgotten)


def no_request_fails(case: Case) -> CheckOutcome:
    """LOA-102: no write of the load is refused or times out, but while the knee is searched."""
    result = load_result(case.evidence)
    if result is None:
        return case.undecided(_NO_LOAD)
    measured = [p for p in result.phases if p.role == PhaseRole.MEASURE]
    if not measured:
        return case.undecided("no phase of the load was measured")
    return case.decided([_refused(case, p) for p in measured if p.arrived.errors > p.arrived.lost])


def drains(case: Case) -> CheckOutcome:
    """LOA-103: once arrivals end, the operator works off what is left."""
    result = load_result(case.evidence)
    if result is None:
        return case.undecided(_NO_LOAD)
    left = [p for p in result.phases if p.arrived.in_flight > p.arrived.overtaken]
    return case.decided([_backlog(case, left)] if left else [])


def _analysed(evidence: Evidence) -> tuple[LoadResult, tuple[Series, ...]] | None:
    if evidence.load_plan is None or not evidence.load_phases():
        return None
    from harness.analysis.load.result import analyse  # noqa: PLC0415 - loads NumPy and SciPy

    return analyse(evidence)


def _forgotten(case: Case, phase: PhaseResult) -> Finding:
    counts = phase.arrived
    return case.finding(
        f"{counts.overtaken} of {counts.arrivals} arrivals of the phase {phase.name} never "
        "converged, though later ones did",
        subject=phase.name,
        detail=_counts(phase),
    )


def _refused(case: Case, phase: PhaseResult) -> Finding:
    counts = phase.arrived
    return case.finding(
        f"{counts.errors - counts.lost} of {counts.arrivals} requests of the phase {phase.name} "
        "failed",
        subject=phase.name,
        detail=_counts(phase),
    )


def _backlog(case: Case, left: list[PhaseResult]) -> Finding:
    waiting = sum(p.arrived.in_flight - p.arrived.overtaken for p in left)
    return case.finding(
        f"{waiting} arrivals were still in flight when the load's time was over",
        subject=left[-1].name,
        detail="\n".join(_counts(phase) for phase in left),
    )


def _counts(phase: PhaseResult) -> str:
    found = phase.arrived
    return (
        f"{phase.name}: {found.arrivals} arrivals = {found.done} done + {found.in_flight} in "
        f"flight + {found.errors} errors + {found.dropped} dropped"
    )
