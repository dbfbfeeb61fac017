"""Stage 4b: what of an object may be kept as evidence."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import msgspec

from harness.manifests.secrecy import LAST_APPLIED

__all__ = ["Redactor"]

_KEPT_OF_SECRET = ("apiVersion", "kind", "metadata", "type", "immutable")


class Redactor:
    """Strips objects of what is large and of what is secret.

    Args:
        key: Keys the hashes of Secrets; drawn anew where none is given, so that equal values
            can be compared within a run and with nothing else.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def strip(self, obj: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Returns the object as evidence, and the names of its field managers.

        Args:
            obj: Any JSON object of the API; not changed.

        Returns:
            The object without managedFields and without the last applied configuration; of a
            Secret only metadata, type and `dataHash`. Managers as "manager/operation/subresource".
        """
        metadata = dict(obj.get("metadata") or {})
        managers = tuple(dict.fromkeys(map(_manager, metadata.pop("managedFields", None) or ())))
        annotations = metadata.get("annotations") or {}
        if LAST_APPLIED in annotations:
            metadata["annotations"] = {
                name: value for name, value in annotations.items() if name != LAST_APPLIED
            }
        kept = {**obj, "metadata": metadata}
        if obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1":
            kept = {name: kept[name] for name in _KEPT_OF_SECRET if name in kept}
            kept["dataHash"] = self._hash(obj.get("data"))
        return kept, managers

    def _hash(self, data: object) -> str:
        text = msgspec.json.encode(data, order="sorted")
        return hashlib.blake2b(text, key=self._key, digest_size=16).hexdigest()


def _manager(entry: dict[str, Any]) -> str:
    parts = (entry.get(name, "") for name in ("manager", "operation", "subresource"))
    return "/".join(parts).rstrip("/")
