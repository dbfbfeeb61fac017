"""Stage 4a: the simple JSON paths of printer columns and of the scale subresource."""

from __future__ import annotations

import re

__all__ = ["found_at"]

_STEP = re.compile(
    r"\.(?P<name>(?:\\\.|[^.\[\]])+)"
    r"|\['(?P<quoted>[^']+)'\]"
    r"|\[(?P<index>-?\d+)\]"
    r"|\[(?P<every>\*)\]"
    r"|\[\?\(@\.(?P<key>[\w.]+)\s*==\s*(?P<quote>[\"']?)(?P<wanted>[^\"')]*)(?P=quote)\)\]"
)


def found_at(body: object, path: str) -> list[object] | None:
    """Returns the values to which a JSON path leads, null left out.

    Args:
        body: An object.
        path: For example `.status.conditions[?(@.type=="Ready")].status`.

    Returns:
        None where the path has what isn't understood here.
    """
    here = [body]
    place = 0
    for match in _STEP.finditer(path):
        if match.start() != place:
            return None
        place = match.end()
        here = [value for item in here for value in _step(item, match) if value is not None]
    return here if place == len(path.rstrip()) else None


def _step(item: object, match: re.Match[str]) -> list[object]:
    name = match["name"] or match["quoted"]
    if name is not None:
        return [item.get(name.replace("\\.", "."))] if isinstance(item, dict) else []
    if not isinstance(item, list):
        return list(item.values()) if match["every"] and isinstance(item, dict) else []
    if match["index"] is not None:
        index = int(match["index"])
        return [item[index]] if -len(item) <= index < len(item) else []
    if match["every"]:
        return list(item)
    return [
        entry
        for entry in item
        if isinstance(entry, dict) and str(_deep(entry, match["key"])) == match["wanted"]
    ]


def _deep(entry: object, path: str) -> object:
    for name in path.split("."):
        entry = entry.get(name) if isinstance(entry, dict) else None
    return entry
