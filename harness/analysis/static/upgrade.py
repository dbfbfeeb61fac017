"""UPG-001: whether CRDs can follow those of the release before.

The changes are those that OLM's CRD upgrade safety and crdify refuse.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from harness.analysis.static.rules import listed
from harness.analysis.static.schemas import is_opaque

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.static.material import Definition, Flaw, Material, Version

__all__ = ["crds_can_follow"]

Json = dict[str, Any]
_Change = tuple[str, str]  # severity (empty for the check's own), and what changed
_BOUNDS = (
    (("maxLength", "maxItems", "maxProperties", "maximum"), operator.lt, "at most"),
    (("minLength", "minItems", "minProperties", "minimum"), operator.gt, "at least"),
)
_IDENTITY = ("x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type")


def crds_can_follow(material: Material) -> list[Flaw] | str:
    """UPG-001: each CRD of the release before, against the one of its name now."""
    if not material.previous:
        return "no release to compare with was named (--previous)"
    now = {crd.resource: crd for crd in material.definitions}
    flaws = []
    for old in material.previous:
        new = now.get(old.resource)
        if new is None:
            flaws.append(
                old.flaw(
                    f"The CRD {old.resource} is gone",
                    detail="Deleting it deletes each of its objects; keeping it leaves them alone.",
                )
            )
        else:
            flaws += _flaws(new, list(_changes(old, new)))
    return flaws


def _flaws(crd: Definition, changes: list[_Change]) -> Iterator[Flaw]:
    for severity in dict.fromkeys(level for level, _ in changes):
        found = [text for level, text in changes if level == severity]
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        yield crd.flaw(
            f"{crd.kind} can't follow its release before: {found[0]}{more}"
            if not severity
            else f"{crd.kind} has changed for its users: {found[0]}{more}",
            detail=listed(found),
            severity=severity,
        )


def _changes(old: Definition, new: Definition) -> Iterator[_Change]:
    if old.spec["scope"] != new.spec["scope"]:
        yield "", f"its scope was {old.spec['scope']} and is {new.spec['scope']}"
    if old.kind != new.kind:
        yield "", f"its kind was {old.kind} and is {new.kind}"
    for before in old.versions:
        after = new.version(before.name)
        if after is None:
            stored = ", which was stored," if before.storage else ""
            yield "", f"the version {before.name}{stored} is gone"
            continue
        if before.served and not after.served:
            yield "major", f"the version {before.name} isn't served any more"
        yield from _version_changes(before, after)


def _version_changes(before: Version, after: Version) -> Iterator[_Change]:
    for name in before.subresources:
        if name not in after.subresources:
            yield "", f"{before.name}: the subresource {name} is gone"
    yield from _schema_changes(f"{before.name}: ", "", before.schema, after.schema)


def _schema_changes(head: str, path: str, old: Json, new: Json) -> Iterator[_Change]:
    """Yields what changed at a place and below it."""
    where = f"{head}{path or 'the root'}"
    if old.get("type") != new.get("type") or bool(old.get("x-kubernetes-int-or-string")) != bool(
        new.get("x-kubernetes-int-or-string")
    ):
        yield "", f"{where} was {_type(old)} and is {_type(new)}"
        return
    yield from _value_changes(where, old, new)
    yield from _required(where, old, new)
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        one, other = old.get(key), new.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _schema_changes(head, path + mark, one, other)
    yield from _fields(head, path, old, new)


def _fields(head: str, path: str, old: Json, new: Json) -> Iterator[_Change]:
    fields = new.get("properties") or {}
    for name, schema in (old.get("properties") or {}).items():
        inner = f"{path}.{name}" if path else str(name)
        if name in fields:
            yield from _schema_changes(head, inner, schema, fields[name])
        elif not is_opaque(new):
            yield "", f"{head}{inner} is gone"
    if is_opaque(old) and not is_opaque(new):
        yield "", f"{head}{path or 'the root'} took anything and is pruned now"
    if isinstance(old.get("additionalProperties"), dict) and not new.get("additionalProperties"):
        yield "", f"{head}{path or 'the root'} was a map and isn't any more"


def _required(where: str, old: Json, new: Json) -> Iterator[_Change]:
    fields = new.get("properties") or {}
    for name in new.get("required") or ():
        if name not in (old.get("required") or ()) and "default" not in fields.get(name, {}):
            yield "", f"{where} requires {name} now"


def _value_changes(where: str, old: Json, new: Json) -> Iterator[_Change]:
    yield from _values(where, old, new)
    yield from (
        ("", f"{where}: {key} was {old.get(key, 'none')} and is {word} {new[key]}")
        for keys, narrower, word in _BOUNDS
        for key in keys
        if key in new and (key not in old or narrower(new[key], old[key]))
    )
    if new.get("pattern") and new.get("pattern") != old.get("pattern"):
        yield "major", f"{where} must match another pattern now"
    if old.get("nullable") and not new.get("nullable"):
        yield "", f"{where} may not be null any more"
    for key in _IDENTITY:
        if old.get(key) and old.get(key) != new.get(key):
            yield "", f"{where}: {key} was {old[key]} and is {new.get(key)}"
    if "default" in old and old["default"] != new.get("default"):
        now = repr(new["default"]) if "default" in new else "none"
        yield "minor", f"{where}: the default was {old['default']!r} and is {now}"
    rules = {rule.get("rule") for rule in old.get("x-kubernetes-validations") or ()}
    added = [r for r in new.get("x-kubernetes-validations") or () if r.get("rule") not in rules]
    if added:
        yield "minor", f"{where} has a new rule: {added[0].get('rule')}"


def _values(where: str, old: Json, new: Json) -> Iterator[_Change]:
    if "enum" not in new:
        return
    if "enum" not in old:
        yield "", f"{where} takes only some values now"
        return
    gone = [str(value) for value in old["enum"] if value not in new["enum"]]
    if gone:
        yield "", f"{where} doesn't take {', '.join(gone)} any more"


def _type(schema: Json) -> str:
    if schema.get("x-kubernetes-int-or-string"):
        return "int-or-string"
    return str(schema.get("type") or "untyped")
