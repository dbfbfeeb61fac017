"""What the load suite found: latencies, the knee, what holds the operator back."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.model.comparison import BlockRow, StoredLoad
from harness.model.growth import Growth, Slope
from harness.model.operatorfigures import OperatorFigures

__all__ = [
    "Arrived",
    "Attribution",
    "Audit",
    "Cause",
    "Knee",
    "KneeState",
    "Latency",
    "LoadResult",
    "OperationResult",
    "Percentile",
    "PhaseResult",
    "StepState",
    "Sustainability",
]


class Percentile(msgspec.Struct, frozen=True, kw_only=True):
    """A percentile with its 95 % interval, in milliseconds.

    Attributes:
        q: For example 0.99.
        low_ms: None where there are too few samples for a bound; `high_ms` likewise.
        at_least: Arrivals that were still open lie at or below it, so the truth may be larger.
    """

    q: float
    ms: float
    low_ms: float | None = None
    high_ms: float | None = None
    at_least: bool = False


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """One of the latencies between the stamps of an arrival.

    Attributes:
        name: "total" (t4 - t0), "send lag" (t1 - t0), "API write" (t2 - t1), "reconcile"
            (t4 - t3) or "echo lag" (t3 - t2).
        n: Samples, the open ones included.
        open: How many were not done; they count with the time that they had waited.
        mean_ms: Of those that were done; None where none was.
    """

    name: str
    n: int
    mean_ms: float | None
    max_ms: float
    percentiles: tuple[Percentile, ...]
    open: int = 0

    def at(self, q: float) -> Percentile | None:
        """Returns a percentile; None where it can't be given."""
        return next((item for item in self.percentiles if item.q == q), None)


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the arrivals of a phase: arrivals = done + in flight + errors + dropped.

    Attributes:
        arrivals: Planned.
        in_flight: Accepted by the API server, and never done in the run.
        errors: Refused, timed out, or lost with their worker.
        dropped: Never sent, since no connection was free in time.
        lost: Of the errors, those whose worker died.
        unaccounted: Planned, but without a row; 0 unless evidence is broken.
        duplicates: Rows beyond the first of an arrival; 0 unless evidence is broken.
        collapsed: Of those done, closed by a later generation or by their object's deletion.
        unchanged: Of those done, writes that left the generation as it was.
        tainted: Open while watch events were missing; their latency is at most what is shown.
        overtaken: Of those in flight, due so long before another arrival of the run that was done
            that the operator went past them. The others are its backlog.
    """

    arrivals: int
    done: int
    in_flight: int
    errors: int
    dropped: int
    lost: int = 0
    unaccounted: int = 0
    duplicates: int = 0
    collapsed: int = 0
    unchanged: int = 0
    tainted: int = 0
    overtaken: int = 0

    @property
    def conserved(self) -> bool:
        """Whether every arrival has exactly one fate."""
        counted = self.done + self.in_flight + self.errors + self.dropped
        return counted == self.arrivals and not self.unaccounted and not self.duplicates


class OperationResult(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies of one kind of arrival in a phase.

    Attributes:
        operation: "converge" (creates and updates), "create", "update", "no-op update", "delete".
    """

    operation: str
    latencies: tuple[Latency, ...]

    def latency(self, name: str) -> Latency | None:
        """Returns one of the latencies; None where it wasn't measured."""
        return next((item for item in self.latencies if item.name == name), None)


class StepState(StrEnum):
    """Whether the operator keeps up with a rate."""

    SUSTAINED = "sustained"
    FAILED = "failed"
    GENERATOR_LIMITED = "generator-limited"  # the load wasn't what it should be: says nothing


class Sustainability(msgspec.Struct, frozen=True, kw_only=True):
    """The tests of one step at one rate.

    Attributes:
        rate_per_s: Planned.
        ratio: Completions by arrivals in the step, after its begin was left out.
        completed_per_s: Completions a second, in the same stretch.
        backlog_slope_per_s: How fast arrivals in flight grew, with its 95 % interval.
        p99_ms: Of the total latency up to the step's end; None below 100 samples.
        send_lag_p99_ms: How late the generator sent.
        clear: Whether a failure is so large that repeating the step can't change it.
        reasons: Why it isn't sustained.
    """

    state: StepState
    rate_per_s: float
    ratio: float
    completed_per_s: float
    backlog_slope_per_s: float
    backlog_slope_low: float
    backlog_slope_high: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    send_lag_p99_ms: float | None = None
    dropped: int = 0
    errors: int = 0
    clear: bool = False
    reasons: tuple[str, ...] = ()


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """Little's law in a phase: what is in flight is the rate times the mean latency.

    Attributes:
        in_flight: Mean over instants of the phase.
        expected: Arrivals a second times their mean latency.
        off: How far they are apart, by the larger.
        holds: Whether that is at most 5 %; else a stamp is wrong, or the phase was not steady.
    """

    in_flight: float
    expected: float
    off: float
    holds: bool


class PhaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """One phase of the load.

    Attributes:
        process: How arrivals were spread: "constant", "poisson", "ramp", "step", "burst".
        rate_per_s: Planned; None for a burst.
        start_s, end_s: On the run's time axis.
        operations: First all that must converge, then each operation apart.
        completed_per_s: Arrivals done while the phase lasted, a second.
        drain_s: From the last arrival's intended time until nothing was in flight; None where
            that never came.
        closed_loop_p99_ms: What a closed-loop client would have shown as p99 of the same phase;
            None for long phases.
        audit: Little's law; None where arrivals weren't steady.
        sustained: Of a phase with a steady rate.
        generator_limited: Why its figures say more of the load generator than of the operator;
            empty where they don't.
        distribution: (share, ms): that share of all creates and updates had a total latency of at
            most so much; the open ones count with the time that they had waited. Of phases whose
            latencies are told, from the least to what all but one of them kept.
        note: Why it was cut short; empty if it wasn't.
    """

    index: int
    name: str
    profile: str
    role: str
    process: str
    rate_per_s: float | None
    start_s: float
    end_s: float
    arrived: Arrived
    operations: tuple[OperationResult, ...] = ()
    completed_per_s: float = 0.0
    drain_s: float | None = None
    closed_loop_p99_ms: float | None = None
    audit: Audit | None = None
    sustained: Sustainability | None = None
    generator_limited: str = ""
    distribution: tuple[tuple[float, float], ...] = ()
    note: str = ""

    def latency(self, name: str, operation: str = "converge") -> Latency | None:
        """Returns a latency of an operation; None where it wasn't measured."""
        for item in self.operations:
            if item.operation == operation:
                return item.latency(name)
        return None


class KneeState(StrEnum):
    """How far a search for the knee got."""

    CONFIRMED = "confirmed"
    AT_LEAST = "at least"  # the highest rate that was tried is sustained
    GENERATOR_LIMITED = "generator-limited"  # more could not be sent: `per_s` is a lower bound
    BELOW = "below"  # not even the lowest rate was sustained
    INCONCLUSIVE = "inconclusive"


class Knee(msgspec.Struct, frozen=True, kw_only=True):
    """The highest rate that the operator sustains.

    Attributes:
        per_s: Highest sustained rate; None where none was.
        low, high: The truth lies between; None where that bound wasn't found.
        reason: In one sentence, also what failed above it.
        seconds: How long the search took.
    """

    state: KneeState
    per_s: float | None
    low: float | None
    high: float | None
    reason: str
    steps: tuple[Sustainability, ...] = ()
    seconds: float = 0.0


class Cause(StrEnum):
    """What holds an operator back."""

    NOTHING = "nothing"  # it kept up with all that was tried
    CLIENT_THROTTLING = "client-side throttling"
    ONE_WORKER = "one worker"
    WORKERS = "all workers busy"
    SLOW_WEBHOOK = "slow webhook"
    CPU = "CPU"
    CONFLICTS = "conflict storm"
    CLUSTER = "simulated cluster"
    GENERATOR = "load generator"
    UNKNOWN = "unknown"


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """What held the operator back, and what shows it.

    Attributes:
        cause: The most specific one whose signs were seen.
        evidence: A line for each sign, with its numbers.
        others: Further causes whose signs were seen, too.
        remedy: What the maintainer can do; empty for none.
    """

    cause: Cause
    evidence: tuple[str, ...]
    others: tuple[Cause, ...] = ()
    remedy: str = ""


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found under load.

    Attributes:
        operator: What the operator says of itself, by phase; empty where it has no metrics.
        bottleneck: What held it back; None where no steady rate was tried.
        growth: How figures grow with the number of objects.
        each_object: What each further object costs.
        problems: Where the measurement itself broke, in words; none where it holds.
        blocks: Of two builds that ran in turn; none in other runs.
        stored: What another run can be compared with; None without steady load.
    """

    phases: tuple[PhaseResult, ...]
    knee: Knee | None = None
    operator: tuple[OperatorFigures, ...] = ()
    bottleneck: Attribution | None = None
    growth: tuple[Growth, ...] = ()
    each_object: tuple[Slope, ...] = ()
    problems: tuple[str, ...] = ()
    blocks: tuple[BlockRow, ...] = ()
    stored: StoredLoad | None = None
