"""Two runs that lie apart in time, compared by the phases that both went through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.load.comparison import compare_stored, gated, split
from harness.analysis.load.join import Fate
from harness.analysis.load.phases import Stamped, phase_result, rows_by_phase
from harness.analysis.load.result import stamped
from harness.errors import EvidenceError, UsageError
from harness.evidence.reader import Evidence
from harness.model.load import ArrivalProcess, LoadPhase, LoadPlan, Operation, PhaseRole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from harness.analysis.load.sustain import StepStamps
    from harness.evidence.folder import RunFolder
    from harness.model.comparison import Comparison
    from harness.model.run import RunManifest

__all__ = ["LoadedRun", "compare_runs", "read_run"]

_STEADY = frozenset({ArrivalProcess.CONSTANT, ArrivalProcess.POISSON})
_SAME_RATE = 0.01
_FLATTERING = 0.01
_MACHINE = ("Host", "CPU", "Harness")
_AGAIN = "Run both the same way, for example --suite load --profile steady --rate 50 --duration 120"


class LoadedRun:
    """A run with its load, read for a comparison.

    Args:
        run: Its folder.
        name: What people call it.
        manifest: What it was.
        plan: What its load was made of.
        phases: All of them.
        stamps: Of all arrivals.
    """

    def __init__(
        self,
        run: RunFolder,
        name: str,
        *,
        manifest: RunManifest,
        plan: LoadPlan,
        phases: tuple[LoadPhase, ...],
        stamps: Stamped,
    ) -> None:
        self.path = run.path
        self.name = name
        self.manifest = manifest
        self.plan = plan
        self.stamps = stamps
        self.rows = rows_by_phase(stamps.arrivals, phases)
        self.phases = {
            item.name: item
            for item in phases
            if item.role is PhaseRole.MEASURE and item.process in _STEADY
        }

    def step(self, phase: LoadPhase) -> StepStamps:
        """Returns the stamps of creates and updates; deletes and no-ops are other work."""
        rows = self.rows[phase.index]
        kind = self.stamps.arrivals.operation[rows]
        converge = np.isin(kind, (Operation.CREATE, Operation.UPDATE))
        chosen: NDArray[np.int64] = rows[converge & ~self.stamps.joined.unchanged[rows]]
        return self.stamps.step(chosen, phase)

    def limit(self, phase: LoadPhase) -> str:
        """Returns why the generator was the limit of a phase; empty where it wasn't."""
        start = self.manifest.started.mono_ns
        found = phase_result(self.stamps, self.rows[phase.index], phase, run_start_ns=start)
        return found.generator_limited


def read_run(run: RunFolder, name: str) -> LoadedRun:
    """Reads a run folder.

    Args:
        run: The folder.
        name: What people call it in the answer.

    Raises:
        UsageError: It is no run, has no load, or can't be read.
    """
    if not run.run_file.is_file():
        raise UsageError(
            f"{run.path} is no run folder: it has no run.json.",
            hint="Give folders below harness-runs/, for example harness-runs/latest.",
        )
    evidence = Evidence(run)
    try:
        plan, phases = evidence.load_plan, evidence.load_phases()
        if plan is None or not phases:
            raise UsageError(f"{run.path} has no load to compare.", hint=f"{_AGAIN}.")
        return LoadedRun(
            run,
            name,
            manifest=evidence.manifest,
            plan=plan,
            phases=tuple(phases),
            stamps=stamped(run),
        )
    except (EvidenceError, KeyError) as error:
        hint = error.hint if isinstance(error, EvidenceError) else ""
        raise UsageError(f"{run.path} can't be read: {error}", hint=hint) from error


def compare_runs(
    base: LoadedRun, head: LoadedRun, gates: Mapping[str, float]
) -> tuple[Comparison, ...]:
    """Compares two stored runs, phase by phase.

    Args:
        base: The one.
        head: The other.
        gates: By which share each figure may be worse.

    Raises:
        UsageError: They can't be compared: another target, another load, other phases.
    """
    _require_alike(base, head)
    return tuple(_compared(base, head, name, gates) for name in base.phases)


