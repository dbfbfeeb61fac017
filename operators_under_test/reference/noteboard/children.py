"""What the children of a Noteboard should be.

Each object holds only the fields that this operator wants: it is sent by server-side apply, which
leaves alone what others, or the API server's defaults, have put beside them. Quantities are written
as the API server prints them, so that they can be compared.
"""

from __future__ import annotations

from typing import Any

from noteboard.names import (
    API_VERSION,
    KIND,
    MANAGER,
    UID_LABEL,
    Object,
    board_name,
    directory_name,
    notes_name,
    selector_labels,
)

__all__ = ["deployment", "directory_entry", "notes", "service"]

_NAMED_PORT = "http"
_VOLUME = "notes"
_USER = 65532


def directory_entry(noteboard: Object) -> dict[str, Any]:
    """Returns the ConfigMap under which a Noteboard can be found.

    It stands for what an operator makes outside the cluster: it has no owner reference, so only
    the finalizer removes it.
    """
    meta, spec = noteboard["metadata"], noteboard["spec"]
    address = f"{board_name(noteboard)}.{meta['namespace']}.svc:{spec['port']}"
    made = _child(noteboard, "v1", "ConfigMap", directory_name(meta["uid"]))
    return made | {"data": {"noteboard": meta["name"], "address": address}}


def notes(noteboard: Object) -> dict[str, Any]:
    """Returns the ConfigMap that the pods show."""
    spec = noteboard["spec"]
    data = {"title": spec["title"], "notes": "\n".join(spec.get("notes") or ())}
    return _owned(noteboard, "v1", "ConfigMap", notes_name(noteboard)) | {"data": data}


def service(noteboard: Object) -> dict[str, Any]:
    """Returns the Service that leads to the pods."""
    port = {
        "name": _NAMED_PORT,
        "protocol": "TCP",
        "port": noteboard["spec"]["port"],
        "targetPort": _NAMED_PORT,
    }
    spec = {"type": "ClusterIP", "selector": selector_labels(noteboard), "ports": [port]}
    return _owned(noteboard, "v1", "Service", board_name(noteboard)) | {"spec": spec}


def deployment(noteboard: Object) -> dict[str, Any]:
    """Returns the Deployment of the pods."""
    labels = selector_labels(noteboard)
    spec = {
        "replicas": noteboard["spec"]["replicas"],
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": _pod(noteboard)},
    }
    return _owned(noteboard, "apps/v1", "Deployment", board_name(noteboard)) | {"spec": spec}


def _pod(noteboard: Object) -> dict[str, Any]:
    shown = {"name": notes_name(noteboard), "defaultMode": 0o444}
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(noteboard)],
        "volumes": [{"name": _VOLUME, "configMap": shown}],
    }


def _container(noteboard: Object) -> dict[str, Any]:
    port = {
        "name": _NAMED_PORT,
        "containerPort": noteboard["spec"]["port"],
        "protocol": "TCP",
    }
    return {
        "name": "board",
        "image": noteboard["spec"]["image"],
        "imagePullPolicy": "IfNotPresent",
        "ports": [port],
        "volumeMounts": [{"name": _VOLUME, "mountPath": "/notes", "readOnly": True}],
        "resources": {
            "requests": {"cpu": "1m", "memory": "8Mi"},
            "limits": {"cpu": "100m", "memory": "32Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _child(noteboard: Object, api_version: str, kind: str, name: str) -> dict[str, Any]:
    labels = selector_labels(noteboard) | {
        "app.kubernetes.io/managed-by": MANAGER,
        UID_LABEL: noteboard["metadata"]["uid"],
    }
    meta = {"name": name, "namespace": noteboard["metadata"]["namespace"], "labels": labels}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta}


def _owned(noteboard: Object, api_version: str, kind: str, name: str) -> dict[str, Any]:
    made = _child(noteboard, api_version, kind, name)
    made["metadata"]["ownerReferences"] = [
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": noteboard["metadata"]["name"],
            "uid": noteboard["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    return made
