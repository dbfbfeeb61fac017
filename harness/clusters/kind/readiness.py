"""Until a cluster is ready: its nodes, its own Deployments, its audit log."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from harness.clock import SYSTEM_CLOCK
from harness.clusters.kind.troubles import explained
from harness.errors import ApiError, ClusterError, CommandError

if TYPE_CHECKING:
    from harness.clock import Deadline
    from harness.clusters.kind.calls import Calls
    from harness.clusters.kind.configuration import Paths
    from harness.kube.client import KubeClient

__all__ = ["ADMIN", "await_ready", "await_server", "check_audit"]

ADMIN = "--kubeconfig=/etc/kubernetes/admin.conf"
"""kubeadm's own, inside the node."""

_LEAST_S = 5.0
_PAUSE_S = 0.1  # between two questions to a server that doesn't listen yet
_OK = 200


def await_ready(calls: Calls, node: str, deadline: Deadline) -> None:
    """Waits until all nodes are Ready and the cluster's own Deployments (DNS, storage) Available.

    It's asked in the node, as kind itself does, since that has a kubectl of the right version.

    Raises:
        ClusterError: They aren't in time; says what is missing.
    """
    for what in (
        ("--for=condition=Ready", "node", "--all"),
        ("--for=condition=Available", "deployment", "--all", "--all-namespaces"),
    ):
        seconds = max(deadline.remaining, _LEAST_S)
        try:
            calls.engine(
                *("exec", node, "kubectl", ADMIN, "wait", *what, f"--timeout={seconds:.0f}s"),
                timeout=seconds + _LEAST_S,
            )
        except CommandError as error:
            pods = calls.engine(
                *("exec", node, "kubectl", ADMIN, "get", "nodes,pods", "--all-namespaces"),
                timeout=_LEAST_S * 2,
                check=False,
            )
            raise explained(
                "The cluster was made, but doesn't get ready", f"{error}\n{pods.output}"
            ) from error


def await_server(client: KubeClient, deadline: Deadline) -> None:
    """Waits until the API server is ready (again).

    Raises:
        ClusterError: It isn't in time.
    """
    while True:
        with suppress(ApiError):
            if client.raw("GET", "/readyz", timeout=_LEAST_S).status == _OK:
                return
        if deadline.passed:
            raise ClusterError(
                f"The API server at {client.connection.server} isn't ready "
                f"after {deadline.seconds:g} s.",
                hint="See its last lines: harness logs kube-apiserver",
            )
        SYSTEM_CLOCK.sleep(_PAUSE_S)


def check_audit(paths: Paths) -> None:
    """Sees that the API server's audit log reaches us.

    Raises:
        ClusterError: It doesn't.
    """
    try:
        with paths.audit_log.open("rb") as file:
            if file.read(1):
                return
    except OSError as error:
        raise ClusterError(f"The audit log can't be read: {error}") from error
    raise ClusterError(
        f"Nothing of the API server's audit log reaches {paths.audit_log}.",
        hint="The Docker engine doesn't share that folder with its containers: give another by "
        "--output, or share it in the engine's settings.",
    )
