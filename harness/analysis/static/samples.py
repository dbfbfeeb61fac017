"""API-013 and API-014: samples that fit, one for each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analysis.static.rules import listed
from harness.analysis.static.schemas import is_opaque
from harness.manifests.objects import group_of, kind_of
from harness.manifests.validation import misfits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.static.material import Definition, Flaw, Material, Sample

__all__ = ["each_kind_has_a_sample", "samples_fit", "strangers"]

Json = dict[str, Any]
_META = frozenset({"apiVersion", "kind", "metadata"})


def samples_fit(material: Material) -> list[Flaw] | str:
    """API-013: each sample whose CRD is among the manifests."""
    pairs = [(sample, _definition(material, sample)) for sample in material.samples]
    known = [(sample, crd) for sample, crd in pairs if crd is not None]
    if not known:
        return "no sample is of a kind that the manifests define"
    return [flaw for sample, crd in known for flaw in _misfit(sample, crd)]


def _definition(material: Material, sample: Sample) -> Definition | None:
    key = (group_of(sample.obj), kind_of(sample.obj))
    return next((crd for crd in material.definitions if (crd.group, crd.kind) == key), None)


def _misfit(sample: Sample, crd: Definition) -> Iterator[Flaw]:
    name = str(sample.obj.get("apiVersion")).rpartition("/")[2]
    version = crd.version(name)
    if version is None or not version.served:
        served = ", ".join(item.name for item in crd.served) or "none"
        yield sample.flaw(
            f"The sample is of {crd.kind} {name}, which isn't served", detail=f"Served: {served}."
        )
        return
    wrong = [*misfits(version.schema, sample.obj), *strangers(version.schema, sample.obj)]
    if wrong:
        yield sample.flaw(
            f"The sample doesn't fit {crd.kind} {name}: {wrong[0]}"
            + (f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""),
            detail=listed(wrong),
        )


def strangers(schema: Json, body: Json) -> Iterator[str]:
    """Yields the fields of an object that its schema doesn't know: the server prunes them."""
    if not is_opaque(schema):
        known = _META | set(schema.get("properties") or ())
        yield from (f"{key}: unknown field" for key in body if key not in known)
    for key, value in body.items():
        if key not in _META:
            yield from _unknown((schema.get("properties") or {}).get(key), value, key)


def _unknown(schema: Any, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if not isinstance(schema, dict) or schema.get("x-kubernetes-embedded-resource"):
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(schema.get("items"), item, f"{path}.{index}")
        return
    if not isinstance(value, dict):
        return
    fields: Json = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    for key, item in value.items():
        if key in fields:
            yield from _unknown(fields[key], item, f"{path}.{key}")
        elif isinstance(more, dict):
            yield from _unknown(more, item, f"{path}.{key}")
        elif not more and not is_opaque(schema):
            yield f"{path}.{key}: unknown field"


def each_kind_has_a_sample(material: Material) -> list[Flaw] | str:
    """API-014: each CRD of the manifests that serves something."""
    if not material.definitions:
        return "the manifests bring no CRD"
    shown = {(group_of(sample.obj), kind_of(sample.obj)) for sample in material.samples}
    return [
        crd.flaw(f"No sample shows {crd.kind}")
        for crd in material.definitions
        if crd.served and (crd.group, crd.kind) not in shown
    ]
