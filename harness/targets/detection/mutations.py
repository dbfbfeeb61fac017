"""Stage 1: fields of a sample's spec that may safely be given another value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from harness.targets.detection.facts import FoundMutation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.targets.detection.facts import Crd

__all__ = ["find_mutations"]

_COUNT = re.compile(r"^(replicas?|size|count|instances?|workers?|\w+(Replicas|Count|Size))$")
_STORAGE = re.compile(r"(storage|volume|disk|memory|page|batch|buffer|cache|max|min)\w*size", re.I)
_PROSE = re.compile(
    r"^(message|title|description|greeting|text|comment|displayName|motd|note|subject|label)$"
)
_LEVEL = re.compile(r"^log(ging)?_?-?level$", re.I)
_DEEPEST = 4
_MOST = 4
_LONG_ENOUGH = 40


def find_mutations(
    crd: Crd, schema: Mapping[str, Any], body: Mapping[str, Any]
) -> tuple[tuple[FoundMutation, ...], tuple[str, ...]]:
    """Returns changes that an operator must be able to follow, and fields that might be others.

    A field is safe where its name says that it is a count or prose, and nothing makes it
    immutable.

    Args:
        crd: The kind.
        schema: Its schema, of the sample's version.
        body: The sample.
    """
    found: list[FoundMutation] = []
    others: list[str] = []
    spec = (schema.get("properties") or {}).get("spec") or {}
    values = body.get("spec")
    for path, field, value in _fields(spec, values if isinstance(values, dict) else {}, "spec"):
        change = _change(path, field, value, scaled=path == crd.replicas)
        if change is not None:
            found.append(change)
        elif field.get("type") in {"integer", "string", "boolean"} and "default" in field:
            others.append(path)
    found.sort(key=lambda change: change.path != crd.replicas)
    return tuple(found[:_MOST]), tuple(others[:_MOST])


def _fields(
    schema: Mapping[str, Any], values: Mapping[str, Any], path: str
) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Yields path, schema and value of each field that may change; of objects, those in use."""
    if _is_fixed(schema) or path.count(".") >= _DEEPEST:
        return
    for name, field in (schema.get("properties") or {}).items():
        if not isinstance(field, dict) or _is_fixed(field) or not re.fullmatch(r"[\w-]+", name):
            continue
        here, value = f"{path}.{name}", values.get(name)
        if field.get("type") == "object":
            if isinstance(value, dict):
                yield from _fields(field, value, here)
        else:
            yield here, field, field.get("default") if value is None else value


def _is_fixed(schema: Mapping[str, Any]) -> bool:
    rules = schema.get("x-kubernetes-validations") or ()
    return any("oldSelf" in str(rule.get("rule")) for rule in rules)


def _change(
    path: str, field: dict[str, Any], value: object, *, scaled: bool
) -> FoundMutation | None:
    name = path.rpartition(".")[2]
    value = 1 if scaled and value is None else value  # what Kubernetes' own workloads take it for
    if field.get("type") == "integer" and value is not None:
        if not scaled and (not _COUNT.match(name) or _STORAGE.search(name)):
            return None
        numbers = _numbers(field, value)
        reason = "the scale subresource sets it" if scaled else "its name says that it counts"
        return FoundMutation(path=path, values=numbers, reason=reason) if numbers else None
    if field.get("type") != "string" or not isinstance(value, str):
        return None
    if _LEVEL.match(name) and isinstance(field.get("enum"), list):
        levels = tuple(word for word in (*field["enum"], value) if word != value)
        reason = "the schema lists its values"
        return FoundMutation(path=path, values=(*levels[:2], value), reason=reason)
    free = not any(key in field for key in ("pattern", "format", "enum"))
    if _PROSE.match(name) and free and int(field.get("maxLength") or 99) > _LONG_ENOUGH:
        texts = ("Changed by the harness.", "Changed again.", value)
        return FoundMutation(path=path, values=texts, reason="its name says that it is prose")
    return None


def _numbers(field: dict[str, Any], value: object) -> tuple[int, ...]:
    """Returns two other numbers that the schema allows, where there are, and the sample's own."""
    if not isinstance(value, int) or isinstance(value, bool):
        return ()
    low = max(int(field.get("minimum") or 1), 1)
    high = int(field.get("maximum") or value + 2)
    step = int(field.get("multipleOf") or 1) or 1
    allowed = [n for n in (value + step, value + 2 * step, value - step) if low <= n <= high]
    return (*allowed[:2], value) if allowed else ()
