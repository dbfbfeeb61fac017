"""Coordinated omission: what a stall costs, and what a closed loop would have said of it.

A closed-loop client sends its next request when the last was answered, so during a stall it sends
almost nothing, and its samples hardly show the stall. Latencies here count from the intended time
of a schedule that doesn't wait (Tene, wrk2; Schroeder et al., NSDI 2006).
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["closed_loop", "stall_quantile_s"]


def stall_quantile_s(
    q: float, *, stall_s: float, window_s: float, rate: float, drain_rate: float
) -> float:
    """Returns the latency quantile of a window with one stall, in closed form.

    Arrivals at `rate` in a stall of D wait for its rest, and the queue then drains at `drain_rate`:
    latencies fall linearly from D to 0 over D / (1 - rate / drain_rate). So a share x / T *
    (1 - rate / drain_rate)**-1 of a window T waits longer than D - x; solved for x.

    Args:
        q: The quantile, for example 0.99.
        stall_s: How long nothing was served.
        window_s: Of all arrivals.
        rate: Of arrivals, per second.
        drain_rate: Of completions under backlog, per second, above `rate`.

    Returns:
        Seconds; 0 where the stall is too short to be seen at this quantile. What an arrival takes
        without a stall is neglected.
    """
    return max(stall_s - (1 - q) * window_s * (1 - rate / drain_rate), 0.0)


def closed_loop(
    intended_ns: NDArray[np.int64],
    sent_ns: NDArray[np.int64],
    done_ns: NDArray[np.int64],
    *,
    users: int = 10,
) -> NDArray[np.int64]:
    """Returns the latencies that a closed loop would have reported of the same operator.

    Users take the arrivals in turn, each waiting for its last one to be done; what is due while
    all wait is never sent, and they count from the send. It is a replay of what was measured: a
    real closed loop would have left less of a backlog, and shown even less. Printed beside the
    open-loop figure, to show what it would have hidden; never a result.

    Args:
        intended_ns: When each arrival was due.
        sent_ns: When it was sent.
        done_ns: When it was done.
        users: How many.

    Returns:
        Nanoseconds, one for each arrival that was sent.
    """
    order = np.argsort(intended_ns, kind="stable")
    free = [0] * users
    found = []
    due, done = intended_ns[order].tolist(), done_ns[order].tolist()
    for place, (at, end) in enumerate(zip(due, done, strict=True)):
        if free[0] <= at:
            heapq.heapreplace(free, end)
            found.append(place)
    taken = order[found]
    latencies: NDArray[np.int64] = done_ns[taken] - sent_ns[taken]
    return latencies
