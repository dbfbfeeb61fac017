"""Stage 1: the JSON Schema of twins/<name>.yaml, for checking and for editors."""

from __future__ import annotations

from harness.targets.vocabulary import (
    CHECK_ID,
    DIALECT,
    KIND,
    LABEL,
    VARIABLE,
    Schema,
    header,
    listing,
    mapping,
    text,
)

__all__ = ["twin_schema"]


def twin_schema() -> Schema:
    """Returns the JSON Schema of twins/<name>.yaml."""
    operation = mapping(
        "An operation of JSON Patch (RFC 6902).",
        {
            "op": {
                "type": "string",
                "description": "What to do.",
                "enum": ["add", "remove", "replace", "move", "copy", "test"],
            },
            "path": {
                "type": "string",
                "description": "JSON Pointer of the place.",
                "pattern": "^(/.*)?$",
                "examples": ["/rules/0/verbs"],
            },
            "from": {
                "type": "string",
                "description": "JSON Pointer of the source, for move and copy.",
                "pattern": "^(/.*)?$",
            },
            "value": {"description": "Any JSON, for add, replace and test."},
        },
        *("op", "path"),
    )
    patch = mapping(
        "A patch of one manifest.",
        {
            "target": mapping(
                "Which manifest, after rendering.",
                {
                    "kind": text("Its kind.", "ClusterRole", pattern=KIND),
                    "name": text("Its metadata.name.", "guestbook-manager-role"),
                },
                *("kind", "name"),
            ),
            "patch": listing("JSON Patch operations.", operation, minItems=1),
        },
        *("target", "patch"),
    )
    properties = header("Twin", "What the file is.") | {
        "name": text("The file's name without its ending.", "never-ready", pattern=LABEL),
        "title": text("The defect, in one sentence."),
        "env": {
            "type": "object",
            "description": "Environment variables of the workload's container.",
            "default": {},
            "examples": [{"GUESTBOOK_DEFECT": "never-ready"}],
            "propertyNames": {"pattern": VARIABLE},
            "additionalProperties": {"type": "string"},
        },
        "patches": listing("Patches of the rendered manifests.", patch, default=[]),
        "add": listing(
            "Manifests that are applied beside the rendered ones; a namespaced one names its "
            "namespace.",
            _manifest(),
            default=[],
        ),
        "expect": listing(
            "Ids of the checks that must find the defect.",
            text("Id of a check.", pattern=CHECK_ID),
            example=["REC-001"],
            minItems=1,
            uniqueItems=True,
        ),
    }
    top = mapping(
        "A faulty twin: the same operator with one seeded defect.",
        properties,
        *("apiVersion", "kind", "name", "title", "expect"),
    )
    return {"$schema": DIALECT, "title": "Operator harness faulty twin"} | top


def _manifest() -> Schema:
    """Returns the schema of any Kubernetes object; what its kind demands, the API server says."""
    properties = {
        "apiVersion": text("Its API version.", "rbac.authorization.k8s.io/v1"),
        "kind": text("Its kind.", "ClusterRole", pattern=KIND),
        "metadata": {
            "type": "object",
            "description": "Its metadata.",
            "properties": {"name": text("Its name.", "operator-extra")},
            "required": ["name"],
        },
    }
    required = ("apiVersion", "kind", "metadata")
    return mapping("A Kubernetes object.", properties, *required) | {"additionalProperties": True}
