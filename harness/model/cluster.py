"""The cluster under a run (made by stage 2)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Capability", "Cluster", "ComponentVersion"]


class Capability(StrEnum):
    """What a cluster can offer; suites and checks declare which ones they need."""

    GC = "gc"  # kube-controller-manager collects garbage
    WORKLOADS = "workloads"  # pods run or are simulated
    KUBELET = "kubelet"  # pods really run
    AUDIT = "audit"  # an audit log that we can read
    RESTART_APISERVER = "restart_apiserver"
    SNAPSHOT = "snapshot"
    FAULT_PROXY = "fault_proxy"


class ComponentVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One binary of the cluster: its name, version and where it came from."""

    name: str
    version: str
    source: str


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """A reachable cluster.

    Attributes:
        id: Unique on this machine; names the state folder.
        provider: "local", "kind" or "existing".
        name: What people call it.
        kubeconfig: Path of the harness identity's kubeconfig (0600), in the state folder.
        server: URL of the API server, for example "https://127.0.0.1:31000".
        ca_file: Path of the PEM file that verifies it; empty where none is named.
        server_options: What its kubeconfig says of the server beyond that, and in-cluster
            configuration can't say: names only, for example "tls-server-name" or "proxy-url".
        server_version: For example "v1.34.4".
        state_dir: Private folder (0700); never in the run folder.
        audit_log: Path of the audit log in the evidence folder; None without audit access.
        controller_identities: User names of the cluster's own controllers, by component; one that
            ends with "*" stands for all that begin like it.
        components: Versions and sources of the binaries.
        metrics: URLs of pages of its components that need no credentials, by component.
        facts: What a reader of a report must know, for example "etcd runs with --unsafe-no-fsync".
        blind_spots: What this kind of cluster can't show, a sentence each.
    """

    id: str
    provider: str
    name: str
    kubeconfig: str
    server: str
    ca_file: str
    server_version: str
    state_dir: str
    capabilities: tuple[Capability, ...]
    server_options: tuple[str, ...] = ()
    audit_log: str | None = None
    harness_identity: str = "operator-harness"
    controller_identities: dict[str, tuple[str, ...]] = {}
    components: tuple[ComponentVersion, ...] = ()
    metrics: dict[str, str] = {}
    facts: tuple[str, ...] = ()
    blind_spots: tuple[str, ...] = ()
