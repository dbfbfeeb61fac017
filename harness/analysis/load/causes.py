"""The causes that hold an operator back: one rule each, with its thresholds and their reasons.

A rule returns the lines that show its cause, and none where it has no signs of its own. The
thresholds were set before any run was looked at; where a source is known, it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from harness.analysis.load.throttling import Drain
from harness.model.loadresult import OperatorFigures, QueueFigures

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Signs",
    "all_workers",
    "client_throttling",
    "cluster",
    "conflicts",
    "cpu",
    "generator",
    "known",
    "one_worker",
    "slow_webhook",
    "webhook_share",
]

_HALF = 0.5
_ONE_FULL = 0.95  # of the time; a worker that serves a backlog pauses for the queue only
_ALL_FULL = 0.90  # several share what is left at the end of a phase
_MOST_OF = 0.85  # of cores: the rest is what the scheduler can't hand out in a second's samples
_MACHINE_FULL = 0.90
_WEBHOOK_MS = 20.0
_WASTED = 1 / 3
_SLOWER_WRITES = 3.0
_LEAST_WRITE_MS = 5.0
_BLIND_WRITE_MS, _BLIND_SLOWER = 20.0, 4.0
_LONGER_WORK = 3.0
_COMPUTING = 0.2
_LEAST_BURST = 5.0
_FASTER, _BARELY_FASTER = 3.0, 1.3
_DEFAULT_QPS = (5.0, 20.0)
_DEFAULT_OFF = 0.05


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
        """All queues of all workloads."""
        return [queue for item in self.operator for queue in item.queues]


def slow_webhook(signs: Signs) -> list[str]:
    """An admission webhook of the operator takes most of the time of who waits for it.

    Least 20 ms on average: an answer from memory takes a millisecond or two, and the API server's
    own objective for a whole write is 1 s at p99 (SIG Scalability). At least half of a write, and
    writes are what is short: the generator's connections all wait for answers, or requests failed,
    or no queue of the operator is full. Or at least half of a whole reconcile. A slow webhook alone
    makes writes late, not fewer: where the workers are full, it isn't why arrivals pile up.
    """
    webhook, write = signs.webhook_ms, signs.api_write_ms
    if webhook is None or webhook < _WEBHOOK_MS:
        return []
    found = []
    if write is not None and webhook >= _HALF * write:
        main = signs.total_ms is not None and write >= _HALF * signs.total_ms
        if signs.generator or signs.errors or (main and not _full(signs, least=1)):
            found.append(
                f"the webhook took {webhook:.3g} ms on average, of {write:.3g} ms that a write took"
            )
            if signs.total_ms is not None:
                found.append(f"a sustained load's median latency was {signs.total_ms:.3g} ms")
    works = [q.work_ms for q in signs.queues if q.work_ms is not None]
    if works and webhook >= _HALF * max(works):
        found.append(
            f"the webhook took {webhook:.3g} ms on average, a whole reconcile {max(works):.3g} ms"
        )
    return found


def webhook_share(signs: Signs) -> list[str]:
    """What is worth telling of a webhook that costs latency, though every rate was sustained."""
    webhook, total = signs.webhook_ms, signs.total_ms
    if webhook is None or total is None or webhook < max(_WEBHOOK_MS, _HALF * total):
        return []
    return [f"Of a median latency of {total:.3g} ms its webhook took {webhook:.3g} ms on average."]


def conflicts(signs: Signs) -> list[str]:
    """Writes that are refused as stale (409) make reconciles vain.

    At least a third of all reconciles: without them the same workers would get half as much more
    done.
    """
    found = []
    for item in signs.operator:
        done = sum(queue.reconciles or queue.taken for queue in item.queues)
        if done and item.conflicts >= _WASTED * done:
            retries = sum(queue.retries for queue in item.queues)
            found.append(
                f"{item.workload} got {item.conflicts} answers 409 (conflict) in {done} "
                f"reconciles, and {retries} retries"
            )
    return found


def client_throttling(signs: Signs) -> list[str]:
    """The operator's own client holds its requests back, by client-go's token bucket.

    Any of these is enough:

    - client-go's log line while there was load: a request waited for more than a second;
    - its metric of the limiter's waits (`rest_client_rate_limiter_duration_seconds`), at least half
      of a reconcile;
    - the shape of a drain: at least 5 more than there are workers were done ahead of a later
      constant rate, at three times that rate: workers alone are ahead by their number;
    - a weaker shape (1.3 times; the search's steps double, so the first overload is less than twice
      the knee), or requests a second within 5 % of a default (5 of client-go, 20 of
      controller-runtime v0.10 to v0.20), and workers that wait for something they share.

    Nothing but lines and metric counts where the processor or the API server is busy.
    """
    found = []
    if signs.throttled_lines:
        found.append(
            f"its log tells {signs.throttled_lines} times of client-side throttling, the longest "
            f"wait {signs.throttled_ms / 1e3:.3g} s"
        )
    found += _limiter_waits(signs)
    if cpu(signs) or cluster(signs):
        return found
    shared = [line for queue in signs.queues for line in _shared_wait(signs, queue)]
    drain, refills = signs.drain, _default_rates(signs) if shared else []
    if drain is not None and _is_bucket(drain, signs, least=_BARELY_FASTER if shared else _FASTER):
        refills.insert(
            0,
            f"of a backlog the first {drain.ahead:.0f} were done at {drain.fast_per_s:.3g}/s, the "
            f"rest at a constant {drain.slow_per_s:.3g}/s: a token bucket's burst and refill",
        )
    if refills:
        found += [*refills, *shared, *_idle_cpu(signs)]
    return found


def cpu(signs: Signs) -> list[str]:
    """The operator computes all that it may.

    At least 85 % of its container's limit, or of the machine's cores; or half of the machine's, if
    several workers are all busy: the control plane and the load need the other half. Without known
    workers 85 % of one core, since an interpreter runs one thread.
    """
    cores = signs.cores
    if cores is None:
        return []
    limit, host = signs.cpu_limit, signs.host_cores
    if limit is not None and cores >= _MOST_OF * limit:
        return [f"it used {cores:.2f} of the {limit:g} cores that its container may"]
    if host is None:
        return []
    crowded = _full(signs, least=2) and cores >= _HALF * host
    if cores >= _MOST_OF * host or crowded:
        return [f"it used {cores:.2f} of the machine's {host} cores, which it shares"]
    if not signs.queues and cores >= _MOST_OF:
        return [f"it used {cores:.2f} cores, and one thread can't use more than one"]
    return []


def cluster(signs: Signs) -> list[str]:
    """The control plane beside it is what is slow: nothing that the operator can help.

    Writes of the load take at least 3 times what they take below that rate, and at least 5 ms; and
    requests of that length make up half of a reconcile. Where reconciles aren't known: 4 times, and
    20 ms. Or the machine is full (90 % of its cores), the control plane uses more of it than the
    operator, and no queue that is full reconciles as fast as below that rate.
    """
    found = []
    write, rest = signs.api_write_ms, signs.api_write_at_rest_ms
    if write is not None and rest is not None and _writes_are_slow(signs, write, rest):
        found.append(
            f"the API server took {write:.3g} ms for a write of the load, {rest:.3g} ms at rest; "
            "the control plane runs on the same machine"
        )
    plane, own, host = signs.control_plane_cores, signs.cores or 0.0, signs.host_cores
    if plane is not None and host is not None and plane > own:
        used = plane + own + (signs.harness_cores or 0.0)
        steady = [q for q in _full(signs, least=1) if not _slower(signs, q, by=_HALF * 4)]
        if used >= _MACHINE_FULL * host and not steady:
            found.append(
                f"the machine was full: of its {host} cores the control plane used {plane:.2f}, "
                f"the operator {own:.2f}, the harness {signs.harness_cores or 0.0:.2f}"
            )
    return found


def one_worker(signs: Signs) -> list[str]:
    """Its only worker is busy for 95 % of the time, and nothing else explains why."""
    return [
        f"{q.queue} has one worker (MaxConcurrentReconciles), and it was busy for "
        f"{q.utilisation or 0:.0%} of the time, {q.work_ms or 0:.3g} ms a reconcile"
        for q in signs.queues
        if q.workers == 1 and (q.utilisation or 0) >= _ONE_FULL and _works(signs, q)
    ]


def all_workers(signs: Signs) -> list[str]:
    """All of several workers are busy for 90 % of the time, and nothing else explains why."""
    return [
        f"all {q.workers} workers of {q.queue} were busy for {q.utilisation or 0:.0%} of the "
        f"time, {q.work_ms or 0:.3g} ms a reconcile"
        for q in _full(signs, least=2)
        if _works(signs, q)
    ]


def generator(signs: Signs) -> list[str]:
    """The load wasn't what it should have been, and the operator kept up with what there was."""
    return [signs.generator] if signs.generator else []


