"""Stage 4a: fields of a custom resource that refer to an object in a namespace of their own."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Reference", "pointed", "references"]

_MAX_DEPTH = 8
_MAX_FOUND = 8
_KEYS = ("key", "secretKey", "dataKey", "passwordKey")
_POINTS = re.compile(r"ref|secret|config|credential|source|from|cert|token|password|auth", re.I)
_NAMED = re.compile(r"^(.*?)(Name)$")
_TEMPLATES = frozenset({"template", "podTemplate", "jobTemplate"})
"""Pod templates: their references can't leave the namespace."""

Json = dict[str, Any]  # any JSON object
Path = tuple[str | int, ...]


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of fields, name and namespace, that refers to an object.

    Attributes:
        path: Of the mapping that holds them; 0 stands for a list's first item.
        name_field, namespace_field: Names of the two fields in it.
        kinds: What it may refer to: "Secret", "ConfigMap".
        extra: Values for other fields of the mapping, for example {"key": "value"}.
    """

    path: Path
    name_field: str
    namespace_field: str
    kinds: tuple[str, ...]
    extra: dict[str, Any] = {}

    def __str__(self) -> str:
        base = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        plain = self.name_field == "name"
        return base.lstrip(".") + ("" if plain else f".{self.name_field}")


def references(schema: Json) -> tuple[Reference, ...]:
    """Returns the references in the spec of a custom resource, at most 8.

    Args:
        schema: `openAPIV3Schema` of a version.
    """
    spec = (schema.get("properties") or {}).get("spec") or {}
    found: list[Reference] = []
    for reference in _walk(spec, ("spec",)):
        found.append(reference)
        if len(found) == _MAX_FOUND:
            break
    return tuple(found)


def pointed(body: Json, reference: Reference, *, kind: str, name: str, namespace: str) -> Json:
    """Returns a copy of a custom resource whose reference points at an object.

    Args:
        body: The custom resource.
        reference: Which field.
        kind: "Secret" or "ConfigMap".
        name: Of the object.
        namespace: Of the object.
    """
    made = copy.deepcopy(body)
    here: Any = made
    for step, following in zip(reference.path, (*reference.path[1:], ""), strict=True):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if not here:
                here.append(empty)
            here = here[step]
        else:
            if not isinstance(here.get(step), type(empty)):
                here[step] = empty
            here = here[step]
    extra = {**reference.extra, **({"kind": kind} if "kind" in reference.extra else {})}
    here.update(extra)
    here[reference.name_field] = name
    here[reference.namespace_field] = namespace
    return made


def _walk(schema: Json, path: Path) -> Iterator[Reference]:
    if len(path) > _MAX_DEPTH or path[-1] in _TEMPLATES:
        return
    properties: dict[str, Json] = schema.get("properties") or {}
    yield from _here(properties, path)
    for name, below in properties.items():
        yield from _walk(below, (*path, name))
    if isinstance(items := schema.get("items"), dict):
        yield from _walk(items, (*path, 0))


def _here(properties: dict[str, Json], path: Path) -> Iterator[Reference]:
    """Yields the references whose fields stand in one mapping."""
    strings = {name for name, below in properties.items() if below.get("type") == "string"}
    about = " ".join(str(step) for step in path[1:])
    if {"name", "namespace"} <= strings and _POINTS.search(about):
        yield _reference(properties, path, "name", "namespace", about)
    for name in sorted(strings):
        match = _NAMED.match(name)
        if match is None or not match[1] or not _POINTS.search(match[1]):
            continue
        for other in (f"{match[1]}Namespace", "namespace"):
            if other in strings:
                yield _reference(properties, path, name, other, match[1])
                break


def _reference(
    properties: dict[str, Json], path: Path, name: str, namespace: str, about: str
) -> Reference:
    extra: dict[str, Any] = {
        field: "value"
        for field in _KEYS
        if properties.get(field, {}).get("type") == "string" and field != name
    }
    if properties.get("kind", {}).get("type") == "string":
        extra["kind"] = ""
    text = about.lower()
    secret, config = "secret" in text, "config" in text
    kinds = ("Secret",) if secret and not config else ("ConfigMap",) if config else ()
    return Reference(
        path=path,
        name_field=name,
        namespace_field=namespace,
        kinds=kinds or ("Secret", "ConfigMap"),
        extra=extra,
    )
