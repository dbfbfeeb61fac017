"""The causes that hold an operator back: one rule each, with its thresholds and their reasons.

A rule returns the lines that show its cause, and none where it has no signs of its own. Where a
threshold has a source, it is named. Most were set before any run was looked at, and not all: after
a first set of seeded runs, made on a busy machine, the least ratio of a token bucket's burst to its
refill was lowered from 3 to 2 (and the burst's end found otherwise, `throttling`), and threads that
wait for a processor, and an operator that stood still, came to count. Bar 6 of `make bench-load`
has judged runs that were made since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.load.seen import (
    default_rates,
    full,
    idle_cpu,
    requests_ms,
    server_ms,
    shared_wait,
    slower,
    works,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.load.seen import Signs
    from harness.analysis.load.throttling import Drain
    from harness.model.operatorfigures import QueueFigures

__all__ = [
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
_MOST_OF = 0.85  # of cores: the rest is what the scheduler can't hand out in a second's samples
_MACHINE_FULL = 0.90
_WEBHOOK_MS = 20.0
_WASTED = 1 / 3
_SLOWER_WRITES = 3.0
_LEAST_WRITE_MS = 5.0
_BLIND_WRITE_MS, _BLIND_SLOWER = 20.0, 4.0
_LONGER_RECONCILES = 2.0
_LEAST_BURST = 5.0
_FASTER, _BARELY_FASTER = 2.0, 1.3


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
        if signs.generator or signs.errors or (main and not full(signs, least=1)):
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
      constant rate, at twice that rate: workers alone are ahead by their number;
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
    shared = [line for queue in signs.queues for line in shared_wait(signs, queue)]
    drain, refills = signs.drain, default_rates(signs) if shared else []
    if drain is not None and _is_bucket(drain, signs, least=_BARELY_FASTER if shared else _FASTER):
        refills.insert(
            0,
            f"of a backlog the first {drain.ahead:.0f} were done at {drain.fast_per_s:.3g}/s, the "
            f"rest at a constant {drain.slow_per_s:.3g}/s: a token bucket's burst and refill",
        )
    if refills:
        found += [*refills, *shared, *idle_cpu(signs)]
    return found


def cpu(signs: Signs) -> list[str]:
    """The operator computes all that it may.

    At least 85 % of its container's limit, or of the machine's cores; or half of the machine's, if
    several workers are all busy: the control plane and the load need the other half. Or, on a
    machine that is busy with other things too: for 85 % of the time that its workers are busy its
    threads ran or were ready to run (schedstat), and it used more than the control plane. Without
    known workers that is 85 % of one core, since an interpreter runs one thread.
    """
    cores = signs.cores
    if cores is None:
        return []
    limit, host = signs.cpu_limit, signs.host_cores
    if limit is not None and cores >= _MOST_OF * limit:
        return [f"it used {cores:.2f} of the {limit:g} cores that its container may"]
    crowded = full(signs, least=2) and host is not None and cores >= _HALF * host
    if host is not None and (cores >= _MOST_OF * host or crowded):
        return [f"it used {cores:.2f} of the machine's {host} cores, which it shares"]
    if not signs.queues and cores >= _MOST_OF:
        return [f"it used {cores:.2f} cores, and one thread can't use more than one"]
    return _starved(signs, cores)


def _starved(signs: Signs, cores: float) -> list[str]:
    waited, at_work = signs.cores_waited, full(signs, least=1)
    busy = sum(queue.busy for queue in at_work) if signs.queues else 1.0
    if waited is None or not busy or cores <= (signs.control_plane_cores or 0.0):
        return []
    if cores + waited < _MOST_OF * busy:
        return []
    workers = f"its {busy:.2g} busy workers" if at_work else "one thread"
    return [
        f"it used {cores:.2f} cores and was ready to use {waited:.2f} more that it didn't get: as "
        f"much as {workers} can"
    ]


def cluster(signs: Signs) -> list[str]:
    """The control plane beside it is what is slow: nothing that the operator can help.

    Writes of the load, without its webhooks, take at least 3 times what they take below that rate,
    and at least 5 ms; and requests of that length make up half of a reconcile. Where reconciles
    aren't known: 4 times, and 20 ms. Or the machine is full (90 % of its cores), the control plane
    uses more of it than the operator, and each queue that is full reconciles half as fast as below
    that rate.
    """
    found = []
    write, rest = server_ms(signs), signs.api_write_at_rest_ms
    if write is not None and rest is not None and _writes_are_slow(signs, write, rest):
        found.append(
            f"the API server took {write:.3g} ms for a write of the load, {rest:.3g} ms at rest; "
            "the control plane runs on the same machine"
        )
    plane, own, host = signs.control_plane_cores, signs.cores or 0.0, signs.host_cores
    if plane is not None and host is not None and plane > own:
        used = plane + own + (signs.harness_cores or 0.0)
        steady = [q for q in full(signs, least=1) if not slower(signs, q, by=_LONGER_RECONCILES)]
        if used >= _MACHINE_FULL * host and not steady:
            found.append(
                f"the machine was full: of its {host} cores the control plane used {plane:.2f}, "
                f"the operator {own:.2f}, the harness {signs.harness_cores or 0.0:.2f}"
            )
    return found


def one_worker(signs: Signs) -> list[str]:
    """Its only worker is busy for 95 % of the time, and nothing else explains why."""
    return [
        f"{q.queue} has one worker ({_known_by(signs, q)}), and it was busy for "
        f"{q.utilisation or 0:.0%} of the time, {q.work_ms or 0:.3g} ms a reconcile"
        for q in signs.queues
        if q.workers == 1 and (q.utilisation or 0) >= _ONE_FULL and works(signs, q)
    ]


def _known_by(signs: Signs, queue: QueueFigures) -> str:
    if signs.is_told(queue):
        return "MaxConcurrentReconciles"
    return f"it isn't told, but while {queue.depth:.3g} items waited {queue.busy:.2f} were at work"


def all_workers(signs: Signs) -> list[str]:
    """All of several workers are busy for 90 % of the time, and nothing else explains why."""
    return [
        f"all {q.workers} workers of {q.queue} were busy for {q.utilisation or 0:.0%} of the "
        f"time, {q.work_ms or 0:.3g} ms a reconcile"
        for q in full(signs, least=2)
        if works(signs, q)
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
        lines += shared_wait(signs, queue)
    lines += default_rates(signs)
    if signs.standstill_s:
        lines.append(f"it stood still for {signs.standstill_s:.3g} s while arrivals waited")
    return (*lines, *idle_cpu(signs)) or ("The operator has no metrics, and its log says nothing.",)


def _writes_are_slow(signs: Signs, write: float, rest: float) -> bool:
    works = [queue.work_ms for queue in signs.queues if queue.work_ms is not None]
    requests = requests_ms(signs)
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
