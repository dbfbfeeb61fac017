"""What a soak found: for each signal a leak, no leak larger than X, or nothing that can be said."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.model.soak import Disturbance

__all__ = [
    "CycleLoad",
    "GrowingSite",
    "InventoryChange",
    "LeakVerdict",
    "LeftKind",
    "SoakResult",
    "SoakSignal",
]


class LeakVerdict(StrEnum):
    """What a soak says of a signal."""

    LEAK = "leak"
    NO_LEAK = "no leak"  # larger than the smallest that could have been seen
    INCONCLUSIVE = "inconclusive"


class SoakSignal(msgspec.Struct, frozen=True, kw_only=True):
    """One signal, sampled at rest after each cycle.

    Attributes:
        name: For example "live heap".
        unit: "B", "s" or "1".
        subject: Whose, for example a process.
        values: One a cycle, the warm-up included.
        warm_up: How many cycles at the begin were left out, by a fixed rule.
        slope: Growth in each cycle, robust (Theil-Sen), with its 98 % interval: its lower bound is
            that of the one-sided test at 1 %.
        p: Of the one-sided test for growth; `adjusted_p` for the number of signals (Holm).
        noise: Standard deviation of the plateaus around the line.
        autocorrelation: Of neighbouring plateaus around the line.
        growth: Over all cycles that count.
        detectable: The smallest growth over these cycles that would have been seen in 19 of 20
            soaks; nothing smaller is ruled out. None where there were too few cycles to tell.
        matters: The growth over these cycles from which it counts as a leak.
        each_reconcile: Growth a reconcile, with its interval; None where nobody counted them.
        each_object: The same for each object that was created and deleted.
        sentence: The verdict with its numbers.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    warm_up: int
    slope: float
    low: float
    high: float
    p: float
    adjusted_p: float
    noise: float
    autocorrelation: float
    growth: float
    detectable: float | None
    matters: float
    verdict: LeakVerdict
    sentence: str
    subject: str = ""
    each_reconcile: tuple[float, float, float] | None = None
    each_object: tuple[float, float, float] | None = None


class GrowingSite(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the operator's code something grew between two profiles.

    Attributes:
        kind: Of what: "live heap", "goroutines", "descriptors".
        subject: Whose.
        growth: In `unit`, between the plateaus after the cycles `first` and `last`, from 1.
        unit: "B" (estimated from Go's samples of allocations) or "1".
        function: The innermost that isn't of Go's runtime; of descriptors what they lead to.
        place: Its file and line, as it was compiled; empty for descriptors.
        stack: Functions, innermost first.
    """

    kind: str
    subject: str
    growth: float
    unit: str
    function: str
    place: str
    first: int
    last: int
    stack: tuple[str, ...] = ()


class CycleLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the creates and updates of one cycle.

    Attributes:
        cycle: From 1.
        end_s: When its deletes began, on the run's time axis.
        errors: Requests that were refused or got no answer.
        unconverged: Accepted, but not done when their objects were deleted.
        p50_ms, p99_ms: From the intended time to done; None where nothing was done.
        per_s: Done a second, from the first arrival to the last that was done.
    """

    cycle: int
    end_s: float
    arrivals: int
    errors: int
    unconverged: int
    p50_ms: float | None
    p99_ms: float | None
    per_s: float

    @property
    def failures(self) -> int:
        """Arrivals that came to nothing."""
        return self.errors + self.unconverged


class LeftKind(msgspec.Struct, frozen=True, kw_only=True):
    """Objects of a kind that stayed in the cluster, though all that the soak made was deleted.

    Attributes:
        count: How many, of which `names` has some, each with its namespace.
        cause: Why they stayed, as a noun.
        how: By what the first is known to be the operator's.
        created: How many of the kind the operator created in the run; 0 where nobody can tell.
        write: The request that made the first; empty where nobody can tell.
        line: Of that request in the audit log.
    """

    kind: str
    resource: str
    count: int
    names: tuple[str, ...]
    cause: str
    how: str
    created: int = 0
    write: str = ""
    line: int = 0


class InventoryChange(msgspec.Struct, frozen=True, kw_only=True):
    """How many objects of a resource two inventories hold, told apart by their uids.

    Attributes:
        resource: For example "configmaps".
        before: Before the first cycle.
        after: After the last.
        came: That are only in the later one.
        went: That are only in the earlier one.
    """

    resource: str
    before: int
    after: int
    came: int
    went: int


class SoakResult(msgspec.Struct, frozen=True, kw_only=True):
    """A whole soak.

    Attributes:
        cycles: That were complete.
        reconciles: In the cycles that count; None where nobody counted them.
        objects: Created and deleted in them.
        planned: Cycles that there should have been.
        beside: Signals that don't decide, since a better one of the same does: a process's memory
            beside its live heap.
        sites: Where what grew was allocated or started, the most first.
        notes: What limits this, a sentence each.
        loads: What became of the arrivals, cycle by cycle.
        drift: How latency, throughput and failures go, with the cycles as steps; a "leak" of
            these is a drift to the worse.
        disturbances: What was done to the operator's surroundings, and how it got over it.
        cost: CPU time and requests of a cycle, which decide nothing but SOA-112.
        left: What stayed in the cluster.
        inventory: What differs between the cluster before and after, whoever did it; None where
            nobody looked.
        events: How many Events there were before the first cycle and after the last; None where
            nobody counted.
    """

    cycles: int
    signals: tuple[SoakSignal, ...]
    reconciles: int | None = None
    objects: int | None = None
    planned: int = 0
    beside: tuple[SoakSignal, ...] = ()
    sites: tuple[GrowingSite, ...] = ()
    notes: tuple[str, ...] = ()
    loads: tuple[CycleLoad, ...] = ()
    drift: tuple[SoakSignal, ...] = ()
    disturbances: tuple[Disturbance, ...] = ()
    cost: tuple[SoakSignal, ...] = ()
    left: tuple[LeftKind, ...] = ()
    inventory: tuple[InventoryChange, ...] | None = None
    events: tuple[int, int] | None = None

    @property
    def verdict(self) -> LeakVerdict:
        """A leak of any signal is one; no leak needs that of all signals."""
        found = {signal.verdict for signal in self.signals}
        if LeakVerdict.LEAK in found:
            return LeakVerdict.LEAK
        if found == {LeakVerdict.NO_LEAK}:
            return LeakVerdict.NO_LEAK
        return LeakVerdict.INCONCLUSIVE
