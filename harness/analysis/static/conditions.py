"""API-004: conditions that every client understands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analysis.static.rules import listed
from harness.analysis.static.schemas import is_opaque

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.static.material import Definition, Flaw

__all__ = ["conditions_are_standard"]

Json = dict[str, Any]
_FIELDS = {
    "type": "string",
    "status": "string",
    "reason": "string",
    "message": "string",
    "lastTransitionTime": "string",
}
_SNIPPET = """\
// +listType=map
// +listMapKey=type
Conditions []metav1.Condition `json:"conditions,omitempty"`
"""


def conditions_are_standard(crd: Definition) -> Iterator[Flaw]:
    """API-004: holds each served version's status.conditions against metav1.Condition."""
    for version in crd.served:
        status = version.field("status") or {}
        conditions = (status.get("properties") or {}).get("conditions")
        wrong = [] if conditions is None else list(_faults(conditions))
        if wrong:
            yield crd.flaw(
                f"The conditions of {crd.kind} {version.name} aren't of the standard shape: "
                f"{wrong[0]}" + (f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""),
                detail=listed(wrong),
                snippet=_SNIPPET,
            )


def _faults(conditions: Json) -> Iterator[str]:
    if is_opaque(conditions):
        yield "they take anything"
        return
    if conditions.get("type") != "array":
        yield f"they are no list, but {conditions.get('type') or 'untyped'}"
        return
    keys = list(conditions.get("x-kubernetes-list-map-keys") or ())
    if conditions.get("x-kubernetes-list-type") != "map" or keys != ["type"]:
        yield "the list isn't a map by type"
    items: Json = conditions.get("items") or {}
    fields: Json = items.get("properties") or {}
    for name, kind in _FIELDS.items():
        if name not in fields:
            yield f"a condition has no {name}"
        elif fields[name].get("type") != kind:
            yield f"{name} is no {kind}"
    yield from (
        f"{name} isn't required"
        for name in ("type", "status")
        if name in fields and name not in (items.get("required") or ())
    )
