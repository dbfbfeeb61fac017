"""What holds an operator back: rules over signs, each with the numbers that show it.

A cause is claimed only where a rate was tried that the operator could not sustain, and only by
signs of its own; the most specific cause comes first, since a worker that waits for a webhook is
busy, too. Without signs the answer is "unknown".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.model.loadresult import Attribution, Cause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from harness.model.loadresult import OperatorFigures, QueueFigures

__all__ = ["Drain", "Signs", "attribute", "drain_rates", "throttled_ms"]

_THROTTLED = re.compile(r"Waited for ([0-9.]+)(ms|s|m)\S* due to client-side throttling")
_MS = {"ms": 1.0, "s": 1e3, "m": 60e3}

_FULL = 0.95  # of the workers
_BUSY = 0.90
_CORES = 0.85  # of the machine's, or of the limit
_HALF = 0.5
_CONFLICTS = 0.2  # by reconciles
_WEBHOOK_MS = 20.0
_SLOWER_WRITES = 4.0
_CLUSTER_MS = 20.0
_FASTER = 3.0  # a bucket's burst by its refill
_LEAST_BURST = 5.0
_LEAST_DONE = 30


class Drain(msgspec.Struct, frozen=True, kw_only=True):
    """How a backlog was worked off: the sign of a token bucket is a burst, then a constant rate.

    Attributes:
        slow_per_s: Completions a second over the later half.
        fast_per_s: Over the first ones, as many as were done ahead of that rate.
        ahead: How many were done ahead of it.
        regular: Whether the later half was done at a constant rate.
    """

    slow_per_s: float
    fast_per_s: float
    ahead: float
    regular: bool


class Signs(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen where the operator was overloaded.

    Attributes:
        overloaded: Whether a rate was tried that was not sustained.
        generator: Why the generator was the limit; empty where it wasn't.
        operator: Of the lowest rate that was not sustained, a workload each.
        throttled_lines: Log lines that tell of client-side throttling, under load.
        throttled_ms: The longest wait that they tell.
        drain: Of the largest backlog; None where there was none.
        cores: That the operator used, by its process; None where nobody looked.
        cpu_limit: Of its container, in cores, where it is applied.
        host_cores: Of the machine.
        api_write_ms: Median time of the load's writes at that rate.
        api_write_at_rest_ms: The same without load.
        total_ms: Median total latency at a rate that was sustained.
        webhook_ms: Mean time of the webhooks that those writes went through.
    """

    overloaded: bool
    generator: str = ""
    operator: tuple[OperatorFigures, ...] = ()
    throttled_lines: int = 0
    throttled_ms: float = 0.0
    drain: Drain | None = None
    cores: float | None = None
    cpu_limit: float | None = None
    host_cores: int | None = None
    api_write_ms: float | None = None
    api_write_at_rest_ms: float | None = None
    total_ms: float | None = None
    webhook_ms: float | None = None


def attribute(signs: Signs) -> Attribution:
    """Returns what held the operator back."""
    if not signs.overloaded and not signs.generator:
        return Attribution(
            cause=Cause.NOTHING, evidence=("It sustained every rate that was tried.",)
        )
    seen = {cause: rule(signs) for cause, rule in _RULES}
    found = [cause for cause, lines in seen.items() if lines]
    if not found:
        return Attribution(cause=Cause.UNKNOWN, evidence=_known(signs))
    return Attribution(
        cause=found[0],
        evidence=tuple(seen[found[0]]),
        others=tuple(found[1:]),
        remedy=_REMEDIES.get(found[0], ""),
    )


def throttled_ms(line: str) -> float | None:
    """Returns how long client-go says that it held back a request; None for any other line."""
    found = _THROTTLED.search(line)
    return float(found[1]) * _MS[found[2]] if found else None


def drain_rates(done_ns: NDArray[np.int64], *, start_ns: int) -> Drain | None:
    """Returns how a backlog was worked off; None for less than 30 completions.

    Args:
        done_ns: When each of the backlog was done.
        start_ns: When all of it was there.
    """
    if len(done_ns) < _LEAST_DONE:
        return None
    at = np.sort(done_ns - start_ns) / 1e9
    count = np.arange(1, len(at) + 1)
    half = len(at) // 2
    if at[-1] <= at[half]:
        return None
    slow = float((len(at) - 1 - half) / (at[-1] - at[half]))
    late = count[half:] - (half + 1) - slow * (at[half:] - at[half])
    ahead = count - slow * at
    burst = float(ahead.max())
    place = max(min(int(burst), half), 1)
    return Drain(
        slow_per_s=slow,
        fast_per_s=place / max(float(at[place - 1]), 1e-6),
        ahead=burst,
        regular=bool(np.abs(late).max() <= max(2.0, 0.03 * len(late))),
    )


def _webhook(signs: Signs) -> list[str]:
    webhook, write = signs.webhook_ms, signs.api_write_ms
    if webhook is None or webhook < _WEBHOOK_MS:
        return []
    found = []
    if write is not None and webhook >= _HALF * write:
        main = signs.total_ms is not None and write >= _HALF * signs.total_ms
        if signs.generator or main:
            found.append(
                f"the webhook took {webhook:.3g} ms on average, of {write:.3g} ms that a write took"
            )
            if signs.total_ms is not None:
                found.append(f"a sustained load's median latency was {signs.total_ms:.3g} ms")
    works = [q.work_ms for q in _queues(signs) if q.work_ms is not None]
    if works and webhook >= _HALF * max(works):
        found.append(
            f"the webhook took {webhook:.3g} ms on average, a whole reconcile {max(works):.3g} ms"
        )
    return found


