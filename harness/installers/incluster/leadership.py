"""Stage 3: which Pod of the operator holds a Lease."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from harness.installers.process.leadership import LEASES, lease_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.kube.client import KubeClient
    from harness.manifests.objects import Object

__all__ = ["held", "holder_among"]


def holder_among(lease: Object, pods: Iterable[Object]) -> str:
    """Returns the name of the Pod that holds a Lease; empty for none.

    Holders call themselves by their host name, which is their Pod's. A Lease that was last renewed
    before its Pod began is of another one's life.
    """
    spec = lease.get("spec") or {}
    holder, renewed = str(spec.get("holderIdentity") or ""), str(spec.get("renewTime") or "")
    if not holder or not renewed:
        return ""
    for pod in pods:
        name = str(pod["metadata"]["name"])
        host = str(pod["spec"].get("hostname") or name)
        begun = str((pod.get("status") or {}).get("startTime") or "")
        if holder.startswith(host) and (not begun or _time(renewed) >= _time(begun)):
            return name
    return ""


def held(client: KubeClient, pods: Iterable[Object]) -> dict[str, str]:
    """Returns the Leases ("namespace/name") that Pods hold, and which Pod holds each.

    Raises:
        ApiError: Leases can't be listed.
    """
    pods = tuple(pods)
    found = {
        lease_name(lease): holder_among(lease, pods)
        for lease in client.list(client.resource(LEASES)).items
    }
    return {name: pod for name, pod in found.items() if pod}


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
