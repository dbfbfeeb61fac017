"""What an operator's counters say exactly, from two scrapes at a phase's bounds.

Sums and counts of histograms are exact, their buckets are not: those of workqueues are a decade
wide. With W the sum of all waits between two instants dt apart, the mean wait is W by the number of
items taken, and the mean depth is W / dt (Little). Items that straddle an instant would be missing;
what they have waited or worked so far is in `workqueue_unfinished_work_seconds`, and phases begin
and end at rest where they can.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.model.operatorfigures import OperatorFigures, QueueFigures
from harness.model.promql import QUEUE_WAIT, QUEUE_WORK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.analysis.load.exposition import Page

__all__ = ["bounds_ms", "bucket_interval", "operator_figures"]

_S = 1e9
_ADDS = "workqueue_adds_total"
_RETRIES = "workqueue_retries_total"
_UNFINISHED = "workqueue_unfinished_work_seconds"
_WORKERS = "controller_runtime_max_concurrent_reconciles"
_RECONCILES = "controller_runtime_reconcile_total"
_ERRORS = "controller_runtime_reconcile_errors_total"
_CALLS = "rest_client_requests_total"
_SENT = "rest_client_request_size_bytes_sum"
_RECEIVED = "rest_client_response_size_bytes_sum"
_LIMITER = "rest_client_rate_limiter_duration_seconds"
_CPU = "process_cpu_seconds_total"
_START = "process_start_time_seconds"
_SAME_START_S = 2.0  # it is counted from when the machine was booted, which clocks correct a little
_WEBHOOK = "controller_runtime_webhook_latency_seconds"


def operator_figures(before: Page, after: Page, *, phase: str, workload: str) -> OperatorFigures:
    """Returns what happened between two scrapes.

    Where the process was restarted between them there are no figures, and the note says so.
    """
    made = _Between(before, after)
    if made.restarted:
        return OperatorFigures(
            phase=phase,
            workload=workload,
            note="it was restarted between the two scrapes, and its counters began anew",
        )
    queues = tuple(
        _queue(made, name) for name in after.values(_ADDS, "name") if made.grew(_ADDS, name=name)
    )
    calls = made.grew(_CALLS)
    reconciles = sum(item.reconciles or 0 for item in queues)
    asked = made.grew(f"{_WEBHOOK}_count")
    sent, received = made.grew(_SENT), made.grew(_RECEIVED)
    both = None if sent is None or received is None else sent + received
    return OperatorFigures(
        phase=phase,
        workload=workload,
        queues=queues,
        api_calls=None if calls is None else round(calls),
        conflicts=round(made.grew(_CALLS, code="409") or 0),
        throttled=round(made.grew(_CALLS, code="429") or 0),
        api_calls_per_reconcile=calls / reconciles if calls is not None and reconciles else None,
        api_bytes_per_reconcile=_by(both, reconciles),
        limiter_wait_ms=_ms(_by(made.grew(f"{_LIMITER}_sum"), made.grew(f"{_LIMITER}_count") or 0)),
        cpu_cores=_by(made.grew(_CPU), made.seconds),
        webhook_ms=_ms(_by(made.grew(f"{_WEBHOOK}_sum"), asked or 0.0)),
    )


def bucket_interval(
    q: float, before: Mapping[float, float], after: Mapping[float, float]
) -> tuple[float, float] | None:
    """Returns the bounds of the bucket in which a quantile lies, from cumulative counts.

    Args:
        q: The quantile.
        before: Counts by upper bound, at the first scrape; may be empty.
        after: The same at the second.

    Returns:
        None where nothing was counted. The upper bound of the last bucket is infinite.
    """
    counts = [(bound, after[bound] - before.get(bound, 0.0)) for bound in sorted(after)]
    if not counts or counts[-1][1] <= 0:
        return None
    wanted = q * counts[-1][1]
    lower = 0.0
    for bound, count in counts:
        if count >= wanted:
            return lower, bound
        lower = bound
    return lower, math.inf


def bounds_ms(seconds: tuple[float, float] | None) -> tuple[float, float | None] | None:
    """Returns bounds in milliseconds; the upper one is None where it's infinite."""
    if seconds is None:
        return None
    low, high = seconds
    return low * 1e3, None if math.isinf(high) else high * 1e3


class _Between:
    """How much counters grew from one scrape to the next."""

    def __init__(self, before: Page, after: Page) -> None:
        self.before = before
        self.after = after
        self.seconds = (after.mono_ns - before.mono_ns) / _S

    @property
    def restarted(self) -> bool:
        """Whether its start says so, or a counter that fell: under load they soon catch up."""
        first, last = self.before.total(_START), self.after.total(_START)
        if first is not None and last is not None and last - first > _SAME_START_S:
            return True
        pairs = ((self.before.total(name), self.after.total(name)) for name in (_ADDS, _CPU))
        return any(a is not None and b is not None and b < a for a, b in pairs)

    def grew(self, series: str, **labels: str) -> float | None:
        """Returns the growth over all other labels (priority among them); None without series."""
        last = self.after.total(series, labels)
        return None if last is None else last - (self.before.total(series, labels) or 0.0)


def _queue(made: _Between, name: str) -> QueueFigures:
    of = {"name": name}
    taken = made.grew(f"{QUEUE_WAIT}_count", **of) or 0.0
    waited = made.grew(f"{QUEUE_WAIT}_sum", **of) or 0.0
    done = made.grew(f"{QUEUE_WORK}_count", **of) or 0.0
    worked = made.grew(f"{QUEUE_WORK}_sum", **of) or 0.0
    busy_s = worked + (made.grew(_UNFINISHED, **of) or 0.0)
    workers = made.after.total(_WORKERS, {"controller": name})
    busy = busy_s / made.seconds
    reconciles = made.grew(_RECONCILES, controller=name)
    errors = made.grew(_ERRORS, controller=name)
    adds = made.after.total(_ADDS, of) or 0.0
    wait, work = (
        (made.before.buckets(histogram, of), made.after.buckets(histogram, of))
        for histogram in (QUEUE_WAIT, QUEUE_WORK)
    )
    return QueueFigures(
        queue=name,
        seconds=made.seconds,
        adds=round(made.grew(_ADDS, **of) or 0),
        taken=round(taken),
        retries=round(made.grew(_RETRIES, **of) or 0),
        queue_wait_ms=_ms(_by(waited, taken)),
        work_ms=_ms(_by(worked, done)),
        depth=waited / made.seconds,
        depth_at_end=adds - (made.after.total(f"{QUEUE_WAIT}_count", of) or 0.0),
        busy=busy,
        workers=None if workers is None else round(workers),
        utilisation=busy / workers if workers else None,
        reconciles=None if reconciles is None else round(reconciles),
        errors=None if errors is None else round(errors),
        wait_p50_ms=bounds_ms(bucket_interval(0.5, *wait)),
        wait_p99_ms=bounds_ms(bucket_interval(0.99, *wait)),
        work_p50_ms=bounds_ms(bucket_interval(0.5, *work)),
        work_p99_ms=bounds_ms(bucket_interval(0.99, *work)),
    )


def _by(value: float | None, count: float) -> float | None:
    return None if value is None or count <= 0 else value / count


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3
