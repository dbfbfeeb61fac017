"""The files of a cluster, written before kwokctl starts it, and the way to it by them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clusters.local import snapshots
from harness.clusters.local.configuration import (
    CLUSTER_NAME,
    SERVICE_IP,
    Paths,
    audit_policy,
    render,
)
from harness.guard.leftovers import write_private

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.clusters.local.ports import Ports
    from harness.evidence.folder import RunFolder
    from harness.kube.client import KubeClient
    from harness.model.cluster import Cluster

__all__ = ["create_command", "new_paths", "own_client", "paths_of", "write_files"]

_KUBECONFIGS = ("kube-controller-manager", "kube-scheduler", "kwok-controller")


def new_paths(state: Path, run: RunFolder | None) -> Paths:
    """Returns the files of a cluster to be made.

    Args:
        state: Its private folder.
        run: Where audit and component logs go; None to keep them in the private folder.
    """
    state = state.absolute()
    if run is None:
        logs = state / "clusters" / CLUSTER_NAME / "logs"
        return Paths(state=state, audit_log=state / "audit.log", logs=logs)
    return Paths(state=state, audit_log=run.audit_log, logs=run.components)


def paths_of(cluster: Cluster) -> Paths:
    """Returns the files of a cluster that was made."""
    state = Path(cluster.state_dir)
    logs = state / "clusters" / CLUSTER_NAME / "logs"
    return Paths(state=state, audit_log=Path(cluster.audit_log or state / "audit.log"), logs=logs)


def write_files(
    paths: Paths,
    ports: Ports,
    binaries: dict[str, Path],
    *,
    durable: bool,
    name: str,
    audit_bodies: Sequence[str] = (),
) -> None:
    """Writes all that kwokctl and the components read; see `render` and `audit_policy`."""
    from harness.clusters.local.pki import Pki, write_kubeconfig  # noqa: PLC0415 - slow to import

    server = f"https://127.0.0.1:{ports.apiserver}"
    paths.work.mkdir(parents=True, mode=0o700)
    paths.logs.mkdir(parents=True, exist_ok=True)
    logs = paths.work / "logs"
    if paths.logs != logs:
        logs.symlink_to(paths.logs)
    Pki(paths.pki, service_ip=SERVICE_IP).write()
    for component in _KUBECONFIGS:
        write_kubeconfig(
            paths.component_kubeconfig(component),
            server=server,
            pki=paths.pki,
            identity=component,
            name=CLUSTER_NAME,
        )
    write_kubeconfig(
        paths.kubeconfig,
        server=server,
        pki=paths.pki,
        identity="harness",
        name=f"harness-{name}",
    )
    snapshots.link_tools(paths, binaries)
    write_private(paths.state / "audit-policy.yaml", audit_policy(audit_bodies).encode())
    write_private(paths.configuration, render(paths, ports, binaries, durable=durable).encode())


def create_command(paths: Paths, program: Path) -> tuple[str | Path, ...]:
    """Returns the command line by which kwokctl makes the cluster that the files describe."""
    return (
        program,
        *("--config", paths.configuration, "--name", CLUSTER_NAME, "create", "cluster"),
        *("--kubeconfig", paths.kwokctl_kubeconfig),
    )


def own_client(paths: Paths, server: str) -> KubeClient:
    """Returns a client of the harness's identity, by its files.

    The kubeconfig says the same, but reading it takes a moment of a processor that the API server
    needs to boot.
    """
    from harness.kube.client import KubeClient  # noqa: PLC0415 - slow to import
    from harness.kube.connection import Connection, Credentials  # noqa: PLC0415 - likewise

    tls = ssl.create_default_context(cafile=str(paths.pki / "ca.crt"))
    tls.load_cert_chain(paths.pki / "harness.crt", paths.pki / "harness.key")
    return KubeClient(Connection(Credentials(server, tls=tls)))
