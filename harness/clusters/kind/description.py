"""What a kind cluster says about itself: capabilities, facts, and what it can't show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.clusters.kind.identities import CONTROLLERS, HARNESS
from harness.model.cluster import Capability, Cluster, ComponentVersion

if TYPE_CHECKING:
    from harness.assets import AssetSet
    from harness.clusters.kind.configuration import Paths
    from harness.clusters.kind.images import NodeImage

__all__ = ["Made", "describe"]

_CAPABILITIES = (
    Capability.GC,
    Capability.WORKLOADS,
    Capability.KUBELET,
    Capability.AUDIT,
    Capability.RESTART_APISERVER,
)
_FACTS = (
    "kube-controller-manager and kube-scheduler may send 500 requests a second each, and elect no "
    "leader among themselves: there is one of each.",
    "kube-controller-manager is started anew once the operator's kinds are installed: its garbage "
    "collector would learn of them only at its next look, every 30 s.",
    "Events are kept for 5 minutes.",
    f"The harness ({HARNESS}) is in system:masters: API Priority and Fairness doesn't apply to "
    "it, and does to everybody else.",
)
_BLIND_SPOTS = (
    "Nodes are containers of one machine: they share its kernel, disk and memory, and neither "
    "their failure nor a network's delays are seen.",
    "A Service of type LoadBalancer and an Ingress get no address: no controller for them runs.",
    "One API server and one etcd: their failover isn't seen.",
)
_SINGLE_NODE = "One node: nothing is scheduled elsewhere or moved when a node is drained."
_OWN_NETWORK = "The pods' network enforces no NetworkPolicies."


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What is known once a cluster stands.

    Attributes:
        name: What people call it.
        kind_name: kind's name for it.
        version: As the API server says, for example "v1.34.4".
        engine: Version of the Docker engine.
        nodes: Node objects, as the API server lists them.
        durable: Whether etcd waits for the disk.
    """

    name: str
    kind_name: str
    server: str
    version: str
    engine: str
    nodes: tuple[dict[str, Any], ...]
    durable: bool


def describe(made: Made, *, paths: Paths, image: NodeImage, assets: AssetSet) -> Cluster:
    """Returns the Cluster."""
    fsync = (
        "etcd waits for the disk (--durable)."
        if made.durable
        else "etcd runs with --unsafe-no-fsync: writes are faster than on a real cluster."
    )
    single = len(made.nodes) == 1
    return Cluster(
        id=paths.state.name,
        provider="kind",
        name=made.name,
        kubeconfig=str(paths.kubeconfig),
        server=made.server,
        ca_file=str(paths.pki / "ca.crt"),
        server_version=made.version,
        state_dir=str(paths.state),
        capabilities=_CAPABILITIES,
        audit_log=str(paths.audit_log),
        harness_identity=HARNESS,
        controller_identities=CONTROLLERS,
        components=_components(made, image, assets),
        facts=(*_about(made, image), fsync, *_FACTS),
        blind_spots=(
            *_BLIND_SPOTS,
            *((_SINGLE_NODE,) if single else ()),
            *((_OWN_NETWORK,) if image.has_network else ()),
        ),
    )


def _about(made: Made, image: NodeImage) -> tuple[str, ...]:
    origin = (
        "built from Go modules and Debian packages, not by the kind project"
        if image.is_own
        else "as the kind project publishes it"
    )
    count = "one node" if len(made.nodes) == 1 else f"{len(made.nodes)} nodes"
    return (
        f"A kind cluster of {count} ({made.kind_name}); pods really run.",
        f"Node image {image.reference} ({image.id[:19]}), {origin}.",
    )


def _components(made: Made, image: NodeImage, assets: AssetSet) -> tuple[ComponentVersion, ...]:
    info = made.nodes[0].get("status", {}).get("nodeInfo", {}) if made.nodes else {}
    inside = {
        "kube-apiserver": made.version,
        "kubelet": info.get("kubeletVersion", ""),
        "container runtime": info.get("containerRuntimeVersion", ""),
        "node system": info.get("osImage", ""),
        "kernel": info.get("kernelVersion", ""),
    }
    return (
        *(
            ComponentVersion(name=asset.component, version=asset.version, source=asset.source)
            for asset in assets.assets
        ),
        ComponentVersion(name="docker", version=made.engine, source="engine"),
        *(
            ComponentVersion(name=name, version=version, source=image.reference)
            for name, version in inside.items()
            if version
        ),
    )
