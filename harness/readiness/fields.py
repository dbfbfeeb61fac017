"""Reading objects that an operator wrote: any field may be missing or of a wrong type."""

from __future__ import annotations

from typing import Any

__all__ = [
    "as_generation",
    "condition",
    "conditions",
    "integer",
    "lag",
    "mapping",
    "observed_generation",
    "text",
]

Object = dict[str, Any]  # any JSON


def mapping(obj: Object, *path: str) -> Object:
    """Returns the mapping at a path; empty where there is none."""
    here: Any = obj
    for key in path:
        here = here.get(key) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else {}


def integer(obj: Object, *path: str) -> int | None:
    """Returns the integer at a path, or None."""
    value = mapping(obj, *path[:-1]).get(path[-1])
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_generation(value: object) -> int | None:
    """Returns an observed generation as a number, or None.

    Some operators (Argo Rollouts among them) write it as a string of digits.
    """
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text(obj: Object, *path: str) -> str:
    """Returns the string at a path; empty where there is none."""
    value = mapping(obj, *path[:-1]).get(path[-1])
    return value if isinstance(value, str) else ""


def conditions(obj: Object) -> tuple[Object, ...]:
    """Returns status.conditions, without entries that aren't mappings."""
    found = mapping(obj, "status").get("conditions")
    return tuple(c for c in found if isinstance(c, dict)) if isinstance(found, list) else ()


def condition(obj: Object, kind: str) -> Object | None:
    """Returns the condition of a type, or None."""
    return next((c for c in conditions(obj) if c.get("type") == kind), None)


def observed_generation(obj: Object) -> int | None:
    """Returns the generation that the operator says its status is about.

    That is status.observedGeneration; else the lowest observedGeneration of the conditions; else
    None.
    """
    whole = as_generation(mapping(obj, "status").get("observedGeneration"))
    if whole is not None:
        return whole
    parts = [as_generation(c.get("observedGeneration")) for c in conditions(obj)]
    return min((part for part in parts if part is not None), default=None)


def lag(observed: int | None, awaited: int | None, *, where: str) -> str | None:
    """Returns the words for an observed generation that is too old; None if it is not, or unknown.

    Args:
        observed: What the status says.
        awaited: Which generation must have been observed.
        where: Field that `observed` comes from.
    """
    if observed is None or awaited is None or observed >= awaited:
        return None
    return f"{where} is {observed}, the generation is {awaited}"
