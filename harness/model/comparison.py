"""Two builds of an operator, held against each other."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.model.verdict import Verdict

__all__ = ["Change", "Comparison", "Direction", "Rate"]


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

    @property
    def undecided(self) -> bool:
        """Whether the interval reaches across the gate.

        A gate of 0 % only asks that no worsening is proven: that there is none can't be.
        """
        return bool(self.passes and self.allowed and self.worse_by > self.allowed)


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
        if self.flattered or any(change.undecided for change in self.changes):
            return Verdict.INCONCLUSIVE
        return Verdict.PASS
