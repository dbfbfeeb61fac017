"""The files of a cluster, written before kind starts it, and the way to it by them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

import harness.clusters.local as sibling
from harness.clusters.kind.configuration import SERVICE_IP, Paths, Wish, render
from harness.clusters.kind.identities import IDENTITIES
from harness.errors import ClusterError, UsageError
from harness.guard.leftovers import write_private

if TYPE_CHECKING:
    from harness.assets import AssetSet
    from harness.evidence.folder import RunFolder
    from harness.kube.client import KubeClient
    from harness.model.cluster import Cluster

__all__ = [
    "TOOLS",
    "link_tools",
    "name_of",
    "new_paths",
    "own_client",
    "paths_of",
    "server_of",
    "write_files",
]

TOOLS = ("kind", "kubectl")
"""Binaries that other processes of a run may need."""


def new_paths(state: Path, run: RunFolder | None) -> Paths:
    """Returns the files of a cluster to be made.

    Args:
        state: Its private folder.
        run: Where audit and other logs go; None to keep them in the private folder.
    """
    state = state.absolute()
    if run is None:
        return Paths(state=state, audit_log=state / "audit" / "audit.log", logs=state / "logs")
    return Paths(state=state, audit_log=run.audit_log, logs=run.components)


def paths_of(cluster: Cluster) -> Paths:
    """Returns the files of a cluster that was made."""
    state = Path(cluster.state_dir)
    audit_log = Path(cluster.audit_log or state / "audit" / "audit.log")
    inside = audit_log.is_relative_to(state)
    logs = state / "logs" if inside else audit_log.parent / "components"
    return Paths(state=state, audit_log=audit_log, logs=logs)


def name_of(cluster: Cluster) -> str:
    """Returns kind's name for a cluster that was made."""
    document = yaml.safe_load(paths_of(cluster).configuration.read_bytes())
    return str(document["name"])


def write_files(paths: Paths, wish: Wish, assets: AssetSet) -> None:
    """Writes all that kind and the node read.

    Raises:
        UsageError: A folder's path can't be given to Docker.
    """
    from harness.clusters.local.pki import Pki  # noqa: PLC0415 - slow to import

    for folder in (paths.state, paths.audit_log.parent):
        if ":" in str(folder):
            raise UsageError(
                f"Docker can't mount {folder}: there is a colon in its path.",
                hint="Give another folder by --output or XDG_STATE_HOME.",
            )
    for folder in (paths.policy, paths.logs, paths.audit_log.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The API server appends to a file that is there: so it's ours, not the superuser's.
    paths.audit_log.touch(mode=0o600)
    Pki(paths.pki, service_ip=SERVICE_IP, identities=IDENTITIES, servers=()).write()
    policy = Path(next(iter(sibling.__path__))) / "audit-policy.yaml"
    write_private(paths.policy / "audit-policy.yaml", policy.read_bytes())
    write_private(paths.configuration, render(paths, wish).encode())
    link_tools(paths, assets)


def link_tools(paths: Paths, assets: AssetSet) -> None:
    """Links the binaries into the cluster's folder, so that each process of a run finds them."""
    paths.tools.mkdir(mode=0o700, exist_ok=True)
    for tool in TOOLS:
        link = paths.tools / tool
        link.unlink(missing_ok=True)
        link.symlink_to(assets.path(tool))


def server_of(paths: Paths) -> str:
    """Returns the API server's URL, from what kind wrote down.

    Raises:
        ClusterError: There is no such file, or it isn't on the loopback.
    """
    try:
        document = yaml.safe_load(paths.kind_kubeconfig.read_bytes())
        server = str(document["clusters"][0]["cluster"]["server"])
    except (OSError, yaml.YAMLError, LookupError, TypeError) as error:
        raise ClusterError(f"kind left no usable kubeconfig: {error}") from error
    if not server.startswith("https://127.0.0.1:"):
        raise ClusterError(
            f"The cluster's API server is at {server}, not on 127.0.0.1.",
            hint="Use a Docker engine of this machine: unset DOCKER_HOST.",
        )
    return server


def own_client(paths: Paths, server: str) -> KubeClient:
    """Returns a client of the harness's identity, by its files."""
    from harness.kube.client import KubeClient  # noqa: PLC0415 - slow to import
    from harness.kube.connection import Connection, Credentials  # noqa: PLC0415 - likewise

    tls = ssl.create_default_context(cafile=str(paths.pki / "ca.crt"))
    tls.load_cert_chain(paths.pki / "harness.crt", paths.pki / "harness.key")
    return KubeClient(Connection(Credentials(server, tls=tls)))
