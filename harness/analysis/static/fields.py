"""API-005 to API-009: what each field of a CRD says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from harness.analysis.static.rules import listed
from harness.analysis.static.schemas import Node, is_opaque, within

if TYPE_CHECKING:
    from harness.analysis.static.material import Definition, Flaw, Version

__all__ = [
    "conventions_are_kept",
    "described_and_consistent",
    "lists_say_how_they_merge",
    "numbers_and_times_are_typed",
    "users_input_is_bounded",
]

Json = dict[str, Any]
_CAMEL = re.compile(r"^[a-z][a-zA-Z0-9]*$")
_KIND = re.compile(r"^[A-Z][a-zA-Z0-9]*$")
_TIMESTAMP = re.compile(r"(Timestamp|TransitionTime|UpdateTime|ProbeTime)$")
_TOP = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_STATE = ("spec", "status")


def _complaints(
    crd: Definition, places: tuple[str, ...], complain: Callable[[Node], str]
) -> list[str]:
    """Returns what is wrong at the places of all served versions, as "v1: spec.size: …"."""
    return [
        f"{crd.called(version)}{node.path}: {text}"
        for version in crd.served
        for node in within(version.schema, *places)
        if (text := complain(node))
    ]


def lists_say_how_they_merge(crd: Definition) -> Iterator[Flaw]:
    """API-005: server-side apply must know what makes two items the same."""
    wrong = _complaints(crd, _STATE, _merge_fault)
    if wrong:
        yield crd.flaw(
            f"{_many(wrong, 'list')} of {crd.kind} can't be merged", detail=listed(wrong)
        )


def _merge_fault(node: Node) -> str:
    if node.schema.get("type") != "array":
        return ""
    kind = node.schema.get("x-kubernetes-list-type")
    if not kind:
        return "no x-kubernetes-list-type"
    return _key_fault(node.schema) if kind == "map" else ""


def _key_fault(schema: Json) -> str:
    items: Json = schema.get("items") or {}
    fields: Json = items.get("properties") or {}
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if not keys:
        return "a list map without keys"
    demanded = items.get("required") or ()
    for key in keys:
        if key not in fields:
            return f"its items have no field {key}, which is a key"
        if key not in demanded and "default" not in fields[key]:
            return f"the key {key} is neither required nor has a default"
    return ""


def users_input_is_bounded(crd: Definition) -> Iterator[Flaw]:
    """API-006: what has no bound can fill an object until etcd refuses it."""
    wrong = _complaints(crd, ("spec",), _boundless)
    if wrong:
        yield crd.flaw(
            f"{_many(wrong, 'field')} in the spec of {crd.kind} {_have(wrong)} no bound",
            detail=listed(wrong),
        )


def _boundless(node: Node) -> str:
    schema = node.schema
    match schema.get("type"):
        case "string":
            told = ("maxLength", "enum", "format", "x-kubernetes-int-or-string")
            return "" if any(key in schema for key in told) else "a text without maxLength"
        case "array":
            return "" if "maxItems" in schema else "a list without maxItems"
        case "object" if schema.get("additionalProperties"):
            return "" if "maxProperties" in schema else "a map without maxProperties"
    return ""


def numbers_and_times_are_typed(crd: Definition) -> Iterator[Flaw]:
    """API-007: floats break comparisons; sizes and times need a format."""
    floats = _complaints(
        crd, _STATE, lambda node: "is a number" if node.schema.get("type") == "number" else ""
    )
    if floats:
        yield crd.flaw(
            f"{crd.kind} has {_many(floats, 'floating-point field')}", detail=listed(floats)
        )
    loose = _complaints(crd, _STATE, _untyped)
    if loose:
        yield crd.flaw(
            f"{_many(loose, 'field')} of {crd.kind} {_have(loose)} no format",
            detail=listed(loose),
            severity="minor",
        )


def _untyped(node: Node) -> str:
    schema = node.schema
    if schema.get("type") == "integer" and schema.get("format") not in {"int32", "int64"}:
        return "an integer without the format int32 or int64"
    if (
        schema.get("type") == "string"
        and _TIMESTAMP.search(node.name)
        and schema.get("format") != "date-time"
    ):
        return "a time without the format date-time"
    return ""


def described_and_consistent(crd: Definition) -> Iterator[Flaw]:
    """API-008: descriptions for people; required, default and nullable don't contradict."""
    clashes = _complaints(crd, _STATE, _clash)
    if clashes:
        yield crd.flaw(
            f"{_many(clashes, 'field')} of {crd.kind} contradict{'s' if len(clashes) == 1 else ''} "
            f"{'itself' if len(clashes) == 1 else 'themselves'}",
            detail=listed(clashes),
        )
    bare = _complaints(
        crd,
        _STATE,
        lambda node: "no description" if node.name and not node.schema.get("description") else "",
    )
    if bare:
        yield crd.flaw(
            f"{_many(bare, 'field')} of {crd.kind} {_have(bare)} no description",
            detail=listed(bare),
            severity="minor",
        )


def _clash(node: Node) -> str:
    if "default" not in node.schema:
        return ""
    if node.schema.get("nullable"):
        return "nullable, but it has a default, so null is never kept as it was meant"
    return "required, but it has a default, so it's never missing" if node.required else ""


def conventions_are_kept(crd: Definition) -> Iterator[Flaw]:
    """API-009: layout and names."""
    wrong = [] if _KIND.match(crd.kind) else [f"the kind {crd.kind} isn't in CamelCase"]
    for version in crd.served:
        wrong += [crd.called(version) + text for text in _layout(version)]
    wrong += _complaints(
        crd,
        _STATE,
        lambda node: "isn't in camelCase" if node.name and not _CAMEL.match(node.name) else "",
    )
    if wrong:
        yield crd.flaw(
            f"{crd.kind} leaves the API conventions in {_many(wrong, 'place')}",
            detail=listed(wrong),
        )


def _layout(version: Version) -> Iterator[str]:
    if is_opaque(version.schema):
        return
    others = sorted(set(version.schema.get("properties") or ()) - _TOP)
    if others:
        verb = "is" if len(others) == 1 else "are"
        yield f"beside spec and status there {verb} {', '.join(others)}"
    status = (version.field("status") or {}).get("properties") or {}
    if {"phase", "state"} & set(status) and "conditions" not in status:
        yield "the status has a phase, but no conditions"


def _have(items: list[str]) -> str:
    return "has" if len(items) == 1 else "have"


def _many(items: list[str], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
