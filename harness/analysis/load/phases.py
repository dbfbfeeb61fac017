"""What each phase of a load shows: what became of its arrivals, latencies, throughput, drain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.analysis.load.join import NEVER, Fate
from harness.analysis.load.little import audit
from harness.analysis.load.omission import closed_loop
from harness.analysis.load.percentiles import distribution, latency, nearest_rank
from harness.analysis.load.sustain import Limits, StepStamps, sustained
from harness.model.load import ArrivalProcess, ArrivalStatus, Operation, PhaseRole
from harness.model.loadresult import Arrived, OperationResult, PhaseResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.analysis.load.join import Joined
    from harness.analysis.load.machine import Machine
    from harness.analysis.load.samples import Arrivals
    from harness.model.load import LoadPhase

__all__ = ["Stamped", "arrived", "phase_result", "rows_by_phase"]

_S = 1e9
_MS = 1e6
_STEADY = frozenset({ArrivalProcess.CONSTANT, ArrivalProcess.POISSON})
_STEPS = frozenset({PhaseRole.SEARCH, PhaseRole.PLATEAU, PhaseRole.MEASURE})
_TOLD = frozenset({PhaseRole.PLATEAU, PhaseRole.MEASURE})
_LAG_SHARE = 0.10
_LAG_MS = 5.0
_MOST_REPLAYED = 50_000
_FEW = 100
_SHUFFLES = 2
_KINDS = (
    ("create", Operation.CREATE),
    ("update", Operation.UPDATE),
    ("delete", Operation.DELETE),
)


class Stamped:
    """Arrivals with what they were joined to.

    Args:
        arrivals: As read.
        joined: Of the same arrivals.
        until_ns: Up to when the run was watched; what is open has lasted until then.
        machine: What the machine's processors were used for; None where nobody looked.

    Attributes:
        overtaken_ns: What was due before that and isn't done has been passed by: others that were
            done had been due later, by more than twice what the order of completions ever differs
            from the order of arrivals in this run. Workers, retries and Pods shuffle them a little.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        joined: Joined,
        until_ns: int,
        machine: Machine | None = None,
    ) -> None:
        self.arrivals = arrivals
        self.joined = joined
        self.until_ns = until_ns
        self._machine = machine
        done = (joined.fate == Fate.DONE) & ~joined.unchanged
        self.overtaken_ns = _passed_by(arrivals.intended_ns[done], joined.done_ns[done])

    def converging(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns those that create or update; deletes and no-ops are other work."""
        writes = np.isin(self.arrivals.operation[rows], (Operation.CREATE, Operation.UPDATE))
        return rows[writes & ~self.joined.unchanged[rows]]

    def step(self, rows: NDArray[np.int64], phase: LoadPhase) -> StepStamps:
        """Returns the stamps of one phase."""
        span = (phase.span.start.mono_ns, phase.span.end.mono_ns)
        others = self._machine.others(*span) if self._machine is not None else None
        return StepStamps.of(self.arrivals, self.joined, rows, span=span, others=others)


def rows_by_phase(arrivals: Arrivals, phases: Sequence[LoadPhase]) -> dict[int, NDArray[np.int64]]:
    """Returns the rows of each phase by its index; those of a phase that isn't known are left."""
    return {item.index: np.flatnonzero(arrivals.phase == item.index) for item in phases}


def arrived(stamped: Stamped, rows: NDArray[np.int64], phase: LoadPhase) -> Arrived:
    """Counts what became of a phase's arrivals.

    Of a phase that was cut short, what has a row was planned.
    """
    numbers = np.sort(stamped.arrivals.arrival[rows])
    distinct = len(numbers) - int((np.diff(numbers) == 0).sum())
    planned = distinct if phase.note else phase.arrivals
    fates = np.bincount(stamped.joined.fate[rows], minlength=len(Fate))
    over = stamped.joined.done_ns[rows] < NEVER
    waiting = stamped.arrivals.intended_ns[rows[stamped.joined.fate[rows] == Fate.IN_FLIGHT]]
    return Arrived(
        arrivals=planned,
        done=int(fates[Fate.DONE]),
        in_flight=int(fates[Fate.IN_FLIGHT]),
        errors=int(fates[Fate.ERROR]),
        dropped=int(fates[Fate.DROPPED]),
        lost=int((stamped.arrivals.status[rows] == ArrivalStatus.LOST).sum()),
        unaccounted=max(planned - distinct, 0),
        duplicates=len(numbers) - distinct,
        collapsed=int(stamped.joined.collapsed[rows].sum()),
        unchanged=int((stamped.joined.unchanged[rows] & over).sum()),
        tainted=int(stamped.joined.tainted[rows].sum()),
        overtaken=int((waiting < stamped.overtaken_ns).sum()),
    )


def phase_result(
    stamped: Stamped,
    rows: NDArray[np.int64],
    phase: LoadPhase,
    *,
    run_start_ns: int,
    limits: Limits | None = None,
    settle_s: float = 1.0,
) -> PhaseResult:
    """Returns all that a phase shows.

    Args:
        stamped: All arrivals.
        rows: Of the phase.
        phase: The phase.
        run_start_ns: Zero of the run's time axis, monotonic.
        limits: What a step must keep.
        settle_s: What is left out at the begin of a step.
    """
    step = stamped.step(rows, phase)
    operations = _operations(stamped, rows)
    steady = phase.process in _STEADY and phase.rate_per_s is not None and len(rows) > 0
    return PhaseResult(
        index=phase.index,
        name=phase.name,
        profile=phase.profile,
        role=phase.role,
        process=phase.process,
        rate_per_s=phase.rate_per_s,
        start_s=(phase.span.start.mono_ns - run_start_ns) / _S,
        end_s=(phase.span.end.mono_ns - run_start_ns) / _S,
        arrived=arrived(stamped, rows, phase),
        operations=operations,
        completed_per_s=_completed(step, phase),
        drain_s=_drain(step),
        closed_loop_p99_ms=(
            _closed_loop(step) if steady and phase.role is PhaseRole.MEASURE else None
        ),
        audit=audit(step) if steady else None,
        sustained=(
            sustained(step, rate_per_s=phase.rate_per_s or 0.0, settle_s=settle_s, limits=limits)
            if steady and phase.role in _STEPS
            else None
        ),
        generator_limited=_generator_limited(operations, step, phase),
        distribution=_distribution(stamped, rows) if phase.role in _TOLD else (),
        note=phase.note,
    )


def _passed_by(due_ns: NDArray[np.int64], done_ns: NDArray[np.int64]) -> int:
    """Returns `Stamped.overtaken_ns`."""
    if not len(due_ns):
        return 0
    due = due_ns[np.argsort(done_ns, kind="stable")]
    latest = np.maximum.accumulate(due)
    return int(latest[-1]) - _SHUFFLES * int((latest - due).max())


def _operations(stamped: Stamped, rows: NDArray[np.int64]) -> tuple[OperationResult, ...]:
    """All creates and updates that something had to be done for, then each kind apart."""
    kind = stamped.arrivals.operation[rows]
    unchanged = stamped.joined.unchanged[rows]
    chosen = [("converge", stamped.converging(rows))]
    for name, operation in _KINDS:
        chosen.append((name, rows[(kind == operation) & ~unchanged]))
    chosen.append(("no-op update", rows[unchanged | (kind == Operation.NOOP_UPDATE)]))
    found = (_operation(stamped, name, some) for name, some in chosen if len(some))
    return tuple(item for item in found if item.latencies)


def _distribution(stamped: Stamped, rows: NDArray[np.int64]) -> tuple[tuple[float, float], ...]:
    chosen = stamped.converging(rows)
    fate = stamped.joined.fate[chosen]
    done, waiting = chosen[fate == Fate.DONE], chosen[fate == Fate.IN_FLIGHT]
    intended = stamped.arrivals.intended_ns
    lasted = np.maximum(stamped.until_ns - intended[waiting], 0)
    return distribution(np.concatenate([stamped.joined.done_ns[done] - intended[done], lasted]))


def _operation(stamped: Stamped, name: str, rows: NDArray[np.int64]) -> OperationResult:
    fate = stamped.joined.fate[rows]
    done, waiting = rows[fate == Fate.DONE], rows[fate == Fate.IN_FLIGHT]
    answered, sent = rows[fate <= Fate.IN_FLIGHT], rows[stamped.arrivals.sent_ns[rows] > 0]
    arrivals, joined = stamped.arrivals, stamped.joined
    echoed = done[joined.echoed_ns[done] < NEVER]
    latencies = [
        latency(
            "total",
            joined.done_ns[done] - arrivals.intended_ns[done],
            open_ns=np.maximum(stamped.until_ns - arrivals.intended_ns[waiting], 0),
        ),
        latency("send lag", arrivals.sent_ns[sent] - arrivals.intended_ns[sent]),
        latency("API write", arrivals.acknowledged_ns[answered] - arrivals.sent_ns[answered]),
    ]
    if name != "no-op update":
        latencies += [
            latency("reconcile", joined.done_ns[echoed] - joined.echoed_ns[echoed]),
            latency("echo lag", joined.echoed_ns[echoed] - arrivals.acknowledged_ns[echoed]),
        ]
    return OperationResult(
        operation=name, latencies=tuple(item for item in latencies if item is not None)
    )


def _completed(step: StepStamps, phase: LoadPhase) -> float:
    """Completions a second until the last arrival was due; of a burst, until all were done."""
    done = step.done_ns[step.done_ns < NEVER]
    if not len(done):
        return 0.0
    end = int(done.max()) if phase.process is ArrivalProcess.BURST else step.end_ns
    return float((done <= end).sum()) / max((end - step.start_ns) / _S, 1e-9)


def _drain(step: StepStamps) -> float | None:
    good = step.fate <= Fate.IN_FLIGHT
    if not good.any() or (step.fate == Fate.IN_FLIGHT).any():
        return None
    return max(int(step.done_ns[good].max()) - int(step.intended_ns.max()), 0) / _S


def _closed_loop(step: StepStamps) -> float | None:
    done = np.flatnonzero(step.fate == Fate.DONE)
    if not _FEW <= len(done) <= _MOST_REPLAYED:  # a loop over each, for a figure beside the figure
        return None
    seen = closed_loop(step.intended_ns[done], step.sent_ns[done], step.done_ns[done])
    return float(np.sort(seen)[nearest_rank(0.99, len(seen))]) / _MS


def _generator_limited(
    operations: Sequence[OperationResult], step: StepStamps, phase: LoadPhase
) -> str:
    """Why the figures say more of the generator; all of a burst are due at once, and queue."""
    dropped = int((step.fate == Fate.DROPPED).sum())
    if dropped:
        return f"{dropped} arrivals were dropped: no connection was free in time"
    for item in operations[:1] if phase.process is not ArrivalProcess.BURST else ():
        lag, total = item.latency("send lag"), item.latency("total")
        late = lag.at(0.99) if lag else None
        median = total.at(0.5) if total else None
        if late and median and late.ms > max(_LAG_MS, _LAG_SHARE * median.ms):
            return (
                f"it sent {late.ms:.3g} ms late (p99), which is much beside a median of "
                f"{median.ms:.3g} ms"
            )
    return ""
