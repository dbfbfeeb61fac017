"""Walking structural schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Node", "is_opaque", "walk", "within"]

Json = dict[str, Any]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a schema.

    Attributes:
        path: For example "spec.ports[].name"; "{}" stands for the values of a map.
        name: Of the field; empty for items of a list and values of a map.
        required: Whether the object that holds it demands it.
    """

    path: str
    schema: Json
    name: str = ""
    required: bool = False


def walk(schema: Json, path: str = "") -> Iterator[Node]:
    """Yields every place below a schema, not itself, outermost first."""
    demanded = schema.get("required") or ()
    for name, field in (schema.get("properties") or {}).items():
        where = f"{path}.{name}" if path else str(name)
        yield Node(path=where, schema=field, name=str(name), required=name in demanded)
        yield from walk(field, where)
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        inner = schema.get(key)
        if isinstance(inner, dict):
            yield Node(path=path + mark, schema=inner)
            yield from walk(inner, path + mark)


def within(schema: Json, *fields: str) -> Iterator[Node]:
    """Yields every place of an API object below some fields at its top, these included."""
    demanded = schema.get("required") or ()
    for name in fields:
        field = (schema.get("properties") or {}).get(name)
        if isinstance(field, dict):
            yield Node(path=name, schema=field, name=name, required=name in demanded)
            yield from walk(field, name)


def is_opaque(schema: Json) -> bool:
    """Whether a place takes anything."""
    return bool(schema.get("x-kubernetes-preserve-unknown-fields"))
