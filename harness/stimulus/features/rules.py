"""Stage 4a: values that break a CRD's rules in CEL (x-kubernetes-validations).

Which fields a rule speaks of is read from its text; values near their bounds are tried on the rule
itself until one makes it false. What a rule demands by a function that only Kubernetes has, or by
several fields at once, may stay untried, and is told.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import msgspec

from harness.readiness.expression import Expression, ExpressionError
from harness.stimulus.features.places import ABSENT, Place, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BrokenRule", "broken_rules"]

Json = dict[str, Any]  # any JSON object
_FIELD = re.compile(r"\bself((?:\.[A-Za-z_]\w*)+)(\s*\()?")
_NUMBER = re.compile(r"(?<![\w.])-?\d+")
_LITERAL = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_OLD = re.compile(r"\boldSelf\b")
_MOST_TRIES = 400


class BrokenRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and how it's broken.

    Attributes:
        steps: The field that is changed, from the object's top.
        path: Where the rule stands, as the API server writes it.
        value: The field's new value; `ABSENT` takes it away.
        update: Whether the rule compares with the object before.
        reason: Why no value breaks it; then `steps` and `value` mean nothing.
    """

    steps: tuple[Step, ...]
    path: str
    rule: str
    value: Any = ABSENT
    update: bool = False
    reason: str = ""


def broken_rules(place: Place) -> Iterator[BrokenRule]:
    """Yields each rule that stands at a place."""
    if not place.there:
        return
    for item in place.schema.get("x-kubernetes-validations") or ():
        yield _broken(place, str(item.get("rule") or ""))


def _broken(place: Place, rule: str) -> BrokenRule:
    update = bool(_OLD.search(rule))
    told = BrokenRule(steps=(), path=place.path, rule=f"CEL {rule}", update=update)
    try:
        expression = Expression.of_rule(rule)
    except ExpressionError as error:
        return msgspec.structs.replace(told, reason=f"the rule isn't understood here: {error}")
    before = {"oldSelf": place.value} if update else {}
    for steps, value in _tries(place, rule):
        if expression.refuses({"self": _with(place.value, steps, value), **before}):
            return msgspec.structs.replace(told, steps=(*place.steps, *steps), value=value)
    return msgspec.structs.replace(told, reason="no value was found that breaks it")


def _tries(place: Place, rule: str) -> Iterator[tuple[tuple[Step, ...], Any]]:
    left = _MOST_TRIES
    words = [first or second for first, second in _LITERAL.findall(rule)]
    numbers = [int(text) for text in _NUMBER.findall(rule)]
    for steps, schema, value in _fields(place, rule):
        for tried in _candidates(schema, value, words=words, numbers=numbers):
            if tried != value and left:
                left -= 1
                yield steps, tried
        if steps and value is not ABSENT and left:
            left -= 1
            yield steps, ABSENT


def _fields(place: Place, rule: str) -> Iterator[tuple[tuple[Step, ...], Json, Any]]:
    """Yields the fields that a rule speaks of: steps below the place, schema, value."""
    if not isinstance(place.value, dict):
        yield (), place.schema, place.value
        return
    seen: set[tuple[str, ...]] = set()
    for path, call in _FIELD.findall(rule):
        names = tuple(path.strip(".").split("."))
        names = names[:-1] if call else names
        while names:
            found = _lookup(place, names)
            if found is not None and names not in seen:
                seen.add(names)
                yield names, *found
                break
            names = names[:-1]


def _lookup(place: Place, names: tuple[str, ...]) -> tuple[Json, Any] | None:
    schema, value = place.schema, place.value
    for depth, name in enumerate(names):
        inner = (schema.get("properties") or {}).get(name) or schema.get("additionalProperties")
        if not isinstance(inner, dict) or not isinstance(value, dict):
            return None
        schema = inner
        value = value.get(name, ABSENT)
        if value is ABSENT and depth < len(names) - 1:
            return None
    return schema, value


def _candidates(
    schema: Json, value: object, *, words: list[str], numbers: list[int]
) -> Iterator[Any]:
    yield from schema.get("enum") or ()
    match schema.get("type"):
        case "boolean":
            yield from (True, False)
        case "integer" | "number":
            near = {0, 1, -1, *(number + way for number in numbers for way in (-1, 0, 1))}
            if isinstance(value, int) and not isinstance(value, bool):
                near |= {value - 1, value + 1}
            bounds = (schema.get("minimum"), schema.get("maximum"))
            near |= {int(bound) for bound in bounds if bound is not None}
            fits = [number for number in sorted(near) if _fits(number, schema)]
            yield from (*fits, *sorted(near - set(fits)))
        case "string":
            now = value if isinstance(value, str) else ""
            yield from (*words, *(f"{word}x" for word in words), *(f"x{word}" for word in words))
            yield from (f"{now}x", "x", "", "0")
        case "array":
            now_list = value if isinstance(value, list) else []
            yield from ([], now_list * 2, now_list * 20)


def _fits(number: int, schema: Json) -> bool:
    low, high = schema.get("minimum", number), schema.get("maximum", number)
    return bool(low <= number <= high)


def _with(value: object, steps: tuple[Step, ...], new: object) -> object:
    if not steps:
        return new
    copied = copy.deepcopy(value)
    here: Any = copied
    for step in steps[:-1]:
        here = here[step]
    if new is ABSENT:
        here.pop(steps[-1], None)
    else:
        here[steps[-1]] = new
    return copied
