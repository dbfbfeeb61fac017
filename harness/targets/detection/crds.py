"""Stage 1: what a CustomResourceDefinition tells of its kind: versions, readiness."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from harness.manifests.objects import Object, kind_of, name_of
from harness.targets.detection.facts import Crd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.targets.detection.facts import Report

__all__ = ["read_crds", "readiness_of"]

_CONDITION = re.compile(r"conditions\[\?\(@\.type\s*==\s*['\"](\w+)['\"]\)\]\.status")
_WORDS = ("Ready", "Available", "Healthy", "Running", "Reconciled", "Deployed")


def read_crds(manifests: Iterable[Object], report: Report) -> tuple[Crd, ...]:
    """Returns the kinds that manifests define, each once."""
    found: dict[str, Crd] = {}
    for obj in manifests:
        if kind_of(obj) != "CustomResourceDefinition":
            continue
        crd = _read(obj)
        if not crd.schemas:
            report.lacks(f"a served version of the CRD {name_of(obj)}.")
        elif crd.resource not in found:
            found[crd.resource] = crd
    return tuple(found.values())


def _read(obj: Object) -> Crd:
    spec = obj["spec"]
    served = [version for version in spec["versions"] if version.get("served", True)]
    served.sort(key=lambda version: not version.get("storage"))
    stored: dict[str, Any] = served[0] if served else {}
    scale = (stored.get("subresources") or {}).get("scale") or {}
    return Crd(
        group=spec["group"],
        kind=spec["names"]["kind"],
        plural=spec["names"]["plural"],
        namespaced=spec["scope"] == "Namespaced",
        schemas={item["name"]: item["schema"].get("openAPIV3Schema") or {} for item in served},
        columns=tuple(stored.get("additionalPrinterColumns") or ()),
        replicas=str(scale.get("specReplicasPath") or "").lstrip("."),
    )


def readiness_of(crd: Crd) -> tuple[str, str]:
    """Returns the condition that tells readiness, or "", and why.

    A printer column is what authors show to people who ask whether an object is ready.
    """
    schema = next(iter(crd.schemas.values()))
    status = ((schema.get("properties") or {}).get("status") or {}).get("properties") or {}
    if not status:
        return "", "its schema has no status: it counts as converged at once"
    if "conditions" not in status:
        return "", "its status has no conditions: the rules of kstatus decide"
    shown = _shown(crd.columns)
    for word in (*_WORDS, *shown):
        if word in shown:
            return word, f"its status has conditions, and a printer column shows {word}"
    return "", "its status has conditions, but no printer column names one: kstatus decides"


def _shown(columns: Sequence[dict[str, Any]]) -> list[str]:
    """Returns the types of conditions in printer columns; what reads like trouble is left out."""
    found = [
        match[1]
        for column in columns
        for match in [_CONDITION.search(str(column.get("jsonPath")))]
        if match
    ]
    trouble = ("Progress", "Degraded", "Fail", "Error", "Stalled", "Paus", "Reconciling", "Pending")
    return [word for word in found if not word.startswith(trouble)]
