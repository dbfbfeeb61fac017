"""Stage 5, STA-007: the operator writes status by /status, and leaves the user's spec alone."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from harness.analysis.features.answers import Json, differences
from harness.analysis.objects import gap_in, sightings, timeline_ref
from harness.analysis.static.rules import listed
from harness.analysis.writes import audit_gap, call_ref, operator_calls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.analysis.case import WindowCase
    from harness.analysis.objects import Sighting
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.records import ApiCall
    from harness.model.resource import ObjectKey

__all__ = ["status_by_its_subresource"]

_WRITES = frozenset({"update", "patch"})
_REFUSED = 400
_MAX_REFS = 5


def status_by_its_subresource(case: WindowCase) -> CheckOutcome:
    """STA-007: by the audit log who wrote where, by the watch what changed."""
    if not case.phase.objects:
        return case.undecided("its window names no object")
    key = case.phase.objects[0]
    gap = audit_gap(case.evidence, case.span) or gap_in(
        case.evidence, f"timeline/{key.resource}", case.span
    )
    if gap:
        return case.undecided(gap)
    states = [
        state for state in sightings(case.evidence, key, until=case.span.end) if not state.gone
    ]
    if not states:
        return case.undecided(f"the watch recorded nothing of {key}")
    return case.decided([*_misplaced(case, key, states), *_rewritten(case, key, states)])


def _writes(case: WindowCase, key: ObjectKey, subresource: str) -> list[ApiCall]:
    return [
        call
        for call in operator_calls(case.evidence)
        if call.verb in _WRITES
        and (call.resource, call.namespace, call.name) == (key.resource, key.namespace, key.name)
        and call.subresource == subresource
        and 0 < call.code < _REFUSED
        and not call.dry_run
        and case.phase.facts.get("since", 0) <= call.received_ns <= case.span.end.wall_ns
    ]


def _misplaced(case: WindowCase, key: ObjectKey, states: Sequence[Sighting]) -> Iterator[Finding]:
    """Status that is written with the object itself: kept where it can be, else lost."""
    main, own = _writes(case, key, ""), _writes(case, key, "status")
    last = states[-1].event.object
    if own or not main or not case.phase.facts.get("has_status"):
        return
    apart = case.phase.facts.get("declared")
    if not apart and last.get("status"):
        title = "The operator writes the status with the object itself"
        why = "The kind has no status subresource, so each write may overwrite a user's edit."
    elif apart and not last.get("status"):
        title = "The operator writes the object itself and never /status, so it has no status"
        why = "What an update of the object itself says of the status is dropped."
    else:
        return
    yield case.finding(
        title,
        subject=str(key),
        detail=f"{why} {len(main)} writes to the object, none to /status.",
        evidence=[call_ref(case.evidence, call) for call in main[:_MAX_REFS]],
    )


def _rewritten(case: WindowCase, key: ObjectKey, states: Sequence[Sighting]) -> Iterator[Finding]:
    """Changes of the spec that aren't ours, while the operator wrote the object itself."""
    writes = _writes(case, key, "")
    ours = {stimulus.resource_version for stimulus in case.evidence.stimuli()} - {""}
    if not writes:
        return
    for before, after in pairwise(states):
        old, new = before.event.object.get("spec"), after.event.object.get("spec")
        if old == new or after.event.resource_version in ours or not _caused(writes, after):
            continue
        changes = differences(_mapping(old), _mapping(new), "spec")
        yield case.finding(
            f"The operator rewrites the user's spec: {changes[0] if changes else 'spec'}",
            subject=str(key),
            detail="Nobody but the operator wrote then:\n" + listed(changes),
            evidence=[timeline_ref(case.evidence, key.resource, after.line)],
        )
        return


def _caused(writes: Sequence[ApiCall], after: Sighting) -> bool:
    """Whether a write of the operator was under way when the watch showed a state."""
    shown = after.event.stamp.wall_ns
    return any(call.received_ns <= shown <= call.done_ns + 1_000_000_000 for call in writes)


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}
