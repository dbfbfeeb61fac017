"""API-015 and API-016: versions beside each other, and what `kubectl get` shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from harness.analysis.static.rules import listed
from harness.analysis.static.schemas import is_opaque, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.static.material import Definition, Flaw, Version

__all__ = ["columns_lead_somewhere", "leads", "versions_convert"]

Json = dict[str, Any]
_FILTER = re.compile(r"\[[^\]]*\]")
_STEP = re.compile(r"\.((?:\\\.|[^.\[\]])+)|\['((?:[^'])+)'\]|\[[^\]]*\]")
_METADATA = frozenset(
    {
        *("annotations", "creationTimestamp", "deletionTimestamp", "finalizers", "generation"),
        *("labels", "name", "namespace", "ownerReferences", "resourceVersion", "uid"),
        "generateName",
    }
)


def versions_convert(crd: Definition) -> Iterator[Flaw]:
    """API-015: what one version holds, the other must be able to show."""
    stored = [version for version in crd.versions if version.storage]
    for version in stored:
        if not version.served:
            yield crd.flaw(
                f"{crd.kind} {version.name} is stored, but not served",
                detail="Nobody can read objects as they are stored.",
                severity="minor",
            )
        if version.deprecated:
            yield crd.flaw(
                f"{crd.kind} {version.name} is stored, though it is deprecated", severity="minor"
            )
    conversion: Json = crd.spec.get("conversion") or {}
    if conversion.get("strategy") == "Webhook":
        spoken = (conversion.get("webhook") or {}).get("conversionReviewVersions") or ()
        if "v1" not in spoken:
            yield crd.flaw(
                f"The conversion webhook of {crd.kind} doesn't speak ConversionReview v1",
                detail=f"conversionReviewVersions: {', '.join(spoken) or 'none'}",
            )
        return
    yield from _unconverted(crd, stored[0] if stored else crd.versions[0])


def _unconverted(crd: Definition, stored: Version) -> Iterator[Flaw]:
    for version in crd.served:
        if version.name == stored.name:
            continue
        lost = sorted(_paths(version) ^ _paths(stored))
        if lost:
            yield crd.flaw(
                f"{crd.kind} {version.name} and {stored.name} differ in {len(lost)} "
                f"{'field' if len(lost) == 1 else 'fields'}, but nothing converts them",
                detail="Only in one of both, so it's pruned on the way to the other:\n"
                + listed(lost),
            )


def _paths(version: Version) -> set[str]:
    return {node.path for node in walk(version.schema)}


def columns_lead_somewhere(crd: Definition) -> Iterator[Flaw]:
    """API-016: columns whose path leads to nothing, and kinds that show nothing of their status."""
    for version in crd.served:
        blind = [
            f"{column['name']}: {column['jsonPath']}"
            for column in version.columns
            if not leads(version.schema, str(column["jsonPath"]))
        ]
        if blind:
            yield crd.flaw(
                f"{len(blind)} printer {'column' if len(blind) == 1 else 'columns'} of {crd.kind} "
                f"{version.name} {'shows' if len(blind) == 1 else 'show'} nothing",
                detail=listed(blind),
            )
        has_status = bool((version.field("status") or {}).get("properties"))
        if has_status and not any(".status" in str(col["jsonPath"]) for col in version.columns):
            yield crd.flaw(
                f"`kubectl get` shows nothing of the status of {crd.kind} {version.name}",
                snippet="additionalPrinterColumns:\n- name: Ready\n  type: string\n"
                '  jsonPath: .status.conditions[?(@.type=="Ready")].status\n',
            )


def leads(schema: Json, path: str) -> bool:
    """Whether a simple JSON path leads to a field; what isn't understood does."""
    steps = [
        (match[1] or match[2] or "[]").replace("\\.", ".")
        for match in _STEP.finditer(_FILTER.sub(_kept, path))
    ]
    if steps[:1] == ["metadata"]:
        return len(steps) == 1 or steps[1] in _METADATA
    here: Any = schema
    for step in steps:
        if (
            not isinstance(here, dict)
            or is_opaque(here)
            or here.get("x-kubernetes-embedded-resource")
        ):
            return True
        if step == "[]":
            here = here.get("items")
        else:
            here = (here.get("properties") or {}).get(step) or here.get("additionalProperties")
        if here is None:
            return False
    return True


def _kept(match: re.Match[str]) -> str:
    """Leaves a quoted field; any index or filter becomes one of a list."""
    return match[0] if match[0].startswith("['") else "[0]"
