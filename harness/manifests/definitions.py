"""What a CustomResourceDefinition and its structural schema must look like."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from harness.manifests.shapes import (
    Fault,
    Path,
    each,
    fault,
    number,
    record,
    text,
    truth,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.manifests.objects import Object

__all__ = ["definition"]

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_DEEPEST = 150
_WORDS = each(text)
_KEYWORDS = {
    **dict.fromkeys(("description", "format", "id", "pattern", "title", "type", "$schema"), text),
    **dict.fromkeys(("maximum", "minimum", "multipleOf"), number),
    **dict.fromkeys(
        ("maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties"), whole
    ),
    **dict.fromkeys(
        (
            *("exclusiveMaximum", "exclusiveMinimum", "nullable", "uniqueItems"),
            *("x-kubernetes-embedded-resource", "x-kubernetes-int-or-string"),
            "x-kubernetes-preserve-unknown-fields",
        ),
        truth,
    ),
    **dict.fromkeys(("required", "x-kubernetes-list-map-keys"), _WORDS),
    **dict.fromkeys(("x-kubernetes-list-type", "x-kubernetes-map-type"), text),
    "enum": each(lambda *_: iter(())),
    "x-kubernetes-validations": each(record({"rule": text, "message": text}, "rule")),
    "externalDocs": record(),
}
_NESTED = ("properties", "items", "additionalProperties", "allOf", "anyOf", "oneOf", "not")
_ANYTHING = ("default", "example")
_REFUSED = ("$ref", "definitions", "dependencies", "patternProperties", "additionalItems")

_NAMES = record(
    {
        "plural": text,
        "singular": text,
        "kind": text,
        "listKind": text,
        "shortNames": _WORDS,
        "categories": _WORDS,
    },
    *("plural", "kind"),
)
_COLUMN = record(
    {"name": text, "type": text, "jsonPath": text, "priority": whole, "description": text},
    *("name", "type", "jsonPath"),
)
_VERSION = record(
    {
        "name": text,
        "served": truth,
        "storage": truth,
        "deprecated": truth,
        "schema": record(),
        "subresources": record({"status": record(), "scale": record()}),
        "additionalPrinterColumns": each(_COLUMN),
    },
    *("name", "schema"),
)
_SPEC = record(
    {
        "group": text,
        "scope": text,
        "names": _NAMES,
        "versions": each(_VERSION, least=1),
        "conversion": record({"strategy": text, "webhook": record()}),
    },
    *("group", "scope", "names", "versions"),
)
_TOP = record({"spec": _SPEC}, "spec")


def definition(crd: Object) -> Iterator[Fault]:
    """Yields the mistakes in a CustomResourceDefinition."""
    if crd["apiVersion"] != "apiextensions.k8s.io/v1":
        yield Fault(
            ("apiVersion",),
            f"{crd['apiVersion']} isn't served since Kubernetes 1.22: convert the CRD to "
            "apiextensions.k8s.io/v1",
        )
        return
    found = list(_TOP(crd, ()))
    yield from found
    if not found:
        yield from _identity(crd)
        yield from _versions(crd["spec"]["versions"])


def _identity(crd: Object) -> Iterator[Fault]:
    spec = crd["spec"]
    if spec["scope"] not in {"Namespaced", "Cluster"}:
        message = f"must be Namespaced or Cluster, not {spec['scope']!r}"
        yield Fault(("spec", "scope"), message)
    wanted = f"{spec['names']['plural']}.{spec['group']}"
    name = (crd.get("metadata") or {}).get("name")
    if name != wanted:
        yield Fault(("metadata", "name"), f"must be {wanted}, <plural>.<group>, not {name!r}")


def _versions(versions: list[dict[str, Any]]) -> Iterator[Fault]:
    stored = [version["name"] for version in versions if version.get("storage")]
    if len(stored) != 1:
        what = ", ".join(stored) or "none"
        yield Fault(
            ("spec", "versions"), f"exactly one version must have storage: true, not {what}"
        )
    names: set[str] = set()
    for index, version in enumerate(versions):
        path: Path = ("spec", "versions", index)
        if version["name"] in names:
            yield Fault((*path, "name"), f"the version {version['name']} is there twice")
        names.add(version["name"])
        inner = (*path, "schema", "openAPIV3Schema")
        schema = version["schema"].get("openAPIV3Schema")
        if schema is None:
            yield Fault(inner, "is missing")
            continue
        yield from _schema(schema, inner, typed=True)
        if isinstance(schema, dict) and schema.get("type") not in {None, "object"}:
            yield Fault((*inner, "type"), f"must be object, not {schema['type']!r}")


def _schema(schema: Any, path: Path, *, typed: bool) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
    """Yields the mistakes in a schema; `typed` where a structural schema needs a type."""
    if not isinstance(schema, dict):
        yield fault(schema, path, "a schema")
        return
    if len(path) > _DEEPEST:
        yield Fault(path, "the schema is nested too deeply")
        return
    for key, value in schema.items():
        where = (*path, str(key))
        if key in _REFUSED:
            yield Fault(where, "isn't allowed in the schema of a CRD")
        elif key in _NESTED:
            yield from _nested(str(key), value, where, typed=typed)
        elif key in _KEYWORDS:
            yield from _KEYWORDS[key](value, where)
        elif key not in _ANYTHING:
            yield _unknown(str(key), where)
    yield from _type(schema, path, typed=typed)


def _unknown(key: str, path: Path) -> Fault:
    near = difflib.get_close_matches(key, [*_KEYWORDS, *_NESTED, *_ANYTHING], n=1)
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    return Fault(path, f"the schema of a CRD has no key {key!r}{meant}")


def _type(schema: dict[str, Any], path: Path, *, typed: bool) -> Iterator[Fault]:
    kind = schema.get("type")
    if isinstance(kind, str) and kind and kind not in _TYPES:
        yield Fault((*path, "type"), f"{kind!r} isn't one of {', '.join(_TYPES)}")
    free = schema.get("x-kubernetes-int-or-string") or schema.get(
        "x-kubernetes-preserve-unknown-fields"
    )
    if typed and not kind and not free:
        yield Fault((*path, "type"), "is missing")


def _nested(key: str, value: Any, path: Path, *, typed: bool) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
    if key == "properties":
        if not isinstance(value, dict):
            yield fault(value, path, "a mapping")
            return
        for name, schema in value.items():
            yield from _schema(schema, (*path, str(name)), typed=typed)
    elif key in {"allOf", "anyOf", "oneOf"}:
        if not isinstance(value, list):
            yield fault(value, path, "a list")
            return
        for index, schema in enumerate(value):
            yield from _schema(schema, (*path, index), typed=False)
    elif not (key == "additionalProperties" and isinstance(value, bool)):
        yield from _schema(value, path, typed=typed and key != "not")
