"""Stage 4a: where the fields of a schema are in an object."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ABSENT", "Place", "Step", "base_of", "changed", "places", "shown_path", "value_in"]

Json = dict[str, Any]  # any JSON object
Step = str | int
_TOP = frozenset({"apiVersion", "kind", "metadata", "status"})
_ASSIGNED = ("apiVersion", "kind", "metadata", "status")


class _Absent:
    """Stands for a field that isn't there, since null is a value."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A field that an object has, or could have.

    Attributes:
        steps: Keys and indices that lead to it.
        schema: What it must look like.
        value: What is there; `ABSENT` where the object lacks it.
        required: Whether the object that holds it demands it.
        name: Of the field; empty for items of a list and values of a map.
    """

    steps: tuple[Step, ...]
    schema: Json
    value: Any = ABSENT
    required: bool = False
    name: str = ""

    @property
    def path(self) -> str:
        """As the API server writes it, for example "spec.ports[0].name"."""
        return shown_path(self.steps)

    @property
    def there(self) -> bool:
        """Whether the object has it."""
        return self.value is not ABSENT


def shown_path(steps: tuple[Step, ...]) -> str:
    """Returns a path as the API server writes it."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")


def base_of(sample: Json, admitted: Json) -> Json:
    """Returns a sample with what admission filled in: defaults are there and can be varied.

    Args:
        sample: As it would be sent.
        admitted: The answer to a dry run of it.
    """
    kept = {name: sample[name] for name in _ASSIGNED if name in sample}
    filled = {name: value for name, value in admitted.items() if name not in _TOP}
    return copy.deepcopy({**kept, **filled})


def places(schema: Json, body: Json) -> Iterator[Place]:
    """Yields the user's fields, outermost first: those that are there, and those that could be.

    Below what isn't there nothing is yielded.

    Args:
        schema: openAPIV3Schema of the object's version.
        body: The object.
    """
    demanded = schema.get("required") or ()
    for name, field in (schema.get("properties") or {}).items():
        if name in _TOP:
            continue
        value = body.get(name, ABSENT)
        place = Place(
            steps=(name,), schema=field, value=value, required=name in demanded, name=name
        )
        yield place
        yield from _below(place)


def _below(place: Place) -> Iterator[Place]:
    schema, value = place.schema, place.value
    if schema.get("x-kubernetes-embedded-resource"):
        return
    found: list[Place] = []
    if isinstance(value, dict):
        demanded = schema.get("required") or ()
        known: Mapping[str, Json] = schema.get("properties") or {}
        found += [
            Place(
                steps=(*place.steps, name),
                schema=field,
                value=value.get(name, ABSENT),
                required=name in demanded,
                name=name,
            )
            for name, field in known.items()
        ]
        others = schema.get("additionalProperties")
        if isinstance(others, dict):
            found += [
                Place(steps=(*place.steps, name), schema=others, value=inner)
                for name, inner in value.items()
            ][:1]
    elif isinstance(value, list) and isinstance(schema.get("items"), dict) and value:
        found.append(Place(steps=(*place.steps, 0), schema=schema["items"], value=value[0]))
    for inner in found:
        yield inner
        yield from _below(inner)


def value_in(body: object, steps: tuple[Step, ...]) -> Any:  # noqa: ANN401 - any JSON
    """Returns what is at a place; `ABSENT` where there is nothing."""
    here = body
    for step in steps:
        if isinstance(here, dict):
            here = here.get(str(step), ABSENT)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            return ABSENT
    return here


def changed(body: Json, steps: tuple[Step, ...], value: object) -> Json:
    """Returns a copy of an object with another value at a place; `ABSENT` removes it."""
    copied = copy.deepcopy(body)
    here: Any = copied
    for step in steps[:-1]:
        here = here[step]
    if value is ABSENT:
        del here[steps[-1]]
    else:
        here[steps[-1]] = value
    return copied
