"""Stage 5, WEB-006: another served version reads and writes an object without losing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.features.answers import Json, differences, taken
from harness.analysis.static.rules import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome, Finding

__all__ = ["versions_keep_everything"]


def versions_keep_everything(case: WindowCase) -> CheckOutcome:
    """WEB-006: there and back again, spec and labels are the same."""
    facts = case.phase.facts
    trips: list[Json] = facts.get("trips") or []
    if not trips:
        return case.inapplicable("one version of the kind is served")
    return case.decided([finding for trip in trips for finding in _lost(case, trip)])


def _lost(case: WindowCase, trip: Json) -> Iterator[Finding]:
    kind, here = case.phase.facts.get("kind"), case.phase.facts.get("version")
    for key, words in (
        ("read", f"can't be read as {trip['to']}"),
        ("written", f"can't be written as {trip['to']}, just as it was read"),
        ("again", f"can't be read any more after a write as {trip['to']}"),
    ):
        answer: Json = trip.get(key) or {}
        if not taken(answer):
            yield case.finding(
                f"{kind} {words}",
                detail=f"The API server answered {answer.get('status')}: {answer.get('message')}",
            )
            return
    lost = differences(trip["before"], trip["after"])
    if lost:
        yield case.finding(
            f"{kind} comes back from {trip['to']} with {len(lost)} "
            f"{'field' if len(lost) == 1 else 'fields'} changed: {lost[0]}",
            detail=f"Read as {trip['to']}, written back unchanged, read as {here} again:\n"
            + listed(lost),
        )
