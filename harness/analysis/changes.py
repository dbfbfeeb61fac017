"""Stage 5: what writes changed: fields that differ between two states of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analysis.objects import sightings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.evidence.reader import Evidence
    from harness.model.resource import ObjectKey
    from harness.model.time import Span

__all__ = ["changed_fields", "last_change"]

_BOOKKEEPING = frozenset({"metadata.resourceVersion", "metadata.generation"})
_LONGEST = 60
_MAX_ROWS = 8
_ABSENT = "nothing"

Json = dict[str, Any]  # any JSON object


def last_change(evidence: Evidence, key: ObjectKey, span: Span) -> tuple[str, ...]:
    """Returns what the last change of an object in a window changed, a field a line.

    Args:
        evidence: Of the run.
        key: Which object; its uid may be unknown.
        span: The window. Nothing is returned where the watch saw fewer than two states.
    """
    states = [state for state in sightings(evidence, key, until=span.end) if not state.gone]
    if len(states) < 2 or not span.holds(states[-1].event.stamp):  # noqa: PLR2004 - before, after
        return ()
    return changed_fields(states[-2].event.object, states[-1].event.object)


def changed_fields(before: Json, after: Json) -> tuple[str, ...]:
    """Returns lines "path: before -> after", without the API server's own bookkeeping."""
    rows = [
        f"{path}: {_shown(old)} -> {_shown(new)}"
        for path, old, new in _differences(before, after, "")
        if path not in _BOOKKEEPING
    ]
    more = [f"and {len(rows) - _MAX_ROWS} more fields"] if len(rows) > _MAX_ROWS else []
    return (*rows[:_MAX_ROWS], *more)


def _differences(before: object, after: object, path: str) -> Iterator[tuple[str, object, object]]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            place = f'{path}["{key}"]' if "." in key or "/" in key else f"{path}.{key}".lstrip(".")
            yield from _differences(before.get(key), after.get(key), place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, f"{path}[{index}]")
    else:
        yield path, before, after


def _shown(value: object) -> str:
    if value is None:
        return _ABSENT
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
