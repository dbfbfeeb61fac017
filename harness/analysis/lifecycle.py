"""Stage 5, LIF: deleting a custom resource leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.analysis.footprint import Footprint, identity_of, owners_of, snapshot_label
from harness.analysis.logs import last_words
from harness.analysis.objects import label_of, metadata_of, sightings, timeline_ref
from harness.analysis.writes import audit_gap, call_ref
from harness.model.findings import EvidenceRef
from harness.model.records import Action, ApiCall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome, Finding

__all__ = ["delete_leaves_nothing"]

_MAX_FINDINGS = 20

Json = dict[str, Any]  # any JSON object


class _Survivor(msgspec.Struct, frozen=True):
    """An object that is left, how it is known to belong, and the request that made it."""

    body: Json
    how: str
    creation: ApiCall | None

    @property
    def row(self) -> str:
        return f"  {identity_of(self.body)} ({self.how})"


def delete_leaves_nothing(case: WindowCase) -> CheckOutcome:
    """LIF-001: by the snapshots that the window's facts name under "after"."""
    if not _was_asked(case):
        return case.undecided("no deletion was asked for in its window")
    present = _present(case)
    if present is None:
        return case.undecided("no snapshot was taken after the deletion")
    survivors = _survivors(case, present)
    stuck = next((body for body in present if _is_root(case, body)), None)
    if stuck is not None:
        return case.failed(_stuck(case, stuck, survivors))
    if survivors:
        return case.failed(*_orphans(case, survivors))
    gap = audit_gap(case.evidence, case.span)
    return case.undecided(f"{gap}; what has ownerReferences is gone") if gap else case.passed()


def _was_asked(case: WindowCase) -> bool:
    """Whether the deletion of the window's custom resource was sent in the window."""
    roots = {(key.resource, key.namespace, key.name) for key in case.phase.objects[:1]}
    return any(
        stimulus.action is Action.DELETE
        and stimulus.subject is not None
        and (stimulus.subject.resource, stimulus.subject.namespace, stimulus.subject.name) in roots
        and case.span.holds(stimulus.sent)
        for stimulus in case.evidence.stimuli()
    )


def _present(case: WindowCase) -> list[Json] | None:
    """Objects in the final snapshots; None where one of them is missing."""
    named = case.phase.facts.get("after") or ()
    names = [named] if isinstance(named, str) else [str(name) for name in named]
    taken = {shot.name: shot.objects for shot in case.evidence.snapshots()}
    if not names or any(name not in taken for name in names):
        return None
    return [body for name in names for body in taken[name]]


def _survivors(case: WindowCase, present: Sequence[Json]) -> list[_Survivor]:
    footprint = Footprint(case.evidence, case.phase.objects, until=case.span.end)
    found = [
        _Survivor(body, footprint.attribution(body), footprint.creation(body))
        for body in present
        if not _is_root(case, body)
    ]
    return [item for item in found if item.how]


def _is_root(case: WindowCase, body: Json) -> bool:
    root = case.phase.objects[0]
    key = identity_of(body)
    if (key.resource, key.namespace, key.name) != (root.resource, root.namespace, root.name):
        return False
    return not root.uid or metadata_of(body).get("uid") in {None, root.uid}


def _stuck(case: WindowCase, body: Json, survivors: Sequence[_Survivor]) -> Finding:
    """The custom resource itself is still there; what it owns can't go before it."""
    root = case.phase.objects[0]
    finalizers = ", ".join(metadata_of(body).get("finalizers") or ())
    why = f"the finalizer {finalizers} was not removed" if finalizers else "without a finalizer"
    detail = [
        f"deletionTimestamp: {metadata_of(body).get('deletionTimestamp', 'none')}",
        f"finalizers that are left: {finalizers or 'none'}",
        *(["Still there with it:", *(item.row for item in survivors)] if survivors else []),
        *last_words(case.evidence, case.span),
    ]
    states = sightings(case.evidence, root, until=case.span.end)
    label = label_of(case.evidence, root)
    return case.finding(
        f"{label} is still there {case.span.seconds:.0f} s after its deletion: {why}",
        subject=str(root),
        detail="\n".join(detail),
        evidence=[
            timeline_ref(case.evidence, root.resource, state.line, state.event.type)
            for state in states[-1:]
        ],
    )


def _orphans(case: WindowCase, survivors: Sequence[_Survivor]) -> list[Finding]:
    """One finding for each orphan that no other orphan owns."""
    uids = {metadata_of(item.body).get("uid") for item in survivors}
    tops = [item for item in survivors if not owners_of(item.body) & uids]
    findings = [_orphan(case, item, survivors) for item in tops[:_MAX_FINDINGS]]
    rest = tops[_MAX_FINDINGS:]
    if rest:
        findings.append(
            case.finding(
                f"{len(rest)} more objects were left behind",
                subject=str(case.phase.objects[0]),
                detail="\n".join(item.row for item in rest),
            )
        )
    return findings


def _orphan(case: WindowCase, item: _Survivor, survivors: Sequence[_Survivor]) -> Finding:
    body = item.body
    root, key = case.phase.objects[0], identity_of(body)
    uid = metadata_of(body).get("uid")
    below = [other for other in survivors if uid in owners_of(other.body)]
    detail = [
        f"{root} is gone.",
        f"{key} is still there {case.span.seconds:.0f} s after the deletion was asked for.",
        f"That the operator made it for {label_of(case.evidence, root)} is known {item.how}.",
        f"ownerReferences: {', '.join(sorted(owners_of(body))) or 'none'}",
        f"finalizers: {', '.join(metadata_of(body).get('finalizers') or ()) or 'none'}",
    ]
    if metadata_of(body).get("deletionTimestamp"):
        detail.append(f"It is being deleted since {metadata_of(body)['deletionTimestamp']}.")
    if below:
        detail += ["It keeps these alive:", *(item.row for item in below)]
    return case.finding(
        f"Deleting {label_of(case.evidence, root)} left {snapshot_label(body)} behind",
        subject=str(key),
        detail="\n".join(detail),
        evidence=[
            *([call_ref(case.evidence, item.creation)] if item.creation else []),
            EvidenceRef(
                file=case.evidence.place(case.evidence.run.suite_file),
                excerpt=f"snapshot {case.phase.facts['after']}: {key}",
            ),
        ],
    )
