"""Sizes at which an operator was measured, from few objects to many, and how figures grow.

Sizes lie in RUN/evidence/load/sizes.ndjson.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.model.time import Stamp

__all__ = ["Growing", "Growth", "GrowthSize", "Slope"]


class Growing(StrEnum):
    """What there is more of from size to size."""

    CUSTOM_RESOURCES = "custom resources"
    UNRELATED = "unrelated objects"


class GrowthSize(msgspec.Struct, frozen=True, kw_only=True):
    """One size: a phase of load with so many objects there, and the operator at rest after it.

    Attributes:
        phase: Name of the `LoadPhase`.
        by: What there is more of than at the size before.
        objects: Custom resources that were there.
        unrelated: Other objects, which belong to none of them.
        kind: `Resource.key` of these, for example "configmaps".
        rest: When the operator had done all, and was sampled.
        values: Bytes over all workloads: "memory" (resident set), "live heap" (after a garbage
            collection, where pprof is served). What can't be read of one of them is left out.
        notes: What could not be read, and why.
    """

    phase: str
    by: Growing
    objects: int
    unrelated: int
    kind: str
    rest: Stamp
    values: dict[str, float]
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Objects of those that there are more of."""
        return self.unrelated if self.by is Growing.UNRELATED else self.objects


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """How a figure grows with a number of objects: y = scale * x ** exponent.

    Attributes:
        figure: For example "reconcile p50".
        unit: Of the figure.
        by: For example "custom resources", "unrelated objects".
        exponent: 0 is flat, 1 is proportional; with its 95 % interval.
        points: (objects, figure), as measured.
        sentence: What the interval allows to say.
    """

    figure: str
    unit: str
    by: str
    exponent: float
    low: float
    high: float
    scale: float
    points: tuple[tuple[float, float], ...]
    sentence: str


class Slope(msgspec.Struct, frozen=True, kw_only=True):
    """What each further object costs, for example memory, in `unit`, with its 95 % interval.

    Attributes:
        figure: For example "memory", "live heap"; in KiB.
        unit: Of `each`, `low`, `high` and the second of each point.
        by: As of `Growth`.
        points: (objects, figure), as measured.
        seen: Whether the interval leaves out 0; else `high` is what could have been seen.
        sentence: What the interval allows to say.
    """

    figure: str
    unit: str
    each: float
    low: float
    high: float
    points: tuple[tuple[float, float], ...]
    by: str = "custom resources"
    seen: bool = True
    sentence: str = ""
