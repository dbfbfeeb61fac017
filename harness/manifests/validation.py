"""Whether an object fits the structural schema of its CRD."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

__all__ = ["misfits", "plain_schema"]

_NUMBERS = (*("minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems"), "maxItems")
_KEPT = (*_NUMBERS, "minProperties", "maxProperties", "required", "enum", "uniqueItems")
_MOST = 5


def misfits(schema: dict[str, Any], body: dict[str, Any]) -> list[str]:
    """Returns what of an object breaks its schema, each as "spec.size: …"; at most five.

    Defaults count: the server fills them in before it validates. Values of `format` and rules in
    CEL aren't looked at.
    """
    import jsonschema  # noqa: PLC0415 - takes 0.1 s to import

    checked = plain_schema(schema)
    checked.get("properties", {}).pop("status", None)
    validator = jsonschema.Draft4Validator(checked)
    found = []
    for error in validator.iter_errors(_defaulted(schema, body)):
        where = ".".join(str(step) for step in error.absolute_path)
        found.append(f"{where or 'the object'}: {error.message[:120]}")
        if len(found) == _MOST:
            break
    return found


def plain_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns a JSON Schema (draft 4) that means what a structural schema does."""
    found = _own(schema)
    if "properties" in schema:
        found["properties"] = {k: plain_schema(v) for k, v in schema["properties"].items()}
    for key in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(key), dict):
            found[key] = plain_schema(schema[key])
    for key in ("allOf", "anyOf", "oneOf"):
        if schema.get(key):
            found[key] = [plain_schema(item) for item in schema[key]]
    if schema.get("nullable"):
        return {"anyOf": [{"type": "null"}, found]}
    return found


def _own(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns the keywords that don't hold schemas."""
    found = {key: schema[key] for key in _KEPT if key in schema}
    for key in ("exclusiveMinimum", "exclusiveMaximum"):
        if key in schema and key[len("exclusive") :].lower() in schema:
            found[key] = schema[key]
    if schema.get("x-kubernetes-int-or-string"):
        found["type"] = ["integer", "string"]
    elif schema.get("type"):
        found["type"] = schema["type"]
    with suppress(re.error):  # RE2 has words that Python lacks
        if "pattern" in schema:
            re.compile(schema["pattern"])
            found["pattern"] = schema["pattern"]
    return found


def _defaulted(schema: dict[str, Any], value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Returns a value with its schema's defaults, as the API server would fill them in."""
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_defaulted(schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    found = dict(value)
    properties = schema.get("properties") or {}
    for name, field in properties.items():
        absent = name not in found or (found[name] is None and not field.get("nullable"))
        if absent and "default" in field:
            found[name] = field["default"]
        if name in found:
            found[name] = _defaulted(field, found[name])
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        found |= {k: _defaulted(more, v) for k, v in found.items() if k not in properties}
    return found
