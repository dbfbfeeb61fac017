"""Stage 4a: an object without a field that has a default, or with one that nobody declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.stimulus.features.places import ABSENT, Step, changed, places

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STRANGER", "Defaulted", "Opened", "defaulted", "opened"]

Json = dict[str, Any]  # any JSON object
STRANGER = "harnessUnknownField"
"""A name that no schema has."""


class Defaulted(msgspec.Struct, frozen=True, kw_only=True):
    """A field that the schema promises to fill in, and an object that leaves it out."""

    steps: tuple[Step, ...]
    path: str
    default: Any  # any JSON
    body: Json


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A place at which an unknown field is written.

    Attributes:
        path: Of the object that gets it.
        steps: Of the unknown field itself.
        kept: Whether the schema says that unknown fields stay there.
    """

    steps: tuple[Step, ...]
    path: str
    kept: bool
    body: Json


def defaulted(schema: Json, body: Json) -> Iterator[Defaulted]:
    """Yields the object without each field that has a default, one at a time."""
    for place in places(schema, body):
        if "default" not in place.schema or not place.name:
            continue
        lacking = changed(body, place.steps, ABSENT) if place.there else body
        yield Defaulted(
            steps=place.steps, path=place.path, default=place.schema["default"], body=lacking
        )


def opened(schema: Json, body: Json) -> Iterator[Opened]:
    """Yields the object with an unknown field, at one place after the other."""
    for place in places(schema, body):
        if not isinstance(place.value, dict) or place.schema.get("additionalProperties"):
            continue
        if place.schema.get("x-kubernetes-embedded-resource"):
            continue
        steps = (*place.steps, STRANGER)
        yield Opened(
            steps=steps,
            path=place.path,
            kept=bool(place.schema.get("x-kubernetes-preserve-unknown-fields")),
            body=changed(body, steps, "harness"),
        )
