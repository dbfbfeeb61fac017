"""The traces that a client's own rate limiter leaves: log lines, and the shape of a drain.

client-go's limiter is a token bucket: `burst` requests pass at once, then `QPS` a second. It says
so in the log for waits above one second only, at most once in ten seconds (client-go's
rest/request.go: extraLongThrottleLatency, globalThrottledLogger). With few workers no wait is that
long, and the operator is silent; then what is left is the shape: a backlog is worked off at once as
far as the tokens last, and from then on at a constant rate.

The burst ends at the corner, where 95 % of all that ever was ahead had been done. That took the
place of a count from the begin after a first set of seeded runs, with the ratio in `causes`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Drain", "drain_rates", "throttled_ms"]

_REASON = "client-side throttling"
_WAITED = re.compile(r'(?:Waited for |delay["=: ]+)([0-9.]+)(ms|s|m|)(?![a-z])')
_MINUTES = re.compile(r'(?:Waited for |delay["=: ]+)([0-9]+)m([0-9.]+)s')
_MS = {"ms": 1.0, "s": 1e3, "m": 60e3, "": 1e3}  # zap's default encoder writes plain seconds
_LEAST_DONE = 30
_CORNER = 0.95
_LEAST_SWING = 2.0
_SWING = 0.03


class Drain(msgspec.Struct, frozen=True, kw_only=True):
    """How a backlog was worked off: the sign of a token bucket is a burst, then a constant rate.

    Attributes:
        slow_per_s: Completions a second over the later half.
        fast_per_s: From the begin to the corner, where most had been done that ever were ahead.
        ahead: How many were done ahead of the later rate.
        regular: Whether the later half was done at a constant rate.
    """

    slow_per_s: float
    fast_per_s: float
    ahead: float
    regular: bool


def throttled_ms(line: str) -> float | None:
    """Returns how long client-go says that it held back a request; None for any other line.

    Its words were "Waited for 1.049s due to client-side throttling" up to v0.32, and are since then
    "Waited before sending request", with the fields delay and reason in the logger's own format.
    """
    if _REASON not in line:
        return None
    if long := _MINUTES.search(line):
        return int(long[1]) * 60e3 + float(long[2]) * 1e3
    found = _WAITED.search(line)
    return float(found[1]) * _MS[found[2]] if found else None


def drain_rates(done_ns: NDArray[np.int64], *, start_ns: int) -> Drain | None:
    """Returns how a backlog was worked off; None for less than 30 completions.

    Args:
        done_ns: When each of the backlog was done.
        start_ns: When all of it was there, or its arrivals began.
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
    corner = int(np.argmax(ahead >= _CORNER * ahead.max()))
    return Drain(
        slow_per_s=slow,
        fast_per_s=float(count[corner]) / max(float(at[corner]), 1e-6),
        ahead=float(ahead.max()),
        regular=bool(np.abs(late).max() <= max(_LEAST_SWING, _SWING * len(late))),
    )