def known(signs: Signs) -> tuple[str, ...]:
    """What was looked at in vain, for people who look further."""
    lines = [
        f"{q.queue}: {q.utilisation:.0%} of its workers' time was used"
        for q in signs.queues
        if q.utilisation is not None
    ]
    for queue in signs.queues:
        lines += _shared_wait(signs, queue)
    lines += _default_rates(signs)
    if signs.standstill_s:
        lines.append(f"it stood still for {signs.standstill_s:.3g} s while arrivals waited")
    return (*lines, *_idle_cpu(signs)) or (
        "The operator has no metrics, and its log says nothing.",
    )


def _works(signs: Signs, queue: QueueFigures) -> bool:
    """Whether more workers would help: they wait neither for each other nor for a stop to end."""
    unsure = not signs.work_at_ease_ms.get(queue.queue) and _default_rates(signs)
    return not (signs.stopped_only or unsure or _shared_wait(signs, queue))


def _shared_wait(signs: Signs, queue: QueueFigures) -> list[str]:
    """Workers are full, and wait for something that all of them share.

    A reconcile takes at least 3 times as long as below that rate, less than a fifth of it is
    processor time, and requests at the API server's pace make up less than half of it. What
    remains is a limiter in the client, a lock, or another service; more workers help with none.
    """
    if not queue.work_ms or (queue.utilisation or 0) < _ALL_FULL or queue.busy <= 0:
        return []
    if not _slower(signs, queue, by=_LONGER_WORK) or not _is_idle(signs, queue):
        return []
    if _requests_ms(signs) >= _HALF * queue.work_ms:
        return []
    ease = signs.work_at_ease_ms[queue.queue]
    return [
        f"a reconcile of {queue.queue} took {queue.work_ms:.3g} ms, {ease:.3g} ms at a lower rate, "
        "and neither processor nor API server is why: its workers wait for something they share"
    ]


