"""Use of a kind cluster that is up already, by its name; it stays when the run ends."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from harness.clusters.kind.description import Made, describe
from harness.clusters.kind.engine import ask_info, nodes_of
from harness.clusters.kind.identities import IDENTITIES
from harness.clusters.kind.images import NodeImage
from harness.clusters.kind.layout import link_tools, name_of, own_client, paths_of
from harness.clusters.kind.troubles import explained
from harness.clusters.state import read_clusters
from harness.errors import ClusterError, CommandError
from harness.guard.leftovers import write_private
from harness.model.cluster import Capability
from harness.model.resource import Resource

if TYPE_CHECKING:
    from harness.assets import AssetSet
    from harness.clusters.kind.calls import Calls
    from harness.clusters.kind.configuration import Paths
    from harness.evidence.folder import RunFolder
    from harness.model.cluster import Cluster

__all__ = ["borrow", "find", "is_borrowed"]

_MARK = "borrowed"
_ASK_S = 20.0
_PKI = "/etc/kubernetes/pki"
_NODES = Resource(group="", version="v1", plural="nodes", kind="Node", namespaced=False)
_NOT_OURS = "The cluster was there before the run, and stays; how it was made isn't known."
_NO_AUDIT = "The cluster's API server writes no audit log that the harness can read."


def find(calls: Calls, name: str) -> str:
    """Returns kind's name of the cluster that people call so; empty where there is none.

    Raises:
        ClusterError: The engine doesn't answer.
    """
    for kept in read_clusters():
        if kept.provider == "kind" and kept.name == name:
            return name_of(kept)
    return name if nodes_of(calls, name) else ""


def is_borrowed(paths: Paths) -> bool:
    """Whether the cluster was there before."""
    return (paths.state / _MARK).exists()


def borrow(
    calls: Calls, paths: Paths, *, run: RunFolder | None, name: str, assets: AssetSet
) -> Cluster:
    """Returns a cluster that is up, reached by an identity of ours that its authority signs.

    Raises:
        ClusterError: It can't be reached.
    """
    from harness.clusters.local.pki import Pki, write_kubeconfig  # noqa: PLC0415 - slow to import

    node = f"{calls.name}-control-plane"
    (paths.state / _MARK).touch()
    link_tools(paths, assets)
    write_private(paths.configuration, yaml.safe_dump({"name": calls.name}).encode())
    Pki(paths.pki, service_ip="127.0.0.1", identities=IDENTITIES, servers=()).adopt(
        _read(calls, node, f"{_PKI}/ca.crt"), _read(calls, node, f"{_PKI}/ca.key")
    )
    server = f"https://127.0.0.1:{_port(calls, node)}"
    write_kubeconfig(
        paths.kubeconfig, server=server, pki=paths.pki, identity="harness", name=f"harness-{name}"
    )
    audit_log = _audit_log(calls.name, run)
    client = own_client(paths, server)
    try:
        made = Made(
            name=name,
            kind_name=calls.name,
            server=server,
            version=client.version(),
            engine=ask_info(calls).server,
            nodes=tuple(client.list(_NODES).items),
            durable=True,
        )
    finally:
        client.connection.close()
    image = NodeImage(reference=_image(calls, node))
    return _adapted(describe(made, paths=paths, image=image, assets=assets), audit_log)


def _adapted(cluster: Cluster, audit_log: Path | None) -> Cluster:
    """Leaves out what isn't known of a cluster that we didn't make."""
    capabilities = tuple(
        capability
        for capability in cluster.capabilities
        if capability is not Capability.AUDIT or audit_log is not None
    )
    about = cluster.facts[0]
    return msgspec.structs.replace(
        cluster,
        audit_log=None if audit_log is None else str(audit_log),
        capabilities=capabilities,
        facts=(about, _NOT_OURS),
        blind_spots=cluster.blind_spots
        if audit_log is not None
        else (*cluster.blind_spots, _NO_AUDIT),
    )


def _audit_log(kind_name: str, run: RunFolder | None) -> Path | None:
    """Links the audit log of a cluster that the harness keeps into the run's evidence.

    A link, not a copy: the API server goes on writing. Both must lie on one file system.
    """
    if run is None:
        return None
    for kept in read_clusters():
        if kept.provider != "kind" or is_borrowed(paths_of(kept)) or not kept.audit_log:
            continue
        if name_of(kept) == kind_name:
            with suppress(OSError):
                os.link(kept.audit_log, run.audit_log)
                return run.audit_log
    return None


def _read(calls: Calls, node: str, path: str) -> bytes:
    try:
        return calls.engine("exec", node, "cat", path, timeout=_ASK_S).output.encode() + b"\n"
    except CommandError as error:
        raise explained(f"{path} of {node} can't be read", str(error)) from error


def _port(calls: Calls, node: str) -> str:
    done = calls.engine("port", node, "6443/tcp", timeout=_ASK_S, check=False)
    hosts = dict(line.rsplit(":", 1) for line in done.output.splitlines() if ":" in line)
    if "127.0.0.1" not in hosts:
        raise ClusterError(
            f"The API server of {node} isn't reached on 127.0.0.1: {done.output.strip()}",
            hint="See whether it runs (docker ps) and listens on 127.0.0.1, kind's default.",
        )
    return hosts["127.0.0.1"]


def _image(calls: Calls, node: str) -> str:
    done = calls.engine(
        *("inspect", "--type=container", "--format", "{{.Config.Image}}", node),
        timeout=_ASK_S,
        check=False,
    )
    return done.output.strip()
