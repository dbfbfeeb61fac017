"""What a local cluster says about itself: capabilities, facts, and what it can't show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.clusters.local.identities import HARNESS, IDENTITIES
from harness.model.cluster import Capability, Cluster, ComponentVersion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.assets import AssetSet
    from harness.clusters.local.configuration import Paths
    from harness.clusters.local.ports import Ports

__all__ = ["describe"]

_FACTS = (
    "Nodes and pods are simulated by KWOK: a pod that has a node is Running and Ready at once, "
    "and gone as soon as it's deleted.",
    "A claim gets a simulated volume, a Service of type LoadBalancer and an Ingress an address "
    "that leads nowhere.",
    "kube-controller-manager and kube-scheduler may send 500 requests a second each.",
    "kube-controller-manager is started anew once the operator's kinds are installed: its garbage "
    "collector would learn of them only at its next look, every 30 s.",
    "Events are kept for 5 minutes.",
    f"The harness ({HARNESS}) and the simulated kubelets are in system:masters: API Priority "
    "and Fairness doesn't apply to them, and does to everybody else.",
)
_BLIND_SPOTS = (
    "No kubelet: probes, images, commands and exit codes of pods aren't exercised.",
    "Resource requests and limits of pods have no effect; nothing is evicted or killed for memory.",
    "No pod network: Services, DNS, Ingresses and NetworkPolicies route nothing.",
    "Volumes hold nothing, and mounting can't fail.",
    "One API server and one etcd on this machine: neither their failover nor a network's delays "
    "are seen.",
)


_CAPABILITIES = (
    Capability.GC,
    Capability.WORKLOADS,
    Capability.AUDIT,
    Capability.RESTART_APISERVER,
    Capability.SNAPSHOT,
)
_CONTROLLERS = {
    "kube-apiserver": ("system:apiserver",),
    "kube-controller-manager": (
        IDENTITIES["kube-controller-manager"][0],
        "system:serviceaccount:kube-system:*",
    ),
    "kube-scheduler": (IDENTITIES["kube-scheduler"][0],),
    "kwok-controller": (IDENTITIES["kwok-controller"][0],),
    "kwokctl": (IDENTITIES["admin"][0],),
}


def describe(
    *,
    name: str,
    paths: Paths,
    ports: Ports,
    assets: AssetSet,
    version: str,
    durable: bool,
    audit_bodies: Sequence[str] = (),
) -> Cluster:
    """Returns the Cluster.

    Args:
        name: What people call it.
        paths: Its files.
        ports: Where its components serve.
        assets: Binaries that it was made with.
        version: As the API server says, for example "v1.34.4".
        durable: Whether etcd waits for the disk.
        audit_bodies: Resources whose requests and answers the audit log holds whole.
    """
    fsync = (
        "etcd waits for the disk (--durable)."
        if durable
        else "etcd runs with --unsafe-no-fsync: writes are faster than on a real cluster."
    )
    bodies = (
        f"The audit log holds requests and answers of {resource} whole, which costs time."
        for resource in audit_bodies
    )
    return Cluster(
        id=paths.state.name,
        provider="local",
        name=name,
        kubeconfig=str(paths.kubeconfig),
        server=f"https://127.0.0.1:{ports.apiserver}",
        ca_file=str(paths.pki / "ca.crt"),
        server_version=version,
        state_dir=str(paths.state),
        capabilities=_CAPABILITIES,
        audit_log=str(paths.audit_log),
        harness_identity=HARNESS,
        controller_identities=_CONTROLLERS,
        components=tuple(
            ComponentVersion(name=asset.component, version=asset.version, source=asset.source)
            for asset in assets.assets
        ),
        metrics={"etcd": f"http://127.0.0.1:{ports.etcd}/metrics"},
        facts=(fsync, *bodies, *_FACTS),
        blind_spots=_BLIND_SPOTS,
    )
