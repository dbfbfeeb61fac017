"""Stage 4a: rows of arrivals as entries of Locust's statistics, a batch at a time.

Firing Locust's event for each request would cost more than sending it. What its listener would
have counted is counted here over a tenth of a second of rows at once, and merged as a master
merges what its workers report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from locust.stats import StatsEntry, bucket_response_time

from harness.model.load import ARRIVAL_COLUMNS, Operation

if TYPE_CHECKING:
    from array import array

    from locust.stats import RequestStats

__all__ = ["count_rows"]

_OPERATION = ARRIVAL_COLUMNS.index("operation")
_INTENDED = ARRIVAL_COLUMNS.index("intended_ns")
_ENDED = ARRIVAL_COLUMNS.index("acknowledged_ns")
_STATUS = ARRIVAL_COLUMNS.index("status")
_VERBS = {
    Operation.CREATE: "CREATE",
    Operation.UPDATE: "UPDATE",
    Operation.NOOP_UPDATE: "NO-OP",
    Operation.DELETE: "DELETE",
}
_OK = (200, 299)
_WORDS = {0: "dropped: no connection was free in time", -1: "connection error", -2: "time-out"}


def count_rows(stats: RequestStats, name: str, rows: array[int], *, now_s: float) -> None:
    """Adds rows to Locust's statistics.

    Args:
        stats: Of the runner.
        name: Of the resource.
        rows: Row after row, as in a file of arrivals.
        now_s: Wall clock, in seconds since the epoch; Locust counts by it.
    """
    table = np.frombuffer(rows, dtype=np.int64).reshape(-1, len(ARRIVAL_COLUMNS))
    for operation, verb in _VERBS.items():
        some = table[table[:, _OPERATION] == operation]
        if not len(some):
            continue
        entry = _entry(stats, name, verb, some, now_s)
        stats.entries[(name, verb)].extend(entry)
        stats.total.extend(entry)
        status = some[:, _STATUS]
        for code in status[(status < _OK[0]) | (status > _OK[1])].tolist():
            words = _WORDS.get(code, f"HTTP {code}")
            key = f"{verb} {words}"
            if key not in stats.errors:
                stats.log_error(verb, name, words)
            else:
                stats.errors[key].occurred()


def _entry(stats: RequestStats, name: str, verb: str, rows: np.ndarray, now_s: float) -> StatsEntry:
    entry = StatsEntry(stats, name, verb)
    milliseconds = (rows[:, _ENDED] - rows[:, _INTENDED]) / 1e6
    failed = int(((rows[:, _STATUS] < _OK[0]) | (rows[:, _STATUS] > _OK[1])).sum())
    second = int(now_s)
    entry.num_requests = len(rows)
    entry.num_failures = failed
    entry.total_response_time = int(milliseconds.sum())
    entry.min_response_time = int(milliseconds.min())
    entry.max_response_time = int(milliseconds.max())
    entry.last_request_timestamp = now_s
    entry.num_reqs_per_sec[second] = len(rows)
    if failed:
        entry.num_fail_per_sec[second] = failed
    values, counts = np.unique(np.rint(milliseconds).astype(int), return_counts=True)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        entry.response_times[bucket_response_time(value)] += count
    return entry
