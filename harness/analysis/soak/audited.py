"""What the audit log and the processor's clock add to plateaus: watches, and each cycle's cost."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.soak.leaks import Plateaus, warm_up
from harness.analysis.soakwatches import kills, open_at, watches
from harness.analysis.writes import audit_gap, operator_calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.reader import Evidence
    from harness.model.soak import Plateau

__all__ = ["costs", "with_event_caches", "with_watches"]

_CPU_SHARE, _CPU_LEAST_S = 0.25, 0.1
_CALLS_SHARE, _CALLS_LEAST = 0.1, 5.0

_LIVE_HEAP = "live heap"
_CREATED = 201
_CORE_EVENTS, _EVENTS = "events", "events.events.k8s.io"
_MOST_KEPT = 4096
_KEPT_NS = 12 * 60 * 1_000_000_000
_EVENT_BYTES = 2 << 10
"""What client-go keeps of Events that it wrote, to count those that come again: tools/record the
last 4,096 (`maxLruCacheEntries`), tools/events each for 6 minutes, looking for old ones each 6
minutes (`finishTime`). An Event of guestbook held 1.4 KiB of live heap."""


def with_watches(evidence: Evidence, plateaus: Sequence[Plateau]) -> tuple[Plateau, ...]:
    """Adds how many watches the operator had open at each plateau, where the audit log tells.

    All workloads share the operator's identities, so that it can be told for a single one only.
    """
    if audit_gap(evidence) or len({plateau.workload for plateau in plateaus}) != 1:
        return tuple(plateaus)
    made, killed = list(watches(evidence)), kills(evidence)
    if not made:
        return tuple(plateaus)
    return tuple(
        msgspec.structs.replace(
            plateau,
            values=plateau.values
            | {"open watches": float(len(open_at(made, plateau.stamp.wall_ns, kills=killed)))},
        )
        for plateau in plateaus
    )


def with_event_caches(
    evidence: Evidence, signals: Sequence[Plateaus], life: Sequence[Plateau]
) -> list[Plateaus]:
    """Says how much of the live heap's growth may be Events that the operator's client keeps.

    Such a cache is full in time, but a short soak ends before; so it would be called a leak.

    Args:
        evidence: With the audit log, or without requests.
        signals: Of one workload.
        life: Its plateaus.
    """
    left_out = warm_up(len(life))
    if not any(s.name == _LIVE_HEAP for s in signals) or len(life) <= left_out:
        return list(signals)
    kept = 0 if audit_gap(evidence) else _events_kept(evidence, life[left_out - 1], life[-1])
    if not kept:
        return list(signals)
    allowed = float(kept * _EVENT_BYTES)
    why = f"{kept:,} Events that it wrote, which client-go keeps for minutes"
    return [
        msgspec.structs.replace(signal, allowed=allowed, allowed_for=why)
        if signal.name == _LIVE_HEAP
        else signal
        for signal in signals
    ]


def _events_kept(evidence: Evidence, first: Plateau, last: Plateau) -> int:
    """Returns how many Events written between two plateaus may still be kept at the second."""
    begin, end = first.stamp.wall_ns, last.stamp.wall_ns
    recent = max(begin, end - _KEPT_NS)
    core = others = 0
    for row in operator_calls(evidence).rows():
        shape = row.shape
        if shape.verb != "create" or shape.code != _CREATED or shape.subresource:
            continue
        if shape.resource == _CORE_EVENTS:
            core += begin < row.received_ns <= end
        elif shape.resource == _EVENTS:
            others += recent < row.received_ns <= end
    return min(core, _MOST_KEPT) + others


def costs(evidence: Evidence, life: Sequence[Plateau]) -> list[Plateaus]:
    """Returns what each cycle cost: CPU seconds, and requests to the API server.

    It is divided by the cycle's objects where their number differs, so that all are comparable.

    Args:
        evidence: With the audit log, or without requests.
        life: Plateaus of one life of a process; the first cycle's cost isn't known, and it is said
            to be the second's: it is in the warm-up.
    """
    if len(life) < 3:  # noqa: PLR2004 - two differences
        return []
    found: list[Plateaus] = []
    workload = life[0].workload
    objects = np.array([max(plateau.objects, 1) for plateau in life[1:]], float)
    scale = float(np.median(objects)) / objects
    used = np.diff([plateau.cpu_s for plateau in life]) * scale
    if all(plateau.pid for plateau in life):
        found.append(
            Plateaus(
                name="CPU time of a cycle",
                unit="s",
                subject=workload,
                values=_padded(used),
                matters=max(_CPU_SHARE * float(np.median(used)), _CPU_LEAST_S),
                resolution=0.01,
            )
        )
    if not audit_gap(evidence):
        sent = np.diff(_requests(evidence, [plateau.stamp.wall_ns for plateau in life])) * scale
        found.append(
            Plateaus(
                name="requests of a cycle",
                unit="1",
                subject=workload,
                values=_padded(sent),
                matters=max(_CALLS_SHARE * float(np.median(sent)), _CALLS_LEAST),
                resolution=1.0,
            )
        )
    return found


def _requests(evidence: Evidence, instants: Sequence[int]) -> list[int]:
    """Returns how many requests of the operator had come by each of some instants."""
    received = sorted(row.received_ns for row in operator_calls(evidence).rows())
    return [bisect_right(received, instant) for instant in instants]


def _padded(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, ...]:
    return (float(values[0]), *(float(value) for value in values))
