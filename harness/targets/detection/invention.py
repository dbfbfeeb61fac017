"""Stage 1: a minimal valid object, made up from the schema of its CRD."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.manifests.validation import misfits
from harness.readiness import Expression, ExpressionError
from harness.targets.detection.patterns import text_for

if TYPE_CHECKING:
    from harness.targets.detection.facts import Crd

__all__ = ["Unmade", "invent"]

_FORMATS = {
    "date-time": "2030-01-01T00:00:00Z",
    "date": "2030-01-01",
    "duration": "10s",
    "uri": "https://example.com",
    "url": "https://example.com",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "10.0.0.1",
    "ip": "10.0.0.1",
    "ipv6": "fd00::1",
    "cidr": "10.0.0.0/8",
    "mac": "02:00:00:00:00:01",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "byte": "c2FtcGxl",
    "password": "not-a-secret",
}
_NAMED = {"image": "registry.k8s.io/pause:3.10", "schedule": "0 0 * * *", "version": "1.0.0"}
_LONG = 10_000
_DEEPEST = 40


class Unmade(ValueError):
    """No valid object could be made; the message says which field stands against it."""


def invent(crd: Crd) -> dict[str, Any]:
    """Returns a minimal object of a kind's stored version that its schema allows.

    Raises:
        Unmade: A required field's pattern or combination of rules isn't understood.
    """
    version, schema = next(iter(crd.schemas.items()))
    body: dict[str, Any] = {
        "apiVersion": f"{crd.group}/{version}",
        "kind": crd.kind,
        "metadata": {"name": f"{crd.kind.lower()}-sample"},
    }
    properties = schema.get("properties") or {}
    needed = dict.fromkeys(
        name
        for name in ("spec", *(schema.get("required") or ()))
        if name not in {"apiVersion", "kind", "metadata", "status"} and name in properties
    )
    for name in needed:
        body[name] = _value(properties[name], (name,))
    wrong = misfits(schema, body)
    if wrong:
        raise Unmade("; ".join(wrong))
    broken = _broken_rules(schema, body, "self")
    if broken:
        raise Unmade(f"the rule {broken[0]!r} isn't met")
    return body


def _value(schema: dict[str, Any], path: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON
    """Returns the plainest value that a schema allows."""
    if len(path) > _DEEPEST:
        raise Unmade(f"{'.'.join(path)} is nested too deeply")
    if "default" in schema and schema.get("type") != "object":
        return schema["default"]
    if schema.get("enum"):
        return next((item for item in schema["enum"] if item), schema["enum"][0])
    if schema.get("x-kubernetes-int-or-string"):
        return 1
    maker = _MAKERS.get(str(schema.get("type") or "object"))
    return maker(schema, path) if maker else _object(schema, path)


def _object(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    properties: dict[str, Any] = schema.get("properties") or {}
    names = dict.fromkeys([*(schema.get("required") or ()), *_branch(schema)])
    found = {
        name: _value(properties.get(name) or {}, (*path, name))
        for name in names
        if name in properties and ("default" not in properties[name] or name in _branch(schema))
    }
    least = int(schema.get("minProperties") or 0)
    for name, field in properties.items():
        if len(found) < least and name not in found:
            found[name] = _value(field, (*path, name))
    more = schema.get("additionalProperties")
    while len(found) < least and isinstance(more, dict):
        name = f"sample{len(found) or ''}"
        found[name] = _value(more, (*path, name))
    return found


def _branch(schema: dict[str, Any]) -> list[str]:
    """Returns the fields that the first branch of oneOf or anyOf requires."""
    names: list[str] = []
    for key in ("oneOf", "anyOf"):
        branches = schema.get(key) or ()
        needed = [item["required"] for item in branches if item.get("required")]
        names += needed[0] if needed else []
    for item in schema.get("allOf") or ():
        names += [*(item.get("required") or ()), *_branch(item)]
    return names


def _array(schema: dict[str, Any], path: tuple[str, ...]) -> list[Any]:
    least = int(schema.get("minItems") or 0)
    items = schema.get("items") or {}
    return [_value(items, (*path, "0")) for _ in range(least)]


def _string(schema: dict[str, Any], path: tuple[str, ...]) -> str:
    least, most = int(schema.get("minLength") or 0), int(schema.get("maxLength") or _LONG)
    if schema.get("pattern"):
        found = text_for(str(schema["pattern"]), least=least, most=most)
        if found is None:
            raise Unmade(f"{'.'.join(path)}: no text was found for {schema['pattern']!r}")
        return found
    word = _FORMATS.get(str(schema.get("format")), _NAMED.get(path[-1], "sample"))
    return word.ljust(least, "a")[:most]


def _integer(schema: dict[str, Any], _: tuple[str, ...]) -> int:
    low = schema.get("minimum")
    high = schema.get("maximum")
    step = int(schema.get("multipleOf") or 1) or 1
    least = int(low) + bool(schema.get("exclusiveMinimum")) if low is not None else 1
    least = max(least, 1) if high is None or high >= 1 else least
    found = -(-least // step) * step
    return min(found, int(high)) if high is not None else found


def _number(schema: dict[str, Any], path: tuple[str, ...]) -> float:
    return _integer(schema | {"multipleOf": 1}, path)


def _boolean(_: dict[str, Any], __: tuple[str, ...]) -> bool:
    return False


_MAKERS: dict[str, Callable[[dict[str, Any], tuple[str, ...]], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}


def _broken_rules(schema: dict[str, Any], value: Any, where: str) -> list[str]:  # noqa: ANN401 - any JSON
    """Returns the CEL rules that a value breaks; rules on a change, or not understood, hold."""
    found = [
        str(rule["rule"])
        for rule in schema.get("x-kubernetes-validations") or ()
        if isinstance(value, dict) and not _holds(str(rule.get("rule")), value)
    ]
    if isinstance(value, dict):
        for name, item in value.items():
            inner = (schema.get("properties") or {}).get(name)
            if isinstance(inner, dict):
                found += _broken_rules(inner, item, f"{where}.{name}")
    return found


def _holds(rule: str, value: dict[str, Any]) -> bool:
    if "oldSelf" in rule:
        return True
    try:
        holds, why = Expression.of(rule).holds(value)
    except ExpressionError:
        return True
    return holds or not why.endswith("is false")
