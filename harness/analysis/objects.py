"""Stage 5: states of an object, from watch timelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.model.findings import EvidenceRef
from harness.model.records import TimelineEvent
from harness.model.target import Readiness
from harness.readiness import as_generation

if TYPE_CHECKING:
    from harness.evidence.reader import Evidence
    from harness.model.resource import ObjectKey
    from harness.model.time import Span, Stamp

__all__ = [
    "Sighting",
    "condition_of",
    "conditions",
    "gap_in",
    "generation_of",
    "label_of",
    "metadata_of",
    "rule_of",
    "shows_generation",
    "sightings",
    "timeline_ref",
    "uses_observed_generation",
]

_STATES = frozenset({"ADDED", "MODIFIED", "LISTED", "DELETED"})

Json = dict[str, Any]  # any JSON object


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One state of an object, as the watch showed it.

    Attributes:
        line: 1-based line in the timeline's file.
    """

    line: int
    event: TimelineEvent

    @property
    def gone(self) -> bool:
        """Whether this was its end."""
        return self.event.type == "DELETED"


def sightings(
    evidence: Evidence, key: ObjectKey, *, until: Stamp | None = None
) -> tuple[Sighting, ...]:
    """Returns the states of one object in the order of arrival.

    Args:
        evidence: Of the run.
        key: Which object; with a uid, no other object of the same name.
        until: Nothing later.
    """
    return tuple(
        Sighting(line=line, event=event)
        for line, event in enumerate(evidence.timeline(key.resource), start=1)
        if event.type in _STATES
        and (event.key.namespace, event.key.name) == (key.namespace, key.name)
        and (not key.uid or not event.key.uid or event.key.uid == key.uid)
        and (until is None or event.stamp.mono_ns <= until.mono_ns)
    )


def timeline_ref(evidence: Evidence, resource: str, line: int, excerpt: str = "") -> EvidenceRef:
    """Returns where a state stands in its timeline."""
    file = evidence.place(evidence.run.timeline / f"{resource}.ndjson")
    return EvidenceRef(file=file, line=line, excerpt=excerpt)


def gap_in(evidence: Evidence, source: str, span: Span | None) -> str:
    """Returns why evidence is incomplete in a window; empty where it isn't.

    Args:
        evidence: Of the run.
        source: For example "audit" or "timeline/configmaps".
        span: The window; None for the whole run.
    """
    for gap in evidence.gaps():
        if gap.source == source and (
            span is None
            or (
                gap.span.start.mono_ns <= span.end.mono_ns
                and gap.span.end.mono_ns >= span.start.mono_ns
            )
        ):
            return gap.reason
    return ""


def label_of(evidence: Evidence, key: ObjectKey) -> str:
    """Returns an object as titles name it: "ConfigMap page"; `str(key)` names it in full.

    Where no watch showed its kind, the resource's plural stands for it: "configmaps page".
    """
    kinds = (event.object.get("kind") for event in evidence.timeline(key.resource))
    kind = next((str(kind) for kind in kinds if kind), key.resource.partition(".")[0])
    return f"{kind} {key.name}".rstrip()


def rule_of(evidence: Evidence, resource: str) -> Readiness:
    """Returns when an object of this resource counts as converged."""
    for kind in evidence.target.kinds:
        if kind.resource == resource:
            return kind.ready
    return Readiness()


def metadata_of(body: Json) -> Json:
    """Returns an object's metadata; empty where there is none."""
    metadata = body.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def generation_of(body: Json) -> int:
    """Returns metadata.generation; 0 where the kind has none."""
    value = metadata_of(body).get("generation", 0)
    return value if isinstance(value, int) else 0


def conditions(body: Json) -> tuple[Json, ...]:
    """Returns the well-formed conditions of an object's status."""
    found = _status(body).get("conditions")
    return (
        tuple(item for item in found if isinstance(item, dict)) if isinstance(found, list) else ()
    )


def condition_of(body: Json, kind: str) -> Json | None:
    """Returns the condition of a type, or None."""
    return next((item for item in conditions(body) if item.get("type") == kind), None)


def shows_generation(body: Json, rule: Readiness) -> int | None:
    """Returns the newest generation that a status claims to describe; None where it claims none.

    That is status.observedGeneration; else that of the condition which decides readiness; else
    the highest of any condition: one that has nothing new to say may keep its old one.
    """
    own = as_generation(_status(body).get("observedGeneration"))
    if own is not None:
        return own
    chosen = condition_of(body, rule.condition) if rule.condition else None
    candidates = [chosen] if chosen and "observedGeneration" in chosen else conditions(body)
    values = [as_generation(item.get("observedGeneration")) for item in candidates]
    return max((value for value in values if value is not None), default=None)


def uses_observed_generation(evidence: Evidence, resource: str) -> bool:
    """Whether any object of a resource ever claimed which generation its status describes."""
    rule = rule_of(evidence, resource)
    return any(
        shows_generation(event.object, rule) is not None for event in evidence.timeline(resource)
    )


def _status(body: Json) -> Json:
    status = body.get("status")
    return status if isinstance(status, dict) else {}
