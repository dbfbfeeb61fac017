"""Reading Kubernetes objects as plain JSON."""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "SHORTEST_SECRET",
    "Object",
    "describe",
    "find",
    "group_of",
    "kind_of",
    "name_of",
    "namespace_of",
    "pod_labels",
    "pod_spec",
    "secret_values",
    "selected",
    "strings",
]

SHORTEST_SECRET = 6
"""Characters of a Secret's value that is kept out of logs; "true" would garble them."""

Object = dict[str, Any]  # a Kubernetes object: any JSON


def kind_of(obj: Mapping[str, Any]) -> str:
    """Returns the kind; empty where there is none."""
    return str(obj.get("kind", ""))


def group_of(obj: Mapping[str, Any]) -> str:
    """Returns the API group; empty for the core group."""
    api_version = str(obj.get("apiVersion", ""))
    return api_version.rpartition("/")[0]


def name_of(obj: Mapping[str, Any]) -> str:
    """Returns metadata.name."""
    return str((obj.get("metadata") or {}).get("name", ""))


def namespace_of(obj: Mapping[str, Any]) -> str:
    """Returns metadata.namespace; empty where there is none."""
    return str((obj.get("metadata") or {}).get("namespace") or "")


def describe(obj: Mapping[str, Any]) -> str:
    """Returns how people call an object, for example "Deployment ns/name"."""
    place = f"{namespace_of(obj)}/" if namespace_of(obj) else ""
    return f"{kind_of(obj)} {place}{name_of(obj)}"


def find(
    manifests: Iterable[Object], kind: str, name: str, namespace: str | None = None
) -> Object | None:
    """Returns the first manifest of that kind and name (and namespace, unless None)."""
    for obj in manifests:
        place = namespace_of(obj) or "default"
        if kind_of(obj) != kind or name_of(obj) != name:
            continue
        if namespace is None or place == (namespace or "default"):
            return obj
    return None


def pod_spec(workload: Mapping[str, Any]) -> Object:
    """Returns the pod spec of a Deployment's template."""
    spec = workload.get("spec") or {}
    found: Object = (spec.get("template") or {}).get("spec") or {}
    return found


def pod_labels(workload: Mapping[str, Any]) -> dict[str, str]:
    """Returns the labels of a Deployment's pods."""
    template = (workload.get("spec") or {}).get("template") or {}
    return strings((template.get("metadata") or {}).get("labels"))


def selected(labels: Mapping[str, str], selector: Mapping[str, Any] | None) -> bool:
    """Whether labels meet a label selector (`matchLabels`, `matchExpressions`); none meets nothing.

    A Service's plain selector is given as `{"matchLabels": selector}`.
    """
    if not selector:
        return False
    wanted = strings(selector.get("matchLabels"))
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(labels, item) for item in selector.get("matchExpressions") or ())


def _expression(labels: Mapping[str, str], item: Mapping[str, Any]) -> bool:
    key = str(item.get("key"))
    values = item.get("values") or ()
    match item.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False


def secret_values(manifests: Iterable[Object]) -> list[str]:
    """Returns the values in Secrets that must be kept out of logs."""
    values: list[str] = []
    for obj in manifests:
        if kind_of(obj) != "Secret":
            continue
        values += [str(value) for value in (obj.get("stringData") or {}).values()]
        for value in (obj.get("data") or {}).values():
            with suppress(binascii.Error, ValueError):
                values.append(base64.b64decode(str(value)).decode())
    return [value for value in values if len(value) >= SHORTEST_SECRET]


def strings(mapping: Mapping[str, Any] | None) -> dict[str, str]:
    """Returns a copy of a string map; None is empty."""
    return {str(key): str(value) for key, value in (mapping or {}).items()}
