"""What objects of known kinds must look like; checked before a cluster sees them.

It isn't the API server's validation: it finds the mistakes that people make in YAML (a number
where a text belongs, a list where a mapping belongs, a key left out), so that they are told with
file and line, and so that whoever reads an object later may rely on its types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.manifests.definitions import definition
from harness.manifests.shapes import (
    Fault,
    Path,
    Shape,
    each,
    fault,
    number,
    record,
    table,
    text,
    truth,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["faults"]


def _quantity(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        yield fault(value, path, "a quantity")


def _port(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
    yield from whole(value, path)
    if type(value) is int and not 0 < value < 65536:  # noqa: PLR2004 - ports have 16 bits
        yield Fault(path, f"{value} isn't a port")


def _port_or_name(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
    if not isinstance(value, str):
        yield from _port(value, path)


_STRINGS = table(text)
_WORDS = each(text)
_ANY = record()
_METADATA = record(
    {
        "name": text,
        "namespace": text,
        "labels": _STRINGS,
        "annotations": _STRINGS,
        "finalizers": _WORDS,
        "ownerReferences": each(_ANY),
    },
    "name",
)
_SELECTOR = record(
    {
        "matchLabels": _STRINGS,
        "matchExpressions": each(record({"key": text, "operator": text, "values": _WORDS})),
    }
)
_HANDLER = record({"port": _port_or_name, "path": text, "scheme": text, "host": text})
_PROBE = record({"httpGet": _HANDLER, "tcpSocket": _HANDLER, "grpc": _HANDLER, "exec": _ANY})
_KEY_REF = record({"name": text, "key": text, "optional": truth})
_FIELD_REF = record({"fieldPath": text})
_VALUE_FROM = record(
    {
        "fieldRef": _FIELD_REF,
        "resourceFieldRef": record({"resource": text}),
        "configMapKeyRef": _KEY_REF,
        "secretKeyRef": _KEY_REF,
    }
)
_CONTAINER = record(
    {
        "name": text,
        "image": text,
        "command": _WORDS,
        "args": _WORDS,
        "workingDir": text,
        "env": each(record({"name": text, "value": text, "valueFrom": _VALUE_FROM}, "name")),
        "envFrom": each(record({"prefix": text, "configMapRef": _KEY_REF, "secretRef": _KEY_REF})),
        "ports": each(record({"name": text, "containerPort": _port, "protocol": text})),
        "volumeMounts": each(
            record({"name": text, "mountPath": text, "subPath": text, "readOnly": truth}, "name")
        ),
        "resources": record({"limits": table(_quantity), "requests": table(_quantity)}),
        "securityContext": _ANY,
        "livenessProbe": _PROBE,
        "readinessProbe": _PROBE,
        "startupProbe": _PROBE,
    },
    "name",
)
_ITEMS = each(record({"key": text, "path": text}))
_PROJECTION = record({"name": text, "secretName": text, "items": _ITEMS, "optional": truth})
_FIELD_FILES = record(
    {"items": each(record({"path": text, "fieldRef": _FIELD_REF, "resourceFieldRef": _ANY}))}
)
_VOLUME = record(
    {
        "name": text,
        "configMap": _PROJECTION,
        "secret": _PROJECTION,
        "emptyDir": _ANY,
        "downwardAPI": _FIELD_FILES,
        "projected": record(
            {
                "sources": each(
                    record(
                        {
                            "configMap": _PROJECTION,
                            "secret": _PROJECTION,
                            "downwardAPI": _FIELD_FILES,
                            "serviceAccountToken": record({"path": text}),
                        }
                    )
                )
            }
        ),
        "hostPath": _ANY,
        "csi": _ANY,
        "persistentVolumeClaim": _ANY,
    },
    "name",
)
_POD = record(
    {
        "containers": each(_CONTAINER, least=1),
        "initContainers": each(_CONTAINER),
        "volumes": each(_VOLUME),
        "serviceAccountName": text,
        "securityContext": _ANY,
        "terminationGracePeriodSeconds": number,
        "nodeSelector": _STRINGS,
        "hostname": text,
    },
    "containers",
)
_TEMPLATE = record(
    {"metadata": record({"labels": _STRINGS, "annotations": _STRINGS}), "spec": _POD},
    "spec",
)
_WORKLOAD = record(
    {
        "spec": record(
            {"replicas": whole, "selector": _SELECTOR, "template": _TEMPLATE},
            "selector",
            "template",
        )
    },
    "spec",
)
_RULES = each(
    record(
        {
            "apiGroups": _WORDS,
            "resources": _WORDS,
            "verbs": _WORDS,
            "resourceNames": _WORDS,
            "nonResourceURLs": _WORDS,
        },
        "verbs",
    )
)
_BINDING = record(
    {
        "subjects": each(record({"kind": text, "name": text, "namespace": text}, "kind", "name")),
        "roleRef": record({"kind": text, "name": text, "apiGroup": text}, "kind", "name"),
    },
    "roleRef",
)
_SERVICE = record(
    {
        "spec": record(
            {
                "selector": _STRINGS,
                "ports": each(
                    record({"name": text, "port": _port, "targetPort": _port_or_name}, "port")
                ),
                "type": text,
            }
        )
    }
)
_WEBHOOKS = record(
    {
        "webhooks": each(
            record(
                {
                    "name": text,
                    "clientConfig": record(
                        {
                            "service": record(
                                {"name": text, "namespace": text, "path": text, "port": _port},
                                *("name", "namespace"),
                            ),
                            "url": text,
                            "caBundle": text,
                        }
                    ),
                    "rules": each(
                        record({"apiGroups": _WORDS, "apiVersions": _WORDS, "resources": _WORDS})
                    ),
                    "namespaceSelector": _SELECTOR,
                    "objectSelector": _SELECTOR,
                    "failurePolicy": text,
                    "timeoutSeconds": whole,
                },
                *("name", "clientConfig"),
            )
        )
    }
)
_CONFIG = record({"data": _STRINGS, "binaryData": _STRINGS, "stringData": _STRINGS, "type": text})
_KINDS: dict[tuple[str, str], Shape] = {
    ("apps", "Deployment"): _WORKLOAD,
    ("apps", "StatefulSet"): _WORKLOAD,
    ("apps", "DaemonSet"): _WORKLOAD,
    ("", "Service"): _SERVICE,
    ("", "ConfigMap"): _CONFIG,
    ("", "Secret"): _CONFIG,
    ("rbac.authorization.k8s.io", "Role"): record({"rules": _RULES}),
    ("rbac.authorization.k8s.io", "ClusterRole"): record(
        {
            "rules": _RULES,
            "aggregationRule": record({"clusterRoleSelectors": each(_SELECTOR)}),
        }
    ),
    ("rbac.authorization.k8s.io", "RoleBinding"): _BINDING,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _BINDING,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _WEBHOOKS,
    ("cert-manager.io", "Certificate"): record({"spec": record({"dnsNames": _WORDS})}),
}


def faults(obj: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields the mistakes in an object, each with its path in it."""
    broken = False
    for key in ("apiVersion", "kind"):
        if not isinstance(obj.get(key), str) or not obj[key]:
            broken = True
            yield Fault((key,), "is missing or not a string")
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        what = f" ({obj['kind']})" if isinstance(obj.get("kind"), str) else ""
        yield Fault(("metadata", "name"), f"is missing or not a string{what}")
    else:
        yield from _METADATA(metadata, ("metadata",))
    if broken:
        return
    group = str(obj["apiVersion"]).rpartition("/")[0]
    if (group, obj["kind"]) == ("apiextensions.k8s.io", "CustomResourceDefinition"):
        yield from definition(dict(obj))
    elif shape := _KINDS.get((group, str(obj["kind"]))):
        yield from shape(dict(obj), ())
