"""Stage 3: a container's environment, as the kubelet makes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from harness.installers.process.expansion import expand
from harness.installers.process.references import Context, Sources, pod_field

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["container_environment"]

_NAME = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")


def container_environment(
    context: Context, *, service: Mapping[str, str], literal: Mapping[str, str]
) -> dict[str, str]:
    """Returns what the container finds in its environment.

    Args:
        context: The container, with its `env` and `envFrom`, and its Pod.
        service: Variables that the kubelet adds, such as KUBERNETES_SERVICE_HOST; the
            container's own come over them.
        literal: Values to take instead of a variable's own `value`.
    """
    found: dict[str, str] = dict(service)
    for entry in context.container.get("envFrom") or ():
        found.update(_from(entry, context.sources))
    for entry in context.container.get("env") or ():
        name = str(entry.get("name"))
        value = (
            _referred(entry["valueFrom"], context)
            if entry.get("valueFrom")
            else expand(literal.get(name, str(entry.get("value") or "")), found)
        )
        if value is not None:
            found[name] = value
    return found


def _from(entry: Mapping[str, Any], sources: Sources) -> dict[str, str]:
    prefix = str(entry.get("prefix") or "")
    for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        ref = entry.get(field)
        if ref:
            data = sources.data(kind, str(ref.get("name")), optional=ref.get("optional"))
            return {
                f"{prefix}{key}": value.decode(errors="replace")
                for key, value in data.items()
                if _NAME.match(f"{prefix}{key}")
            }
    return {}


def _referred(value_from: Mapping[str, Any], context: Context) -> str | None:
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        ref = value_from.get(field)
        if ref:
            data = context.sources.key(
                kind, str(ref.get("name")), str(ref.get("key")), optional=ref.get("optional")
            )
            return None if data is None else data.decode(errors="replace")
    if ref := value_from.get("fieldRef"):
        path = str(ref.get("fieldPath"))
        value = pod_field(context.pod, path)
        if value is None:
            context.sources.notes.append(
                f"The downward API's field {path} isn't known here; left empty."
            )
        return value or ""
    if ref := value_from.get("resourceFieldRef"):
        return context.resource(ref)
    return None
