"""Stage 4a: an object made wrong, one declared rule at a time.

The values are the nearest on the wrong side of a bound (boundary value analysis); beside numeric
bounds and enums stand those on the right side, which must be taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from harness.stimulus.features.places import ABSENT, Place, Step, changed, places
from harness.stimulus.features.rules import broken_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Untried", "Variation", "variations"]

Json = dict[str, Any]  # any JSON object
_LONGEST = 100_000
_MOST_ITEMS = 1000
_WRONG_TYPES: dict[str, object] = {
    "array": "not-a-list",
    "boolean": "not-a-boolean",
    "integer": "not-a-number",
    "number": "not-a-number",
    "object": "not-an-object",
    "string": {"not": "a string"},
}
_STRANGERS = ("", " ", "~!?", "0", "a", "-", "A b", "\n", "ü", "x" * 64)


class Untried(msgspec.Struct, frozen=True, kw_only=True):
    """A declared rule for which no wrong value was found, and why."""

    path: str
    rule: str
    reason: str


class Variation(msgspec.Struct, frozen=True, kw_only=True):
    """A sample with one field changed.

    Attributes:
        steps: Which field; `path` as the API server writes it.
        rule: Which rule it is about, for example "maximum: 10".
        value: The field's new value; `ABSENT` where it was taken away.
        body: The whole object.
        refused: Whether it must be refused; else it must be taken.
        update: Whether the rule is about a change of what exists.
    """

    steps: tuple[Step, ...]
    path: str
    rule: str
    value: Any  # any JSON, or ABSENT
    body: Json
    refused: bool = True
    update: bool = False


def variations(schema: Json, body: Json) -> Iterator[Variation | Untried]:
    """Yields what breaks each declared rule of the user's fields, one at a time.

    Args:
        schema: openAPIV3Schema of the object's version.
        body: A valid object of it, defaults filled in.
    """
    top = Place(steps=(), schema=schema, value=body)
    for place in (top, *places(schema, body)):
        for broken in broken_rules(place):
            if broken.reason:
                yield Untried(path=broken.path, rule=broken.rule, reason=broken.reason)
            else:
                yield Variation(
                    steps=broken.steps,
                    path=broken.path,
                    rule=broken.rule,
                    value=broken.value,
                    body=changed(body, broken.steps, broken.value),
                    update=broken.update,
                )
        if place.steps and not _free(place.schema):
            yield from _of(place, body)


def _free(schema: Json) -> bool:
    """Whether more than one type or shape is allowed, so that a single rule proves nothing."""
    return bool(
        schema.get("x-kubernetes-preserve-unknown-fields")
        or schema.get("x-kubernetes-int-or-string")
        or any(key in schema for key in ("anyOf", "oneOf", "allOf", "not"))
    )


def _of(place: Place, body: Json) -> Iterator[Variation | Untried]:
    if place.required and place.there and "default" not in place.schema and place.name:
        yield _variation(place, body, "required", ABSENT)
    scalar = place.schema.get("type") not in {"object", "array"}
    if not place.there and not scalar:
        return
    kind = str(place.schema.get("type") or "")
    if kind in _WRONG_TYPES:
        yield _variation(place, body, f"type: {kind}", _WRONG_TYPES[kind])
    for rule, value, refused in _values(place):
        if value is ABSENT:
            yield Untried(path=place.path, rule=rule, reason="no value was found that breaks it")
        else:
            yield _variation(place, body, rule, value, refused=refused)


def _variation(
    place: Place, body: Json, rule: str, value: object, *, refused: bool = True
) -> Variation:
    return Variation(
        steps=place.steps,
        path=place.path,
        rule=rule,
        value=value,
        body=changed(body, place.steps, value),
        refused=refused,
    )


def _values(place: Place) -> Iterator[tuple[str, Any, bool]]:
    """Yields rule, value (ABSENT where none was found) and whether it must be refused."""
    schema = place.schema
    if "enum" in schema:
        yield from _enum(schema)
        return
    match schema.get("type"):
        case "integer" | "number":
            yield from _numbers(schema)
        case "string":
            yield from _strings(place)
        case "array":
            yield from _lists(place)


def _enum(schema: Json) -> Iterator[tuple[str, Any, bool]]:
    words = [value for value in schema["enum"] if value is not None]
    rule = f"enum: {', '.join(map(str, words))}"
    stranger: object = "not-one-of-these"
    if words and not isinstance(words[0], str):
        stranger = max((value for value in words if isinstance(value, int | float)), default=0) + 1
    yield rule, stranger, True


def _numbers(schema: Json) -> Iterator[tuple[str, Any, bool]]:
    step = 1 if schema.get("type") == "integer" else 0.5
    for key, way in (("minimum", -1), ("maximum", 1)):
        if key not in schema:
            continue
        bound = schema[key]
        exclusive = bool(schema.get(f"exclusive{key.capitalize()}"))
        rule = f"{key}: {bound:g}" + (" (exclusive)" if exclusive else "")
        outside = bound if exclusive else bound + way * step
        inside = bound - way * step if exclusive else bound
        yield rule, _whole(outside, schema), True
        if not schema.get("multipleOf"):
            yield rule, _whole(inside, schema), False
    if (factor := schema.get("multipleOf")) and factor != 1:
        yield (
            f"multipleOf: {factor:g}",
            _whole(factor + (1 if factor > 1 else factor / 2), schema),
            True,
        )


def _whole(value: float, schema: Json) -> float:
    return int(value) if schema.get("type") == "integer" or value == int(value) else value


def _strings(place: Place) -> Iterator[tuple[str, Any, bool]]:
    schema = place.schema
    now = place.value if isinstance(place.value, str) and place.value else "a"
    if (shortest := schema.get("minLength")) and shortest > 0:
        yield f"minLength: {shortest}", now[: shortest - 1].ljust(shortest - 1, "a"), True
    longest = schema.get("maxLength")
    if longest is not None and longest < _LONGEST:
        yield f"maxLength: {longest}", now.ljust(longest + 1, now[-1])[: longest + 1], True
    if pattern := schema.get("pattern"):
        yield f"pattern: {pattern}", _unlike(str(pattern), schema), True


def _unlike(pattern: str, schema: Json) -> object:
    """Returns a string that doesn't match, of an allowed length where there is one."""
    try:
        regular = re.compile(pattern)
    except re.error:  # RE2 knows what Python doesn't, for example \\pL
        return ABSENT
    wrong = [text for text in _STRANGERS if not regular.search(text)]
    longest = schema.get("maxLength", _LONGEST)
    fitting = [text for text in wrong if schema.get("minLength", 0) <= len(text) <= longest]
    return next(iter((*fitting, *wrong)), ABSENT)


def _lists(place: Place) -> Iterator[tuple[str, Any, bool]]:
    schema, now = place.schema, place.value
    if not isinstance(now, list):
        return
    if (fewest := schema.get("minItems")) and fewest > 0:
        yield f"minItems: {fewest}", now[: fewest - 1], True
    most = schema.get("maxItems")
    if most is not None and most < _MOST_ITEMS and now:
        yield f"maxItems: {most}", [now[0]] * (most + 1), True
