"""What an operator says of itself while there is load, by its own counters."""

from __future__ import annotations

import msgspec

__all__ = ["OperatorFigures", "QueueFigures"]


class QueueFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One workqueue of an operator in a phase, by exact identities of its counters.

    Attributes:
        queue: Name of the queue, which is the controller's.
        seconds: Between the two scrapes.
        adds, taken, retries: Items added, taken by a worker, added again after a failure.
        reconciles, errors: As counted; None where the dialect has no such counter.
        queue_wait_ms: Mean; None where nothing was taken.
        work_ms: Mean time that a worker had an item; None likewise.
        depth: Mean number of items that waited.
        depth_at_end: Items waiting at the last scrape: adds less items taken.
        busy: Mean number of workers that had an item.
        workers: MaxConcurrentReconciles; None where it isn't told.
        utilisation: Busy workers by all workers; None likewise.
        wait_p50_ms, wait_p99_ms, work_p50_ms, work_p99_ms: Bounds of the bucket in which the
            percentile lies, never a point; None where nothing was counted. The last bucket has no
            upper bound.
        native: Whether these buckets are of native histograms, 10 % wide; default buckets of
            workqueues are a decade wide.
    """

    queue: str
    seconds: float
    adds: int
    taken: int
    retries: int
    queue_wait_ms: float | None
    work_ms: float | None
    depth: float
    depth_at_end: float
    busy: float
    workers: int | None = None
    utilisation: float | None = None
    reconciles: int | None = None
    errors: int | None = None
    wait_p50_ms: tuple[float, float | None] | None = None
    wait_p99_ms: tuple[float, float | None] | None = None
    work_p50_ms: tuple[float, float | None] | None = None
    work_p99_ms: tuple[float, float | None] | None = None
    native: bool = False


class OperatorFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says of itself in a phase.

    Attributes:
        phase: Name of the phase.
        workload: Which.
        queues: Of its controllers.
        api_calls: Its requests to the API server; None where it doesn't count them.
        conflicts: Of those, answered 409.
        throttled: Of those, answered 429.
        api_calls_per_reconcile: None where nothing was reconciled.
        api_bytes_per_reconcile: Bodies of its requests and of their answers, watches left out, as
            its client counts them; None where it doesn't, or nothing was reconciled.
        limiter_wait_ms: Mean time that its client's own rate limiter held a request back; None
            where it doesn't tell.
        cpu_cores: That it used on average; None where it doesn't tell.
        webhook_ms: Mean time of its own admission webhooks; None where they weren't asked.
        note: Why figures are missing; empty if none are.
    """

    phase: str
    workload: str
    queues: tuple[QueueFigures, ...] = ()
    api_calls: int | None = None
    conflicts: int = 0
    throttled: int = 0
    api_calls_per_reconcile: float | None = None
    api_bytes_per_reconcile: float | None = None
    limiter_wait_ms: float | None = None
    cpu_cores: float | None = None
    webhook_ms: float | None = None
    note: str = ""
