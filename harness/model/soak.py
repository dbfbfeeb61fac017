"""What a soak leaves as evidence: a plateau of each workload after each cycle.

All lies below RUN/evidence/soak/: `plan.json` (SoakPlan), `plateaus.ndjson` (Plateau), and the
profiles of that moment, `heap-<workload>-<cycle>.txt.gz` and `goroutine-<workload>-<cycle>.txt.gz`,
in Go's text form (debug=1); `leases.ndjson` (LeaseState), `disturbances.ndjson` (Disturbance), and
`rests.ndjson`, plateaus before and after the definition was made anew, which aren't of cycles.
"""

from __future__ import annotations

import msgspec

from harness.model.time import Span, Stamp

__all__ = [
    "API_SERVER",
    "DEFINITION",
    "TOKEN",
    "Disturbance",
    "LeaseState",
    "Plateau",
    "SoakPlan",
]

API_SERVER = "API server"
DEFINITION = "definition"
TOKEN = "token"  # noqa: S105 - the name of what is rotated
"""Names of disturbances."""


class SoakPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A soak as it was planned.

    Attributes:
        cycles: Each creates objects, changes them, deletes them and rests.
        cycle_s: Length of one, in seconds; one that takes longer delays the next.
        rate_per_s: Arrivals a second while objects are created and changed.
        objects: Made in each cycle.
        warm_ups: Rounds before the first cycle, each as a cycle, but without rest and plateau.
        warm_ups_again: The same after the API server was restarted in the middle.
        rate_from: Who said how much, in words.
        replaced_after: Cycle after which the operator's token is replaced; 0 for never.
        revoked_after: Cycle after which the old one is revoked.
        overlap_s: How long both are valid, in seconds, or longer.
    """

    cycles: int
    cycle_s: float
    rate_per_s: float
    objects: int
    warm_ups: int = 0
    warm_ups_again: int = 0
    rate_from: str = ""
    replaced_after: int = 0
    revoked_after: int = 0
    overlap_s: float = 0.0

    @property
    def round_s(self) -> float:
        """How long a round without rest takes, in seconds, where the operator keeps up."""
        return 2 * self.objects / self.rate_per_s


class Plateau(msgspec.Struct, frozen=True, kw_only=True):
    """A workload at rest after a cycle, when all that the cycle made is gone.

    Attributes:
        cycle: From 0.
        workload: Whose.
        pid: Of its process; another one after a restart. Of a container when it was started, in
            seconds since the epoch.
        values: By signal: "live heap", "memory in use" (RSS without what the C library keeps
            free), "RSS", "PSS", "working set" (of a container) in bytes;
            "goroutines", "threads", "descriptors", "connections" (which are descriptors, too),
            "queue depth" are counts; "unfinished work" is in seconds. What can't be read is left
            out.
        cpu_s: CPU time of the process so far, in seconds.
        reconciles: So far, as its metrics count them; None where they don't.
        objects: Created in this cycle, and deleted again.
        gone: Whether nothing was open when it was sampled.
        notes: What could not be read, and why.
        leads_to: How many descriptors lead to what, as `harness.probes.descriptors` tells it.
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
    leads_to: dict[str, int] = {}


class LeaseState(msgspec.Struct, frozen=True, kw_only=True):
    """A Lease of the operator's after a cycle.

    Attributes:
        cycle: From 0.
        holder: Who leads; empty for nobody.
        transitions: How often that was somebody else than before.
    """

    cycle: int
    stamp: Stamp
    namespace: str
    name: str
    holder: str
    transitions: int


class Disturbance(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the soak did to the operator's surroundings, between two cycles.

    Attributes:
        name: API_SERVER: it ended, etcd was compacted, and it came back. DEFINITION: that of the
            custom resource was deleted and made anew. TOKEN: the one that had been replaced before
            was revoked.
        span: From its begin until the operator had had its time to get over it.
        after_cycle: How many cycles were over.
        tried: False where it can't be done here; `note` says why.
        away_s: How long what the operator needs was away, in seconds.
        ended: Processes of the operator that ended meanwhile, and were started again.
        recovered: Whether the operator was ready, or converged, afterwards.
        note: In words; why it didn't recover.
        overlap_s: How long both tokens were valid, in seconds.
    """

    name: str
    span: Span
    after_cycle: int
    tried: bool = True
    away_s: float = 0.0
    ended: tuple[str, ...] = ()
    recovered: bool = True
    note: str = ""
    overlap_s: float = 0.0