def _conflicts(signs: Signs) -> list[str]:
    found = []
    for item in signs.operator:
        done = sum(queue.reconciles or queue.taken for queue in item.queues)
        if done and item.conflicts >= _CONFLICTS * done:
            retries = sum(queue.retries for queue in item.queues)
            found.append(
                f"{item.workload} got {item.conflicts} answers 409 (conflict) in {done} "
                f"reconciles, and {retries} retries"
            )
    return found


def _throttling(signs: Signs) -> list[str]:
    found = []
    if signs.throttled_lines:
        found.append(
            f"its log tells {signs.throttled_lines} times of client-side throttling, the longest "
            f"wait {signs.throttled_ms / 1e3:.3g} s"
        )
    drain = signs.drain
    if drain is not None and _is_bucket(drain, _workers(signs)) and not _cpu(signs):
        found.append(
            f"of a backlog the first {drain.ahead:.0f} were done at {drain.fast_per_s:.3g}/s, the "
            f"rest at a constant {drain.slow_per_s:.3g}/s: a token bucket's burst and refill"
        )
        found += _idle_cpu(signs)
    return found


def _is_bucket(drain: Drain, workers: float) -> bool:
    if not drain.regular or drain.ahead < _LEAST_BURST + workers:
        return False
    return drain.fast_per_s >= _FASTER * drain.slow_per_s


def _cpu(signs: Signs) -> list[str]:
    cores = signs.cores
    if cores is None:
        return []
    limit, host = signs.cpu_limit, signs.host_cores
    if limit is not None and cores >= _CORES * limit:
        return [f"it used {cores:.2f} of the {limit:g} cores that its container may"]
    if host is None:
        return []
    crowded = _full(signs, more_than_one=True) and cores >= _HALF * host
    if cores >= _CORES * host or crowded:
        return [f"it used {cores:.2f} of the machine's {host} cores, which it shares"]
    if not _queues(signs) and cores >= _CORES:
        return [f"it used {cores:.2f} cores, and one thread can't use more than one"]
    return []


def _one_worker(signs: Signs) -> list[str]:
    return [
        f"{q.queue} has one worker (MaxConcurrentReconciles), and it was busy for "
        f"{q.utilisation or 0:.0%} of the time, {q.work_ms or 0:.3g} ms a reconcile"
        for q in _queues(signs)
        if q.workers == 1 and (q.utilisation or 0) >= _FULL
    ]


def _all_workers(signs: Signs) -> list[str]:
    return [
        f"all {q.workers} workers of {q.queue} were busy for {q.utilisation or 0:.0%} of the "
        f"time, {q.work_ms or 0:.3g} ms a reconcile"
        for q in _full(signs, more_than_one=True)
    ]


def _cluster(signs: Signs) -> list[str]:
    write, rest = signs.api_write_ms, signs.api_write_at_rest_ms
    if write is None or rest is None or write < max(_CLUSTER_MS, _SLOWER_WRITES * rest):
        return []
    return [
        f"the API server took {write:.3g} ms for a write of the load, {rest:.3g} ms at rest; the "
        "control plane runs on the same machine"
    ]


def _generator(signs: Signs) -> list[str]:
    return [signs.generator] if signs.generator else []


_RULES: tuple[tuple[Cause, Callable[[Signs], list[str]]], ...] = (
    (Cause.SLOW_WEBHOOK, _webhook),
    (Cause.CONFLICTS, _conflicts),
    (Cause.CLIENT_THROTTLING, _throttling),
    (Cause.CPU, _cpu),
    (Cause.ONE_WORKER, _one_worker),
    (Cause.CLUSTER, _cluster),
    (Cause.WORKERS, _all_workers),
    (Cause.GENERATOR, _generator),
)
_REMEDIES = {
    Cause.SLOW_WEBHOOK: "Make the webhook faster: no calls to other services, no reads beside the "
    "cache.",
    Cause.CONFLICTS: "Write with server-side apply or a patch, or read again before each update.",
    Cause.CLIENT_THROTTLING: "Raise QPS and Burst of the client's rest.Config, or set QPS to -1 "
    "and leave it to API Priority and Fairness.",
    Cause.CPU: "Profile the operator (pprof), or give its container more CPU.",
    Cause.ONE_WORKER: "Raise MaxConcurrentReconciles.",
    Cause.WORKERS: "Raise MaxConcurrentReconciles, or make a reconcile shorter.",
    Cause.CLUSTER: "Measure on a larger machine, or on a cluster of its own.",
    Cause.GENERATOR: "Give the load generator more workers (--workers) or a machine of its own.",
}


def _known(signs: Signs) -> tuple[str, ...]:
    """What was looked at in vain, for people who look further."""
    lines = [
        f"{q.queue}: {q.utilisation:.0%} of its workers' time was used"
        for q in _queues(signs)
        if q.utilisation is not None
    ]
    return (*lines, *_idle_cpu(signs)) or (
        "The operator has no metrics, and its log says nothing.",
    )


def _idle_cpu(signs: Signs) -> list[str]:
    if signs.cores is None:
        return []
    of = f" of {signs.host_cores}" if signs.host_cores else ""
    return [f"it used {signs.cores:.2f}{of} cores"]


def _queues(signs: Signs) -> list[QueueFigures]:
    return [queue for item in signs.operator for queue in item.queues]


def _full(signs: Signs, *, more_than_one: bool) -> Sequence[QueueFigures]:
    return [
        queue
        for queue in _queues(signs)
        if (queue.utilisation or 0) >= _BUSY and (queue.workers or 1) > int(more_than_one)
    ]


def _workers(signs: Signs) -> float:
    """How many can be done at once, hence ahead of the rate, without any bucket."""
    return float(max((queue.workers or 1 for queue in _queues(signs)), default=1))