def _slower(signs: Signs, queue: QueueFigures, *, by: float) -> bool:
    ease = signs.work_at_ease_ms.get(queue.queue)
    return bool(ease and queue.work_ms and queue.work_ms >= by * ease)


def _is_idle(signs: Signs, queue: QueueFigures) -> bool:
    """Whether the time that workers are busy is hardly processor time; False if nobody looked."""
    return signs.cores is not None and signs.cores < _COMPUTING * queue.busy


def _requests_ms(signs: Signs) -> float:
    """What the requests of a reconcile take, if each takes as long as a write of the load."""
    calls = [item.api_calls_per_reconcile for item in signs.operator]
    return max((count for count in calls if count), default=0.0) * (signs.api_write_ms or 0.0)


def _writes_are_slow(signs: Signs, write: float, rest: float) -> bool:
    works = [queue.work_ms for queue in signs.queues if queue.work_ms is not None]
    requests = _requests_ms(signs)
    if not works or not requests:
        return write >= max(_BLIND_WRITE_MS, _BLIND_SLOWER * rest)
    slower = write >= max(_LEAST_WRITE_MS, _SLOWER_WRITES * rest)
    return slower and requests >= _HALF * max(works)


def _limiter_waits(signs: Signs) -> Iterator[str]:
    for item in signs.operator:
        calls, wait = item.api_calls_per_reconcile, item.limiter_wait_ms
        works = [queue.work_ms for queue in item.queues if queue.work_ms]
        if calls and wait and works and calls * wait >= _HALF * max(works):
            yield (
                f"its client held each request of {item.workload} back for {wait:.3g} ms on "
                f"average, {calls:.3g} of them in a reconcile of {max(works):.3g} ms"
            )


def _is_bucket(drain: Drain, signs: Signs, *, least: float) -> bool:
    workers = max((queue.workers or 1 for queue in signs.queues), default=1)
    if not drain.regular or drain.ahead < _LEAST_BURST + workers:
        return False
    return drain.fast_per_s >= least * drain.slow_per_s


def _default_rates(signs: Signs) -> list[str]:
    """Requests at a default of client-go's limiter, from workers that hardly compute."""
    found = []
    for item in signs.operator:
        full = [q for q in item.queues if (q.utilisation or 0) >= _ALL_FULL and _is_idle(signs, q)]
        if item.api_calls is None or not full:
            continue
        rate = item.api_calls / full[0].seconds
        if any(abs(rate / usual - 1) <= _DEFAULT_OFF for usual in _DEFAULT_QPS):
            found.append(
                f"{item.workload} made {rate:.3g} requests a second, as a client limited by "
                "default does (QPS 5 of client-go, 20 of controller-runtime before v0.21)"
            )
    return found


def _idle_cpu(signs: Signs) -> list[str]:
    if signs.cores is None:
        return []
    of = f" of {signs.host_cores}" if signs.host_cores else ""
    return [f"it used {signs.cores:.2f}{of} cores"]


def _full(signs: Signs, *, least: int) -> list[QueueFigures]:
    """Queues with at least so many workers, all busy."""
    return [
        queue
        for queue in signs.queues
        if (queue.utilisation or 0) >= _ALL_FULL and (queue.workers or 1) >= least
    ]
