"""Names and labels of a Noteboard's children, and whose an object is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

__all__ = [
    "API_VERSION",
    "FINALIZER",
    "GROUP",
    "KIND",
    "MANAGER",
    "RBAC",
    "UID_LABEL",
    "Object",
    "belongs_to",
    "board_name",
    "directory_name",
    "notes_name",
    "owner_uid",
    "selector_labels",
    "stem",
]

Object = Mapping[str, Any]
"""A Kubernetes object, as its JSON has it."""

GROUP = "notes.example.org"
API_VERSION = f"{GROUP}/v1"
RBAC = "rbac.authorization.k8s.io/v1"
KIND = "Noteboard"
FINALIZER = f"{GROUP}/cleanup"
UID_LABEL = f"{GROUP}/noteboard-uid"
MANAGER = "noteboard-operator"

_DIRECTORY = "noteboard-directory-"
_DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_NOT_IN_LABEL = re.compile(r"[^a-z0-9-]+")
_LONGEST = 52  # leaves room for a suffix within the 63 characters of a Service's name
_DIGITS = 10  # of the hash that tells shortened names apart


def stem(name: str) -> str:
    """Returns what the names of a Noteboard's children begin with.

    A Noteboard's name has up to 253 characters with dots, that of a Service up to 63 without: a
    name that doesn't fit is made to, with a hash of the whole so that it stays unique.
    """
    if len(name) <= _LONGEST and _DNS_LABEL.fullmatch(name):
        return name
    fitting = "nb-" + _NOT_IN_LABEL.sub("-", name)
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]
    return f"{fitting[: _LONGEST - _DIGITS - 1].rstrip('-')}-{digest}"


def board_name(noteboard: Object) -> str:
    """Returns the name of the Deployment and of the Service."""
    return f"{stem(noteboard['metadata']['name'])}-board"


def notes_name(noteboard: Object) -> str:
    """Returns the name of the ConfigMap with the notes."""
    return f"{stem(noteboard['metadata']['name'])}-notes"


def directory_name(uid: str) -> str:
    """Returns the name of the directory entry of the Noteboard with this UID.

    By its UID it is never taken for that of another Noteboard which had the same name before.
    """
    return f"{_DIRECTORY}{uid}"


def selector_labels(noteboard: Object) -> dict[str, str]:
    """Returns the labels by which a Noteboard's pods are found."""
    return {
        "app.kubernetes.io/name": "noteboard",
        "app.kubernetes.io/instance": stem(noteboard["metadata"]["name"]),
    }


def owner_uid(obj: Object) -> str:
    """Returns the UID of the Noteboard that an object belongs to; empty where it is nobody's.

    That is said by its controller reference or, if it has none (the directory entry; a child that
    lost it), by its name or our label.
    """
    meta = obj["metadata"]
    for owner in meta.get("ownerReferences") or ():
        if owner.get("controller"):
            ours = owner.get("kind") == KIND and owner.get("apiVersion") == API_VERSION
            return str(owner["uid"]) if ours else ""
    if meta["name"].startswith(_DIRECTORY):
        return str(meta["name"].removeprefix(_DIRECTORY))
    return str((meta.get("labels") or {}).get(UID_LABEL, ""))


def belongs_to(obj: Object, noteboard: Object) -> bool:
    """Whether an object is this Noteboard's, so that it may be changed."""
    return owner_uid(obj) == str(noteboard["metadata"]["uid"])
