"""Stage 3: what a container refers to: its Pod's fields, resources, ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import binascii
import math
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.manifests.objects import Object

__all__ = ["Context", "Sources", "pod_field", "quantity", "resource_field"]

_SUFFIXES = {
    "m": Decimal("0.001"),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
    "Ei": Decimal(2) ** 60,
}
_QUANTITY = re.compile(r"^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)$")
_KEYED = re.compile(r"^metadata\.(labels|annotations)\['(.+)'\]$")
_WHOLE = re.compile(r"^metadata\.(labels|annotations)$")


class Sources:
    """ConfigMaps and Secrets of one namespace, read once each.

    Args:
        lookup: Returns a "ConfigMap" or "Secret" by name, or None where it isn't there.

    Attributes:
        secrets: Values read from Secrets, to be kept out of logs.
        missing: What a container needs and isn't there, in words: no kubelet would start it.
        notes: What was left out, in words.
    """

    def __init__(self, lookup: Callable[[str, str], Object | None]) -> None:
        self._lookup = lookup
        self._read: dict[tuple[str, str], dict[str, bytes] | None] = {}
        self.secrets: set[str] = set()
        self.missing: list[str] = []
        self.notes: list[str] = []

    def data(self, kind: str, name: str, *, optional: object = False) -> dict[str, bytes]:
        """Returns the contents of a ConfigMap or Secret, by key; empty where it isn't there."""
        if (kind, name) not in self._read:
            found = self._lookup(kind, name)
            self._read[kind, name] = None if found is None else _contents(kind, found)
        contents = self._read[kind, name]
        if contents is None:
            if not optional:
                self.missing.append(f"{kind} {name!r}")
            return {}
        if kind == "Secret":
            self.secrets.update(value.decode(errors="replace") for value in contents.values())
        return contents

    def key(self, kind: str, name: str, key: str, *, optional: object = False) -> bytes | None:
        """Returns one value of a ConfigMap or Secret, or None."""
        contents = self.data(kind, name, optional=optional)
        if key in contents:
            return contents[key]
        if not optional and self._read[kind, name] is not None:
            self.missing.append(f"key {key!r} of {kind} {name!r}")
        return None


class Context:
    """A container, the Pod that it stands for, and what it refers to.

    Args:
        container: The container, as its Pod has it.
        pod: The Pod.
        sources: ConfigMaps and Secrets of the Pod's namespace.
        machine: What a missing limit stands for: "cpu" in cores, "memory" in bytes.
    """

    def __init__(
        self,
        container: Mapping[str, Any],
        pod: Mapping[str, Any],
        sources: Sources,
        *,
        machine: Mapping[str, int],
    ) -> None:
        self.container = container
        self.pod = pod
        self.sources = sources
        self._machine = machine

    def resource(self, ref: Mapping[str, Any]) -> str:
        """Returns what a `resourceFieldRef` refers to; "0" where it can't be read."""
        name, divisor = str(ref.get("resource")), str(ref.get("divisor") or "")
        return resource_field(self.container, name, divisor, machine=self._machine) or "0"


def _contents(kind: str, obj: Object) -> dict[str, bytes]:
    if kind == "Secret":
        return {key: _decoded(value) for key, value in (obj.get("data") or {}).items()}
    text = {key: str(value).encode() for key, value in (obj.get("data") or {}).items()}
    binary = {key: _decoded(value) for key, value in (obj.get("binaryData") or {}).items()}
    return {**text, **binary}


def _decoded(value: object) -> bytes:
    try:
        return base64.b64decode(str(value))
    except (binascii.Error, ValueError):
        return b""


def pod_field(pod: Mapping[str, Any], path: str) -> str | None:
    """Returns a field of the downward API, or None where it isn't one.

    Args:
        pod: The Pod.
        path: For example "metadata.name" or "metadata.labels['app']".
    """
    metadata, spec, status = pod.get("metadata", {}), pod.get("spec", {}), pod.get("status", {})
    if match := _KEYED.match(path):
        return str((metadata.get(match[1]) or {}).get(match[2], ""))
    if match := _WHOLE.match(path):
        pairs = sorted((metadata.get(match[1]) or {}).items())
        return "\n".join(f'{key}="{_escaped(str(value))}"' for key, value in pairs)
    host_ips = [str(item.get("ip")) for item in status.get("hostIPs") or ()]
    pod_ips = [str(item.get("ip")) for item in status.get("podIPs") or ()]
    fields = {
        "metadata.name": metadata.get("name"),
        "metadata.namespace": metadata.get("namespace"),
        "metadata.uid": metadata.get("uid"),
        "spec.nodeName": spec.get("nodeName"),
        "spec.serviceAccountName": spec.get("serviceAccountName"),
        "status.podIP": status.get("podIP"),
        "status.podIPs": ",".join(pod_ips or filter(None, [status.get("podIP")])),
        "status.hostIP": status.get("hostIP"),
        "status.hostIPs": ",".join(host_ips or filter(None, [status.get("hostIP")])),
    }
    return str(fields[path] or "") if path in fields else None


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resource_field(
    container: Mapping[str, Any], resource: str, divisor: str, *, machine: Mapping[str, int]
) -> str | None:
    """Returns a request or limit of a container as the downward API gives it, rounded up.

    Args:
        container: Whose resources.
        resource: For example "limits.cpu".
        divisor: For example "1m"; "0" or empty for 1.
        machine: What a missing limit stands for: "cpu" in cores, "memory" in bytes.
    """
    which, _, name = resource.partition(".")
    resources = container.get("resources") or {}
    text = (resources.get(which) or {}).get(name)
    if text is None and which == "limits" and name in machine:
        text = machine[name]
    value = quantity(str(text if text is not None else "0"))
    unit = quantity(divisor or "1") or Decimal(1)
    return None if value is None else str(math.ceil(value / unit))


def quantity(text: str) -> Decimal | None:
    """Returns a Kubernetes quantity as a number, or None where it isn't one."""
    match = _QUANTITY.match(text.strip())
    if match is None or (match[2] and match[2] not in _SUFFIXES):
        return None
    try:
        return Decimal(match[1]) * _SUFFIXES.get(match[2], Decimal(1))
    except InvalidOperation:
        return None
