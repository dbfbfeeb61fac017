"""Stage 3: a process that stands for no Pod, in a cluster where its Pods would run beside it.

Such a cluster isn't on this machine, so its API server can't call the process either.
"""

from __future__ import annotations

import base64
import copy
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import yaml

from harness.installers.process.files import replace_file
from harness.manifests.objects import Object, describe, kind_of, pod_spec
from harness.model.installation import Alteration

if TYPE_CHECKING:
    from harness.kube.client import KubeClient
    from harness.model.cluster import Cluster

__all__ = [
    "IDENTITY",
    "UNCALLED",
    "not_called",
    "not_converted",
    "other_pods",
    "pod_name",
    "pod_of",
    "reachable_as_in_a_pod",
    "stands_alone",
    "without_pods",
    "write_kubeconfig",
]

UNCALLED = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "APIService")
"""Kinds by which an API server calls an operator."""

IDENTITY = (
    "The operator's token is its ServiceAccount's, and bound to no Pod: there is none that it "
    "could be bound to."
)

_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_VOLUME = "kube-api-access"
_HERE = "127.0.0.1"
_LONGEST = 50  # characters of a Deployment's name in its Pod's
_UNCALLABLE = "The API server of this cluster can't call a process of this machine."


def stands_alone(cluster: Cluster) -> bool:
    """Whether the cluster's pods really run, or may: only those of `local` never do."""
    return cluster.provider != "local"


def pod_name(deployment: str) -> str:
    """Returns a name as a Pod of the Deployment could have it."""
    return f"{deployment[:_LONGEST].rstrip('-.')}-{secrets.token_hex(4)}"


def pod_of(client: KubeClient, deployment: Object, name: str) -> Object:
    """Returns the Pod that a Deployment would have, as its container sees it.

    Args:
        client: Reads its ServiceAccount.
        deployment: As the API server has it.
        name: Of the Pod.
    """
    template = copy.deepcopy(deployment["spec"]["template"])
    namespace = deployment["metadata"]["namespace"]
    spec: Object = template["spec"]
    if _wants_token(client, spec, namespace):
        _mount_token(spec)
    spec["nodeName"] = os.uname().nodename
    address = {"podIP": _HERE, "podIPs": [{"ip": _HERE}], "hostIP": _HERE}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template.get("metadata", {}), "name": name, "namespace": namespace},
        "spec": spec,
        "status": address,
    }


def _wants_token(client: KubeClient, spec: Object, namespace: str) -> bool:
    said = spec.get("automountServiceAccountToken")
    if said is None:
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
        account = client.find(client.resource("serviceaccounts"), str(name), namespace)
        said = (account or {}).get("automountServiceAccountToken")
    return said is not False


def _mount_token(spec: Object) -> None:
    """Adds what the ServiceAccount admission adds to a Pod."""
    sources: list[dict[str, Any]] = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {
            "configMap": {
                "name": "kube-root-ca.crt",
                "items": [{"key": "ca.crt", "path": "ca.crt"}],
            }
        },
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]
            }
        },
    ]
    volume = {"name": _VOLUME, "projected": {"sources": sources, "defaultMode": 420}}
    spec["volumes"] = [*(spec.get("volumes") or ()), volume]
    for container in spec.get("containers") or ():
        mounts = list(container.get("volumeMounts") or ())
        if all(str(mount.get("mountPath")).rstrip("/") != _MOUNT for mount in mounts):
            mounts.append({"name": _VOLUME, "mountPath": _MOUNT, "readOnly": True})
        container["volumeMounts"] = mounts


def reachable_as_in_a_pod(cluster: Cluster) -> bool:
    """Whether host, port and an authority are all that it takes to reach the API server."""
    parts = urlsplit(cluster.server)
    plain = parts.scheme == "https" and parts.path in ("", "/")
    return plain and bool(cluster.ca_file) and not cluster.server_options


def write_kubeconfig(path: Path, cluster: Cluster, *, token: Path, namespace: str) -> None:
    """Writes a kubeconfig whose only credential is a token file.

    Args:
        path: Where; it holds no secret itself.
        cluster: How it's reached.
        token: The file, as the process sees it.
        namespace: Of the context.
    """
    about = {"server": cluster.server, **_options(cluster)}
    if cluster.ca_file and "insecure-skip-tls-verify" not in about:
        authority = Path(cluster.ca_file).read_bytes()
        about["certificate-authority-data"] = base64.b64encode(authority).decode()
    named = {"name": "pod"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{**named, "cluster": about}],
        "users": [{**named, "user": {"tokenFile": str(token)}}],
        "contexts": [
            {**named, "context": {"cluster": "pod", "user": "pod", "namespace": namespace}}
        ],
        "current-context": "pod",
    }
    replace_file(path, msgspec.json.encode(document))


def _options(cluster: Cluster) -> dict[str, Any]:
    """Returns what the harness's own kubeconfig says of the server beyond URL and authority."""
    if not cluster.server_options:
        return {}
    document = yaml.safe_load(Path(cluster.kubeconfig).read_text(encoding="utf-8"))
    about = document["clusters"][0]["cluster"]  # it holds one only
    return {key: about[key] for key in cluster.server_options}


def without_pods(manifest: Object) -> tuple[Object, Alteration]:
    """Returns a Deployment at 0 replicas, and what that changes."""
    changed = copy.deepcopy(manifest)
    before = (manifest.get("spec") or {}).get("replicas", 1)
    changed["spec"]["replicas"] = 0
    return changed, Alteration(
        subject=f"{describe(manifest)}, replicas",
        before=str(before),
        after="0",
        reason="A process of this machine is the operator; pods of the same must not run beside "
        "it.",
    )


def not_called(manifest: Object) -> Alteration:
    """Returns what it changes that a manifest by which the operator is called isn't applied."""
    hooks = [str(item.get("name")) for item in manifest.get("webhooks") or ()]
    return Alteration(
        subject=describe(manifest),
        before=", ".join(hooks) or "applied",
        after="not applied",
        reason=_UNCALLABLE,
    )


def not_converted(crd: Object) -> tuple[Object, Alteration | None]:
    """Returns a CRD without its conversion webhook, and what that changes, if it has one."""
    conversion = (crd.get("spec") or {}).get("conversion") or {}
    if kind_of(crd) != "CustomResourceDefinition" or conversion.get("strategy") != "Webhook":
        return crd, None
    changed = copy.deepcopy(crd)
    changed["spec"]["conversion"] = {"strategy": "None"}
    return changed, Alteration(
        subject=f"{describe(crd)}, conversion",
        before="Webhook",
        after="None",
        reason=f"{_UNCALLABLE} Objects keep the fields of the version that they were written in.",
    )


def other_pods(manifest: Object) -> str:
    """Returns which containers of a workload that isn't the operator run in the cluster."""
    names = [str(item.get("image")) for item in pod_spec(manifest).get("containers") or ()]
    return f"{describe(manifest)} is applied, and its pods run in the cluster: {', '.join(names)}."
