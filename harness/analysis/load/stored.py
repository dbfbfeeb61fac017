"""Two runs that lie apart in time, compared by the phases that both went through.

What is compared lies in result.json, too: a run can be held against one whose folder is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.load.blocks import split
from harness.analysis.load.comparison import compare_stored, gated
from harness.analysis.load.join import Fate
from harness.errors import UsageError
from harness.model.comparison import PROFILE, StoredLoad, StoredPhase
from harness.model.load import ArrivalProcess, PhaseRole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.analysis.load.phases import Stamped
    from harness.analysis.load.sustain import StepStamps
    from harness.evidence.reader import Evidence
    from harness.model.comparison import Comparison
    from harness.model.load import LoadPhase
    from harness.model.loadresult import PhaseResult

__all__ = ["compare_runs", "flattering", "require_alike", "stored_load", "unfinished"]

_STEADY = frozenset({ArrivalProcess.CONSTANT, ArrivalProcess.POISSON})
_SAME_RATE = 0.01
_FLATTERING = 0.01
_MACHINE = ("Host", "CPU", "Harness")
_AGAIN = "Run both the same way, for example --suite load --profile steady --rate 50 --duration 120"


def stored_load(
    evidence: Evidence,
    stamped: Stamped,
    rows: Mapping[int, NDArray[np.int64]],
    *,
    phases: Sequence[LoadPhase],
    results: Sequence[PhaseResult],
    problems: Sequence[str] = (),
) -> StoredLoad | None:
    """Returns what another run can be compared with; None where there was no steady load.

    Args:
        evidence: Of the run.
        stamped: All arrivals.
        rows: Of each phase, by its index.
        phases: All.
        results: Of the same phases, in the same order.
        problems: Where the measurement broke.
    """
    plan = evidence.load_plan
    steady = [
        _phase(phase, stamped.step(stamped.converging(rows[phase.index]), phase), result)
        for phase, result in zip(phases, results, strict=True)
        if phase.role is PhaseRole.MEASURE and phase.process in _STEADY and phase.profile != PROFILE
    ]
    if plan is None or not steady:
        return None
    manifest, resource = evidence.manifest, plan.resource
    facts = {fact.name: fact.value for fact in manifest.facts}
    return StoredLoad(
        run=manifest.id,
        ways={
            "the target": manifest.target,
            "the cluster": manifest.cluster,
            "the Kubernetes version": manifest.kubernetes,
            "the resource": f"{resource.plural}.{resource.version}.{resource.group}",
            "the number of namespaces": str(len(plan.namespaces)),
            "the number of workers": str(plan.workers),
            "the samples": ", ".join(plan.samples),
        },
        machine={name: facts[name] for name in _MACHINE if name in facts},
        phases=tuple(steady),
        problems=tuple(problems),
    )


def unfinished(step: StepStamps) -> int:
    """Returns how many arrivals were never done."""
    return int(((step.fate == Fate.IN_FLIGHT) | (step.fate == Fate.ERROR)).sum())


def flattering(name: str, missing: int, arrivals: int) -> str:
    """Says that a build left out what would have been slow; empty where it didn't."""
    if missing <= _FLATTERING * arrivals:
        return ""
    return (
        f"{missing:,} of {arrivals:,} arrivals of {name} were never done, and the latencies of the "
        "others flatter it"
    )


def compare_runs(
    base: StoredLoad, head: StoredLoad, gates: Mapping[str, float]
) -> tuple[Comparison, ...]:
    """Compares two stored runs, phase by phase.

    Args:
        base: The one.
        head: The other.
        gates: By which share each figure may be worse.

    Raises:
        UsageError: They can't be compared: another target, another load, other phases.
    """
    require_alike(base, head)
    return tuple(_compared(base, head, phase.name, gates) for phase in base.phases)


def _phase(phase: LoadPhase, step: StepStamps, result: PhaseResult) -> StoredPhase:
    return StoredPhase(
        name=phase.name,
        rate_per_s=phase.rate_per_s or 0.0,
        process=phase.process,
        mix=phase.mix.shares,
        blocks=tuple(split(step)),
        arrivals=len(step.fate),
        unfinished=unfinished(step),
        limit=result.generator_limited,
        note=phase.note,
    )


def _compared(
    base: StoredLoad, head: StoredLoad, name: str, gates: Mapping[str, float]
) -> Comparison:
    pair = ((base, base.phase(name)), (head, head.phase(name)))
    doubts = [
        f"the load generator was the limit in {run.run}: {phase.limit}"
        for run, phase in pair
        if phase.limit
    ]
    doubts += [
        f"the measurement of {run.run} broke: {what}" for run, _ in pair for what in run.problems
    ]
    doubts += [f"{run.run} was cut short: {phase.note}" for run, phase in pair if phase.note]
    lost = [flattering(run.run, phase.unfinished, phase.arrivals) for run, phase in pair]
    if lost[0]:
        doubts.append(lost[0])
    try:
        found = compare_stored(*(phase.blocks for _, phase in pair), names=(base.run, head.run))
    except ValueError as error:
        raise UsageError(
            f"The phase {name} of {base.run} and {head.run} is too short: {error}.",
            hint=f"{_AGAIN}.",
        ) from error
    doubted = msgspec.structs.replace(
        found,
        phase=name,
        doubts=tuple(doubts),
        flattered=lost[1],
        caveat=" ".join((found.caveat, *_elsewhere(base, head))),
    )
    return gated(doubted, gates)


def _elsewhere(base: StoredLoad, head: StoredLoad) -> list[str]:
    """Says what of the machine wasn't the same."""
    ours, theirs = base.machine, head.machine
    return [
        f"{name} differs: {ours.get(name, 'unknown')} for base, {theirs.get(name, 'unknown')} for "
        "head."
        for name in _MACHINE
        if ours.get(name) != theirs.get(name)
    ]


def require_alike(base: StoredLoad, head: StoredLoad) -> None:
    """Refuses runs whose figures mean different things.

    Raises:
        UsageError: Says what differs.
    """
    for what, value in base.ways.items():
        other = head.ways.get(what, "")
        if other != value:
            raise UsageError(
                f"{base.run} and {head.run} can't be compared: {what} is {value or 'none'} in "
                f"one and {other or 'none'} in the other.",
                hint=f"{_AGAIN}.",
            )
    ours, theirs = ({phase.name: phase for phase in run.phases} for run in (base, head))
    if ours.keys() != theirs.keys():
        raise UsageError(
            f"{base.run} and {head.run} went through different phases: "
            f"{', '.join(ours)} against {', '.join(theirs)}.",
            hint=f"{_AGAIN}.",
        )
    for name, phase in ours.items():
        _require_same_load(base.run, head.run, phase, theirs[name])


def _require_same_load(base: str, head: str, phase: StoredPhase, other: StoredPhase) -> None:
    rates = (phase.rate_per_s, other.rate_per_s)
    if abs(rates[0] - rates[1]) > _SAME_RATE * max(rates):
        raise UsageError(
            f"The phase {phase.name} ran at {rates[0]:.4g}/s in {base} and at {rates[1]:.4g}/s "
            f"in {head}: latencies at different rates can't be compared.",
            hint=f"{_AGAIN}: without --rate it follows from each run's own knee.",
        )
    if (phase.process, phase.mix) != (other.process, other.mix):
        raise UsageError(
            f"The phase {phase.name} had other arrivals in {head} than in {base}: "
            f"{other.process} {other.mix} against {phase.process} {phase.mix}.",
            hint=f"{_AGAIN}.",
        )
