"""Two builds of an operator, held against each other."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.model.verdict import Verdict

__all__ = [
    "BASE",
    "HEAD",
    "PROFILE",
    "Baseline",
    "Block",
    "BlockRow",
    "Change",
    "Comparison",
    "ComparisonPlan",
    "Direction",
    "Rate",
    "StoredLoad",
    "StoredPhase",
    "block_name",
    "block_of",
]

BASE, HEAD = "base", "head"
"""The two builds that a run interleaves."""
PROFILE = "compare"
"""Of the load that such a run puts on both."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one stretch of load on one build; all are positive.

    Attributes:
        p50_ms, p90_ms, p99_ms: Of the total latency; None where there are too few arrivals.
        reconcile_p50_ms, reconcile_p90_ms, reconcile_p99_ms: From the own write's watch event.
        cpu_ms: CPU time of the operator, a reconcile; None where it doesn't tell.
        api_calls: Its requests to the API server, a reconcile; likewise.
        throughput_per_s: Completions a second.
    """

    p50_ms: float
    throughput_per_s: float
    p90_ms: float | None = None
    p99_ms: float | None = None
    reconcile_p50_ms: float | None = None
    reconcile_p90_ms: float | None = None
    reconcile_p99_ms: float | None = None
    cpu_ms: float | None = None
    api_calls: float | None = None


class BlockRow(msgspec.Struct, frozen=True, kw_only=True):
    """A block of one of two builds that ran in turn.

    Attributes:
        side: `BASE` or `HEAD`.
        number: Of the pair.
        unfinished: Arrivals that were never done.
        limit: Why the load wasn't what it should be; empty where it was. The pair is left out.
        late: Why tails say more of the load generator; empty where they don't.
        note: Why it was cut short; empty if it wasn't.
        figures: None where nothing was done.
    """

    side: str
    number: int
    arrivals: int
    unfinished: int
    limit: str = ""
    late: str = ""
    note: str = ""
    figures: Block | None = None


class StoredPhase(msgspec.Struct, frozen=True, kw_only=True):
    """A phase of steady load, as another run is compared with it.

    Attributes:
        mix: Shares of the operations.
        blocks: Of equal time.
        unfinished, limit, note: As of a `BlockRow`.
    """

    name: str
    rate_per_s: float
    process: str
    mix: tuple[float, ...]
    blocks: tuple[Block, ...]
    arrivals: int
    unfinished: int
    limit: str = ""
    note: str = ""


class StoredLoad(msgspec.Struct, frozen=True, kw_only=True):
    """All of a run that another one is compared with.

    Attributes:
        run: What people call it.
        ways: What must be the same in both, in words.
        machine: What should be.
        problems: Where its measurement broke: then none of its figures can be believed.
    """

    run: str
    ways: dict[str, str]
    machine: dict[str, str]
    phases: tuple[StoredPhase, ...]
    problems: tuple[str, ...] = ()

    def phase(self, name: str) -> StoredPhase:
        """Returns a phase by its name."""
        return next(phase for phase in self.phases if phase.name == name)


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier run that a run is held against; evidence of that run.

    Attributes:
        gates: By which share each figure may be worse.
    """

    load: StoredLoad
    gates: dict[str, float]


class Direction(StrEnum):
    """What the interval of a change allows to say."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "no difference found"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """How one figure changed.

    Attributes:
        name: "p50", "p99", "throughput" or another.
        unit: Of `base` and `head`.
        base, head: Geometric means over blocks.
        ratio: Head by base, with its 95 % interval.
        worse_by: Upper bound of how much worse head is, as a share: 0.03 says that it is at most
            3 % worse; at most 0 says that it is better.
        detectable: The smallest worsening that such blocks would show in 4 of 5 comparisons.
        direction: By the interval's bound, never by the point.
        allowed: By how much it may become worse, as a share; None where it isn't gated.
        passes: Whether the interval doesn't lie beyond `allowed`.
    """

    name: str
    unit: str
    base: float
    head: float
    ratio: float
    low: float
    high: float
    worse_by: float
    detectable: float
    direction: Direction
    allowed: float | None
    passes: bool
    lower_is_better: bool = True

    @property
    def point(self) -> float:
        """How much worse head is, as a share, by the point."""
        return (self.ratio if self.lower_is_better else 1 / self.ratio) - 1

    @property
    def worsening(self) -> tuple[float, float]:
        """How much worse head is, as a share: the bounds of the interval."""
        if self.lower_is_better:
            return self.low - 1, self.high - 1
        return 1 / self.high - 1, 1 / self.low - 1

    @property
    def undecided(self) -> bool:
        """Whether the interval reaches across the gate.

        A gate of 0 % only asks that no worsening is proven: that there is none can't be.
        """
        return bool(self.passes and self.allowed and self.worse_by > self.allowed)


class ComparisonPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a run that interleaves two builds is about; evidence, and rules fixed before.

    Attributes:
        base, head: Of the builds, in words: what was asked for, with the commit if it was checked
            out.
        gates: By which share each figure of head may be worse.
        blocks: Of each build.
        rate_per_s: Arrivals a second, on average.
        seconds: Length of a block.
        warm_up_s: Of each block, with the same load; in no figure.
    """

    base: str
    head: str
    gates: dict[str, float]
    blocks: int
    rate_per_s: float
    seconds: float
    warm_up_s: float


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """How often something happened, with its exact 95 % interval (Clopper and Pearson)."""

    times: int
    trials: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """As a share of the trials."""
        return self.times / self.trials


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two builds compared.

    Attributes:
        base, head: What was compared, in words.
        blocks: Pairs of blocks where they were interleaved, else the smaller number of blocks.
        interleaved: Whether both ran in turn in one run; two stored runs are weaker.
        method: In one sentence.
        phase: Name of the phase that was compared; empty where there is but one.
        caveat: What weakens it; empty for none.
        doubts: Why it decides nothing, whatever the figures say.
        flattered: Why head looks better than it is, so that only a worsening counts; empty for
            nothing.
        lacking: Why gated figures aren't there; those that are still count.
    """

    base: str
    head: str
    blocks: int
    interleaved: bool
    method: str
    changes: tuple[Change, ...]
    phase: str = ""
    caveat: str = ""
    doubts: tuple[str, ...] = ()
    flattered: str = ""
    lacking: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether nothing became worse by more than is allowed."""
        return all(change.passes for change in self.changes)

    @property
    def verdict(self) -> Verdict:
        """Fail for a worsening beyond the gate, inconclusive where that can't be told."""
        if self.doubts:
            return Verdict.INCONCLUSIVE
        if not self.passes:
            return Verdict.FAIL
        if self.flattered or self.lacking or any(change.undecided for change in self.changes):
            return Verdict.INCONCLUSIVE
        return Verdict.PASS


def block_name(side: str, number: int) -> str:
    """Returns the name of the phase that is a block, for example "head-3"."""
    return f"{side}-{number}"


def block_of(name: str) -> tuple[str, int] | None:
    """Returns build and number of a block by the name of its phase; None for other phases."""
    side, _, number = name.partition("-")
    if side not in {BASE, HEAD} or not number.isdigit():
        return None
    return side, int(number)