def _compared(
    base: LoadedRun, head: LoadedRun, name: str, gates: Mapping[str, float]
) -> Comparison:
    pair = ((base, base.phases[name]), (head, head.phases[name]))
    steps = [run.step(phase) for run, phase in pair]
    blocks = [split(step) for step in steps]
    doubts = [
        f"the load generator was the limit in {run.name}: {run.limit(phase)}"
        for run, phase in pair
        if run.limit(phase)
    ]
    doubts += [f"{run.name} was cut short: {phase.note}" for run, phase in pair if phase.note]
    lost = [_unfinished(run.name, step) for (run, _), step in zip(pair, steps, strict=True)]
    if lost[0]:
        doubts.append(lost[0])
    try:
        found = compare_stored(*blocks, names=(base.name, head.name))
    except ValueError as error:
        raise UsageError(
            f"The phase {name} of {base.name} and {head.name} is too short: {error}.",
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


def _elsewhere(base: LoadedRun, head: LoadedRun) -> list[str]:
    """Says what of the machine wasn't the same."""
    ours, theirs = ({fact.name: fact.value for fact in run.manifest.facts} for run in (base, head))
    return [
        f"{name} differs: {ours.get(name, 'unknown')} for base, {theirs.get(name, 'unknown')} for "
        "head."
        for name in _MACHINE
        if ours.get(name) != theirs.get(name)
    ]


def _unfinished(name: str, step: StepStamps) -> str:
    """Says that the operator left out what would have been slow; empty where it didn't."""
    missing = int(((step.fate == Fate.IN_FLIGHT) | (step.fate == Fate.ERROR)).sum())
    if missing <= _FLATTERING * len(step.fate):
        return ""
    return (
        f"{missing:,} of {len(step.fate):,} arrivals of {name} were never done, and the latencies "
        "of the others flatter it"
    )


def _require_alike(base: LoadedRun, head: LoadedRun) -> None:
    """Refuses runs whose figures mean different things.

    Raises:
        UsageError: Says what differs.
    """
    if base.path == head.path:
        raise UsageError(
            f"Base and head are the same run, {base.name}.",
            hint="harness-runs/latest is the newest run; `harness runs list` has the others.",
        )
    ours, theirs = _ways(base), _ways(head)
    for what, value in ours.items():
        if theirs[what] != value:
            raise UsageError(
                f"{base.name} and {head.name} can't be compared: {what} is {value or 'none'} in "
                f"one and {theirs[what] or 'none'} in the other.",
                hint=f"{_AGAIN}.",
            )
    if not base.phases or not head.phases:
        empty = base if not base.phases else head
        raise UsageError(
            f"{empty.name} has no phase of steady load: bursts, ramps and the search for the knee "
            "have no blocks that could be compared.",
            hint=f"{_AGAIN}.",
        )
    if base.phases.keys() != head.phases.keys():
        raise UsageError(
            f"{base.name} and {head.name} went through different phases: "
            f"{', '.join(base.phases)} against {', '.join(head.phases)}.",
            hint=f"{_AGAIN}.",
        )
    for name, phase in base.phases.items():
        other = head.phases[name]
        rates = (phase.rate_per_s or 0.0, other.rate_per_s or 0.0)
        if abs(rates[0] - rates[1]) > _SAME_RATE * max(rates):
            raise UsageError(
                f"The phase {name} ran at {rates[0]:.4g}/s in {base.name} and at {rates[1]:.4g}/s "
                f"in {head.name}: latencies at different rates can't be compared.",
                hint=f"{_AGAIN}: without --rate it follows from each run's own knee.",
            )
        if (phase.process, phase.mix) != (other.process, other.mix):
            raise UsageError(
                f"The phase {name} had other arrivals in {head.name} than in {base.name}: "
                f"{other.process} {other.mix.shares} against {phase.process} {phase.mix.shares}.",
                hint=f"{_AGAIN}.",
            )


def _ways(run: LoadedRun) -> dict[str, str]:
    """What must be the same, in words; a faulty twin is another build of the same target."""
    resource = run.plan.resource
    return {
        "the target": run.manifest.target,
        "the cluster": run.manifest.cluster,
        "the Kubernetes version": run.manifest.kubernetes,
        "the resource": f"{resource.plural}.{resource.version}.{resource.group}",
        "the number of namespaces": str(len(run.plan.namespaces)),
        "the number of workers": str(run.plan.workers),
        "the samples": ", ".join(run.plan.samples),
    }
