"""What a soak leaves as evidence: a plateau of each workload after each cycle.

All lies below RUN/evidence/soak/: `plan.json` (SoakPlan), `plateaus.ndjson` (Plateau), and the
profiles of that moment, `heap-<workload>-<cycle>.txt.gz` and `goroutine-<workload>-<cycle>.txt.gz`,
in Go's text form (debug=1).
"""

from __future__ import annotations

import msgspec

from harness.model.time import Stamp

__all__ = ["Plateau", "SoakPlan"]


class SoakPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A soak as it was planned.

    Attributes:
        cycles: Each creates objects, changes them, deletes them and rests.
        cycle_s: Length of one, in seconds; one that takes longer delays the next.
        rate_per_s: Arrivals a second while objects are created and changed.
        objects: Made in each cycle.
        rate_from: Who said how much, in words.
    """

    cycles: int
    cycle_s: float
    rate_per_s: float
    objects: int
    rate_from: str = ""


class Plateau(msgspec.Struct, frozen=True, kw_only=True):
    """A workload at rest after a cycle, when all that the cycle made is gone.

    Attributes:
        cycle: From 0.
        workload: Whose.
        pid: Of its process; another one after a restart.
        values: By signal: "live heap", "RSS", "PSS" in bytes; "goroutines", "threads",
            "descriptors", "connections" are counts. What can't be read is left out.
        cpu_s: CPU time of the process so far, in seconds.
        reconciles: So far, as its metrics count them; None where they don't.
        objects: Created in this cycle, and deleted again.
        gone: Whether nothing was open when it was sampled.
        notes: What could not be read, and why.
    """

    cycle: int
    workload: str
    stamp: Stamp
    pid: int
    values: dict[str, float]
    cpu_s: float
    reconciles: int | None = None
    objects: int = 0
    gone: bool = True
    notes: tuple[str, ...] = ()
