"""Stage 5: which writes a watch event of their object followed: the others changed nothing."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model.records import ApiCall, TimelineEvent

__all__ = ["ECHO_NS", "without_echo"]

ECHO_NS = 5_000_000_000
"""How late a write's watch event may come; the order of events is what decides, not the delay."""

_VERBS = {
    "ADDED": frozenset({"create", "update", "patch"}),
    "MODIFIED": frozenset({"create", "update", "patch", "delete", "deletecollection"}),
    "DELETED": frozenset({"delete", "deletecollection"}),
}
_LETS_GO = frozenset({"update", "patch"})


def without_echo(
    calls: Sequence[ApiCall], others: Iterable[ApiCall], events: Iterable[TimelineEvent]
) -> list[ApiCall]:
    """Returns those of an object's writes that no watch event followed.

    Events are given to writes one to one and in order. One that comes after a write of somebody
    else is that one's: a status that an operator writes in vain isn't excused by the deletion that
    a suite asks for a moment later.

    Args:
        calls: The writes in question.
        others: Other successful writes to the same object.
        events: What the watch of the object showed.
    """
    mine = {id(call) for call in calls}
    ahead = deque(sorted((*calls, *others), key=lambda call: call.received_ns))
    waiting: list[ApiCall] = []
    found: set[int] = set()
    changes = (event for event in events if event.type in _VERBS)
    for event in sorted(changes, key=lambda event: event.stamp.wall_ns):
        when = event.stamp.wall_ns
        while ahead and ahead[0].received_ns <= when:
            waiting.append(ahead.popleft())
        waiting = [call for call in waiting if when <= call.done_ns + ECHO_NS]
        cause = _cause([call for call in waiting if _fits(call, event)], mine)
        if cause is not None:
            found.add(id(cause))
            waiting = [call for call in waiting if call is not cause]
    return [call for call in calls if id(call) not in found]


def _cause(fitting: Sequence[ApiCall], mine: set[int]) -> ApiCall | None:
    """Returns the latest write where that is somebody else's, else the first of mine after it."""
    cause = None
    for call in reversed(fitting):
        if id(call) not in mine:
            return cause or call
        cause = call
    return cause


def _fits(call: ApiCall, event: TimelineEvent) -> bool:
    """Whether a write can have caused an event; the last finalizer's removal deletes, too."""
    if event.type == "DELETED" and (event.object.get("metadata") or {}).get("deletionTimestamp"):
        return call.verb in _VERBS["DELETED"] | _LETS_GO
    return call.verb in _VERBS[event.type]
