"""What was seen where an operator was overloaded, and what follows from it for its workers.

Which cause that means is for the rules (`causes`), where it is said, too, what was changed after
runs had been looked at. The thresholds here are as they were set before.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from harness.analysis.load.throttling import Drain
from harness.model.operatorfigures import OperatorFigures, QueueFigures

__all__ = [
    "Signs",
    "default_rates",
    "full",
    "idle_cpu",
    "requests_ms",
    "server_ms",
    "shared_wait",
    "slower",
    "works",
]

_ALL_FULL = 0.90  # of the time; several share what is left at the end of a phase
_HALF = 0.5
_LONGER_WORK = 3.0
_COMPUTING = 0.2
_DEFAULT_QPS = (5.0, 20.0)
_DEFAULT_OFF = 0.05
_ONE_AT_WORK = 0.95, 1.05  # a scrape's two halves aren't of the same instant


class Signs(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen where the operator was overloaded.

    Attributes:
        overloaded: Whether a rate was tried that was not sustained.
        generator: Why the generator was the limit; empty where it wasn't.
        errors: Requests of the load that failed at that rate.
        operator: Of the lowest rate that was not sustained, a workload each.
        work_at_ease_ms: By queue: least mean time of a reconcile, of phases below that rate.
        throttled_lines: Log lines that tell of client-side throttling, under load.
        throttled_ms: The longest wait that they tell.
        drain: Of the backlog that was worked off most unevenly; None where there was none.
        cores: That the operator used, by its process; None where nobody looked.
        cores_waited: That it was ready to use and didn't get; None where the system doesn't tell.
        cpu_limit: Of its container, in cores, where it is applied.
        host_cores: Of the machine.
        control_plane_cores: That the cluster's control plane used; None where nobody looked.
        harness_cores: The same of the harness, load generator included.
        api_write_ms: Median time of the load's writes at that rate.
        api_write_at_rest_ms: The same of phases below that rate, the least.
        total_ms: Median total latency at a rate that was sustained.
        webhook_ms: Mean time of the webhooks that those writes went through.
        standstill_s: Longest time without any completion while arrivals waited, if that was a
            stop and not the operator's pace; else 0.
        stopped_only: Whether no more waited at the end than what arrived in that time.
    """

    overloaded: bool
    generator: str = ""
    errors: int = 0
    operator: tuple[OperatorFigures, ...] = ()
    work_at_ease_ms: Mapping[str, float] = {}
    throttled_lines: int = 0
    throttled_ms: float = 0.0
    drain: Drain | None = None
    cores: float | None = None
    cores_waited: float | None = None
    cpu_limit: float | None = None
    host_cores: int | None = None
    control_plane_cores: float | None = None
    harness_cores: float | None = None
    api_write_ms: float | None = None
    api_write_at_rest_ms: float | None = None
    total_ms: float | None = None
    webhook_ms: float | None = None
    standstill_s: float = 0.0
    stopped_only: bool = False

    @property
    def queues(self) -> list[QueueFigures]:
        """All queues of all workloads, with one worker where that shows though it isn't told."""
        return [_presumed(queue) for item in self.operator for queue in item.queues]

    def is_told(self, queue: QueueFigures) -> bool:
        """Whether the operator says how many workers a queue has."""
        return any(
            found.queue == queue.queue and found.workers is not None
            for item in self.operator
            for found in item.queues
        )


def _presumed(queue: QueueFigures) -> QueueFigures:
    """Adds what follows where items wait and one is at work, ever: a second worker would take one.

    One that waits for something has its item at work all the same.
    """
    low, high = _ONE_AT_WORK
    if queue.workers is not None or queue.depth < 1 or not low <= queue.busy <= high:
        return queue
    return msgspec.structs.replace(queue, workers=1, utilisation=min(queue.busy, 1.0))


def full(signs: Signs, *, least: int) -> list[QueueFigures]:
    """Queues with at least so many workers, all busy."""
    return [
        queue
        for queue in signs.queues
        if (queue.utilisation or 0) >= _ALL_FULL and (queue.workers or 1) >= least
    ]


def works(signs: Signs, queue: QueueFigures) -> bool:
    """Whether more workers would help: they wait neither for each other nor for a stop to end."""
    unsure = not signs.work_at_ease_ms.get(queue.queue) and default_rates(signs)
    return not (signs.stopped_only or unsure or shared_wait(signs, queue))


def shared_wait(signs: Signs, queue: QueueFigures) -> list[str]:
    """Workers are full, and wait for something that all of them share.

    A reconcile takes at least 3 times as long as below that rate, less than a fifth of it is
    processor time, and requests at the API server's pace make up less than half of it. What
    remains is a limiter in the client, a lock, or another service; more workers help with none.
    """
    if not queue.work_ms or (queue.utilisation or 0) < _ALL_FULL or queue.busy <= 0:
        return []
    if not slower(signs, queue, by=_LONGER_WORK) or not _is_idle(signs, queue):
        return []
    if requests_ms(signs) >= _HALF * queue.work_ms:
        return []
    ease = signs.work_at_ease_ms[queue.queue]
    return [
        f"a reconcile of {queue.queue} took {queue.work_ms:.3g} ms, {ease:.3g} ms at a lower rate, "
        "and neither processor nor API server is why: its workers wait for something they share"
    ]


def slower(signs: Signs, queue: QueueFigures, *, by: float) -> bool:
    """Whether a reconcile took so many times as long as below that rate; False if unknown."""
    ease = signs.work_at_ease_ms.get(queue.queue)
    return bool(ease and queue.work_ms and queue.work_ms >= by * ease)


def _is_idle(signs: Signs, queue: QueueFigures) -> bool:
    """Whether workers that are busy hardly compute, or wait to; False if nobody looked."""
    wanted = (signs.cores or 0.0) + (signs.cores_waited or 0.0)
    return signs.cores is not None and wanted < _COMPUTING * queue.busy


def requests_ms(signs: Signs) -> float:
    """What the requests of a reconcile take, if each takes as long as a write of the load."""
    calls = [item.api_calls_per_reconcile for item in signs.operator]
    return max((count for count in calls if count), default=0.0) * (server_ms(signs) or 0.0)


def server_ms(signs: Signs) -> float | None:
    """What a write takes but for the operator's own webhooks."""
    if signs.api_write_ms is None:
        return None
    return max(signs.api_write_ms - (signs.webhook_ms or 0.0), 0.0)


def default_rates(signs: Signs) -> list[str]:
    """Requests at a default of client-go's limiter, from workers that hardly compute."""
    found = []
    for item in signs.operator:
        full = [
            q
            for q in map(_presumed, item.queues)
            if (q.utilisation or 0) >= _ALL_FULL and _is_idle(signs, q)
        ]
        if item.api_calls is None or not full:
            continue
        rate = item.api_calls / full[0].seconds
        if any(abs(rate / usual - 1) <= _DEFAULT_OFF for usual in _DEFAULT_QPS):
            found.append(
                f"{item.workload} made {rate:.3g} requests a second, as a client limited by "
                "default does (QPS 5 of client-go, 20 of controller-runtime before v0.21)"
            )
    return found


def idle_cpu(signs: Signs) -> list[str]:
    """What the operator used of the machine, as a line; none where nobody looked."""
    if signs.cores is None:
        return []
    of = f" of {signs.host_cores}" if signs.host_cores else ""
    return [f"it used {signs.cores:.2f}{of} cores"]
