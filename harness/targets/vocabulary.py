"""Stage 1: the words of which the JSON Schemas are made."""

from __future__ import annotations

from typing import Any

__all__ = [
    "API_VERSION",
    "CHECK_ID",
    "CUSTOM_RESOURCE",
    "DIALECT",
    "KIND",
    "LABEL",
    "MEASUREMENT",
    "NAME",
    "RESOURCE",
    "SERIES",
    "VARIABLE",
    "Schema",
    "choice",
    "header",
    "listing",
    "mapping",
    "port",
    "text",
    "words",
]

API_VERSION = "harness/v1"

Schema = dict[str, Any]
"""A JSON Schema."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_END = r"$(?!\n)"  # Python's $ also matches before a last newline
LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?" + _END
NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?" + _END
RESOURCE = r"^[a-z][a-z0-9-]*(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*" + _END
CUSTOM_RESOURCE = r"^[a-z][a-z0-9-]*(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+" + _END
CHECK_ID = r"^[A-Z]{3}-[0-9]{3}" + _END
SERIES = r"^[a-zA-Z_:][a-zA-Z0-9_:]*" + _END
MEASUREMENT = r"^[a-z][a-z0-9_]*" + _END
KIND = r"^[A-Z][A-Za-z0-9]*" + _END
MINOR_VERSION = r"^1\.[0-9]{1,3}" + _END
PACKAGE = r"^[a-zA-Z_][a-zA-Z0-9_]*" + _END
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_.-]*" + _END


def text(description: str, *examples: str, pattern: str = "", **more: object) -> Schema:
    """Returns a schema of a text that isn't empty."""
    found: Schema = {"type": "string", "description": description, "minLength": 1}
    if pattern:
        found["pattern"] = pattern
    if examples:
        found["examples"] = list(examples)
    return found | more


def choice(description: str, values: list[str], *, default: str) -> Schema:
    """Returns a schema of one of some words."""
    return {"type": "string", "description": description, "enum": values, "default": default}


def listing(
    description: str, items: Schema, *, example: list[Any] | None = None, **more: object
) -> Schema:
    """Returns a schema of a list."""
    found: Schema = {"type": "array", "description": description, "items": items}
    if example is not None:
        found["examples"] = [example]
    return found | more


def words(description: str, example: list[str], **more: object) -> Schema:
    """Returns a schema of a command as a list of words."""
    word = {"type": "string"}
    return listing(description, word, example=list(example), **more)


def mapping(description: str, properties: Schema, *required: str, **more: object) -> Schema:
    """Returns a schema of a mapping that allows no other keys."""
    found: Schema = {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": properties,
    }
    if required:
        found["required"] = list(required)
    return found | more


def port(description: str, example: int) -> Schema:
    """Returns a schema of a port number."""
    return {
        "type": "integer",
        "description": description,
        "minimum": 1,
        "maximum": 65535,
        "examples": [example],
    }


def header(kind: str, title: str) -> Schema:
    """Returns the schemas of apiVersion and kind."""
    return {
        "apiVersion": {"const": API_VERSION, "description": "Version of this format."},
        "kind": {"const": kind, "description": title},
    }
