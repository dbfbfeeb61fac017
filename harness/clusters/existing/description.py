"""What an existing cluster says about itself: capabilities, facts, and what it can't show."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import ApiError
from harness.guard.leftovers import write_private
from harness.model.cluster import Capability, Cluster

if TYPE_CHECKING:
    from harness.clusters.existing.claim import Claim
    from harness.kube.client import KubeClient
    from harness.kube.kubeconfig import Access

__all__ = ["describe"]

_SIMULATED = "kwok.x-k8s.io/node"
_REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_CREATED = 201
_BEYOND = ("tls-server-name", "proxy-url", "insecure-skip-tls-verify")
"""What a kubeconfig says of a server and in-cluster configuration can't."""

_CONTROLLERS = {
    "kube-apiserver": ("system:apiserver",),
    "kube-controller-manager": (
        "system:kube-controller-manager",
        "system:serviceaccount:kube-system:*",
    ),
    "kube-scheduler": ("system:kube-scheduler",),
    "nodes": ("system:node:*",),
}
_BLIND_SPOTS = (
    "Others may use this cluster: what they do at the same time is in latencies, and may change "
    "what the operator sees.",
    "No component of the cluster is stopped or restarted, and no snapshot of it is restored.",
)


def describe(
    *,
    name: str,
    claim: Claim,
    access: Access,
    client: KubeClient,
    state_dir: Path,
    audit_log: Path | None,
) -> Cluster:
    """Returns the Cluster; asks it for its version, our name there, and its nodes.

    Args:
        name: What people call it.
        claim: Holds the kubeconfig.
        access: What that kubeconfig says.
        client: Our identity.
        state_dir: Private folder of the run.
        audit_log: In the evidence; None without audit access.

    Raises:
        ApiError: It doesn't answer.
    """
    version = client.version()
    running, nodes = _nodes(client)
    options, ca_file = _server(claim)
    facts = [f"context {access.context}, as {access.user or 'nobody'} ({access.way})", nodes]
    facts += access.notes
    capabilities = [Capability.GC, Capability.WORKLOADS]
    if running:
        capabilities.append(Capability.KUBELET)
    if audit_log is None:
        facts.append("No audit log was given (--audit-log): checks that need it aren't verified.")
    else:
        capabilities.append(Capability.AUDIT)
    return Cluster(
        id=state_dir.name,
        provider="existing",
        name=name,
        kubeconfig=str(claim.kubeconfig),
        server=access.server,
        ca_file=ca_file,
        server_options=options,
        server_version=version,
        state_dir=str(state_dir),
        capabilities=tuple(capabilities),
        audit_log=str(audit_log) if audit_log else None,
        harness_identity=_who(client),
        controller_identities=_CONTROLLERS,
        facts=tuple(facts),
        blind_spots=_BLIND_SPOTS,
    )


def _server(claim: Claim) -> tuple[tuple[str, ...], str]:
    """Returns what is special about the way to the server, and the file of its authority."""
    document = msgspec.json.decode(claim.kubeconfig.read_bytes(), type=dict[str, Any])
    about: dict[str, Any] = document["clusters"][0]["cluster"]
    options = tuple(key for key in _BEYOND if about.get(key))
    if data := about.get("certificate-authority-data"):
        try:
            write_private(claim.ca_file, base64.b64decode(data))
        except binascii.Error:
            return options, ""  # its reader has refused that already
        return options, str(claim.ca_file)
    if file := about.get("certificate-authority"):
        write_private(claim.ca_file, Path(file).read_bytes())
        return options, str(claim.ca_file)
    return options, ""


def _nodes(client: KubeClient) -> tuple[bool, str]:
    """Returns whether pods really run, and how that is known."""
    try:
        found = client.list(client.resource("nodes"), metadata_only=True).items
    except ApiError as error:
        return False, f"its nodes can't be listed ({error.reason or error.status})"
    real = [
        node
        for node in found
        if _SIMULATED not in (node["metadata"].get("annotations") or {})
        and node["metadata"].get("labels", {}).get("type") != "kwok"
    ]
    if not found:
        return False, "it has no nodes"
    simulated = f", {len(found) - len(real)} of them simulated" if len(real) < len(found) else ""
    return bool(real), f"{len(found)} nodes{simulated}"


def _who(client: KubeClient) -> str:
    """Returns our own user name; empty where the server is too old to say."""
    answer = client.raw(
        "POST",
        _REVIEW,
        body=b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}',
        headers={"Content-Type": "application/json"},
    )
    if answer.status != _CREATED:
        return ""
    review: dict[str, Any] = msgspec.json.decode(answer.body, type=dict[str, Any])
    return str(review.get("status", {}).get("userInfo", {}).get("username") or "")
