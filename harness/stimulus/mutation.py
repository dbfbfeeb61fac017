"""Stage 4a: what to change in a custom resource, so that its spec really differs."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from harness.model.target import Kind, Mutation

__all__ = ["Change", "changes", "merge_patch", "next_change", "value_at"]

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One value for one field."""

    path: str
    value: Any  # any JSON
    before: Any = None  # any JSON

    def __str__(self) -> str:
        return f"{self.path}: {self.before!r} -> {self.value!r}"


def value_at(body: dict[str, Any], path: str) -> Any:  # noqa: ANN401 - any JSON
    """Returns the value at a dotted path such as "spec.template.ports[0].name"; None if absent."""
    here: Any = body
    for key, index in _STEP.findall(path):
        if key:
            here = here.get(key) if isinstance(here, dict) else None
        else:
            here = here[int(index)] if isinstance(here, list) and int(index) < len(here) else None
    return here


def next_change(kind: Kind, body: dict[str, Any], *, turn: int = 0) -> Change | None:
    """Returns the next declared value that differs from the object's, or None if there is none.

    Args:
        kind: Whose mutations are used.
        body: The object as it is now.
        turn: Which mutation to begin with, so that repeated calls walk through all of them.
    """
    return next(iter(changes(kind, body, turn=turn)), None)


def changes(
    kind: Kind, body: dict[str, Any], *, turn: int = 0, present_first: bool = False
) -> tuple[Change, ...]:
    """Returns one change for each declared mutation that has a value other than the object's.

    Args:
        kind: Whose mutations are used.
        body: The object as it is now.
        turn: Which mutation to begin with.
        present_first: Begin with fields that the object has. Where a kind has several versions,
            the others may be those of another one.
    """
    start = turn % max(len(kind.mutations), 1)
    mutations = (*kind.mutations[start:], *kind.mutations[:start])
    found = [change for item in mutations if (change := _first_other(item, body)) is not None]
    if present_first:
        found.sort(key=lambda change: change.before is None)  # stable
    return tuple(found)


def _first_other(mutation: Mutation, body: dict[str, Any]) -> Change | None:
    before = value_at(body, mutation.path)
    for value in mutation.values:
        if value != before:
            return Change(path=mutation.path, value=value, before=before)
    return None


def merge_patch(body: dict[str, Any], change: Change) -> dict[str, Any]:
    """Returns a JSON merge patch (RFC 7386) that makes the change.

    A merge patch replaces lists whole, so the list around an indexed step is sent as it is now,
    with the one element changed.
    """
    keys = [key if key else int(index) for key, index in _STEP.findall(change.path)]
    return {str(keys[0]): _patched(value_at(body, str(keys[0])), keys[1:], change.value)}


def _patched(here: Any, keys: list[str | int], value: Any) -> Any:  # noqa: ANN401 - any JSON
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(key, int):
        items = list(here) if isinstance(here, list) else []
        while len(items) <= key:
            items.append({})
        items[key] = _whole(items[key], rest, value)
        return items
    inner = here.get(key) if isinstance(here, dict) else None
    return {key: _patched(inner, rest, value)}


def _whole(here: Any, keys: list[str | int], value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Like `_patched`, but keeps the neighbours: inside a list nothing is merged."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(key, int):
        return _patched(here, keys, value)
    kept = dict(here) if isinstance(here, dict) else {}
    kept[key] = _whole(kept.get(key), rest, value)
    return kept
