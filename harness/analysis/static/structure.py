"""API-001, API-002, API-003: CRDs have a structural schema that says what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analysis.static.rules import listed
from harness.analysis.static.schemas import is_opaque, walk, within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.static.material import Definition, Flaw, Version

__all__ = ["is_structural", "spec_is_typed", "status_is_a_subresource"]

Json = dict[str, Any]
_JUNCTORS = ("allOf", "anyOf", "oneOf")
_OUTSIDE = (
    *("type", "default", "additionalProperties", "nullable", "title", "description"),
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-list-type"),
)
_FEW = 8
_MOST_OPAQUE = 0.25


def is_structural(crd: Definition) -> Iterator[Flaw]:
    """API-001: what the API server's NonStructuralSchema condition would say."""
    if crd.spec.get("preserveUnknownFields"):
        yield crd.flaw("preserveUnknownFields is true: nothing is pruned and no field is defaulted")
    for version in crd.served:
        wrong = [crd.called(version) + text for text in _faults(version.schema)]
        if wrong:
            yield crd.flaw(
                f"The schema of {crd.kind} {version.name} isn't structural in {len(wrong)} "
                f"{'place' if len(wrong) == 1 else 'places'}",
                detail=listed(wrong),
            )


def _faults(schema: Json) -> Iterator[str]:
    if not schema:
        yield "there is no schema"
        return
    metadata = (schema.get("properties") or {}).get("metadata") or {}
    extra = set(metadata.get("properties") or ()) - {"name", "generateName"}
    if extra:
        names = ", ".join(sorted(extra))
        yield f"metadata: only name and generateName may be restricted, not {names}"
    yield from _own_faults("the root", schema)
    for node in walk(schema):
        yield from _own_faults(node.path, node.schema)


def _own_faults(path: str, schema: Json) -> Iterator[str]:
    if schema.get("properties") and schema.get("additionalProperties"):
        yield f"{path}: has both properties and additionalProperties"
    if schema.get("additionalProperties") is False:
        yield f"{path}: additionalProperties must not be false"
    if schema.get("uniqueItems"):
        yield f"{path}: uniqueItems must not be true; use x-kubernetes-list-type: set"
    if schema.get("type") == "array" and not schema.get("items"):
        yield f"{path}: a list needs items"
    for key in _JUNCTORS:
        for branch in schema.get(key) or ():
            yield from _branch_faults(f"{path}.{key}", branch, schema)
    if isinstance(schema.get("not"), dict):
        yield from _branch_faults(f"{path}.not", schema["not"], schema)


def _branch_faults(path: str, branch: Json, outside: Json) -> Iterator[str]:
    """What a branch must leave to the schema that it stands in."""
    loose = bool(outside.get("x-kubernetes-int-or-string"))
    for key in _OUTSIDE:
        if key in branch and not (loose and key == "type"):
            yield f"{path}: {key} must stand outside of it"
    for name, field in (branch.get("properties") or {}).items():
        known = (outside.get("properties") or {}).get(name)
        if known is None and not outside.get("additionalProperties"):
            yield f"{path}: the field {name} must be defined outside of it, too"
        else:
            yield from _branch_faults(f"{path}.{name}", field, known or {})


def spec_is_typed(crd: Definition) -> Iterator[Flaw]:
    """API-002: an opaque spec can't be validated, defaulted, explained or compared."""
    for version in crd.served:
        spec = version.field("spec")
        if is_opaque(version.schema) or (spec is not None and is_opaque(spec)):
            yield crd.flaw(
                f"The spec of {crd.kind} {version.name} takes anything",
                detail="x-kubernetes-preserve-unknown-fields stands at its root.",
            )
            continue
        nodes = [node for node in within(version.schema, "spec") if node.name]
        opaque = [node.path for node in nodes if is_opaque(node.schema)]
        if len(opaque) > 1 and len(nodes) >= _FEW and len(opaque) > _MOST_OPAQUE * len(nodes):
            yield crd.flaw(
                f"{len(opaque)} of {len(nodes)} fields in the spec of {crd.kind} {version.name} "
                "take anything",
                detail=listed(opaque),
            )


def status_is_a_subresource(crd: Definition) -> Iterator[Flaw]:
    """API-003: status and its subresource come together; nobody has to write status."""
    for version in crd.served:
        yield from _status(crd, version)


def _status(crd: Definition, version: Version) -> Iterator[Flaw]:
    has_field = version.field("status") is not None or is_opaque(version.schema)
    name = f"{crd.kind} {version.name}"
    if has_field and version.field("status") is not None and "status" not in version.subresources:
        yield crd.flaw(
            f"{name} has a status, but no status subresource",
            detail="Everyone who may write the spec may write the status, and each status write "
            "raises metadata.generation.",
            snippet="subresources:\n  status: {}\n",
        )
    if "status" in version.subresources and not has_field:
        yield crd.flaw(
            f"{name} has a status subresource, but its schema has no status",
            detail="Whatever the operator writes there is pruned.",
        )
    if "status" in (version.schema.get("required") or ()):
        yield crd.flaw(f"{name} requires a status", detail="Who creates one can't know its status.")
