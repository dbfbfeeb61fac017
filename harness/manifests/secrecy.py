"""Objects as evidence and messages may hold them: of a Secret its keys, never a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.manifests.objects import kind_of

if TYPE_CHECKING:
    from harness.manifests.objects import Object

__all__ = ["LAST_APPLIED", "without_values"]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation of `kubectl apply`, which repeats the whole object, a Secret's values too."""


def without_values(obj: Object) -> Object:
    """Returns the object, a Secret with empty values and without its last applied configuration."""
    if kind_of(obj) != "Secret":
        return obj
    kept = {
        key: dict.fromkeys(value, "") if key in ("data", "stringData") else value
        for key, value in obj.items()
        if key not in ("data", "stringData") or isinstance(value, dict)
    }
    metadata = obj.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    others = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    if len(others) < len(annotations):
        kept["metadata"] = {**metadata, "annotations": others}
    return kept
