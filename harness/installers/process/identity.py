"""Stage 3: the simulated Pod that a process stands for, and its token."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from harness.clock import Deadline
from harness.errors import ApiError, ClusterError
from harness.installers.faults import not_installed
from harness.kube.watch import Watch
from harness.manifests.objects import Object, describe, pod_spec, strings
from harness.model.cluster import Capability

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from harness.kube.client import KubeClient, Token
    from harness.model.cluster import Cluster

__all__ = ["LIFE_S", "Minted", "await_pod", "mint", "service_account_of"]

LIFE_S = 3600
"""Seconds that a token lives, as in a Pod."""

_ADDRESS = b'"status.'  # a field of the downward API

_SLICE_S = 2.0
"""Seconds of watching between two looks at what the Deployment itself says."""

_REFUSALS = 2
"""Looks at which creating the Pod must have failed: the first failure may pass."""


class Minted(msgspec.Struct, frozen=True, kw_only=True):
    """A token and what is to be said of it; the value isn't printed."""

    token: Token
    note: str = ""


def service_account_of(workload: Object) -> str:
    """Returns the name of the ServiceAccount of a Deployment's pods."""
    spec = pod_spec(workload)
    return str(spec.get("serviceAccountName") or spec.get("serviceAccount") or "default")


def await_pod(
    client: KubeClient,
    cluster: Cluster,
    deployment: Object,
    *,
    taken: Collection[str],
    timeout: float,
) -> Object:
    """Waits by watch for a Pod of a Deployment, bound to a (simulated) node.

    Where its template asks for addresses, it's waited until the Pod has them.

    Args:
        client: The API server.
        cluster: Says whether Pods can run there.
        deployment: As the API server has it.
        taken: Uids of Pods that other processes stand for.
        timeout: In seconds.

    Raises:
        InstallFault: The Deployment's Pod is refused, or can't be scheduled.
        ClusterError: It doesn't come for another reason.
    """
    deadline = Deadline(timeout)
    wanted = _wanted(cluster, deployment)
    last: Object | None = None
    refusals = 0
    while not deadline.passed:
        found, seen = _watch(client, deployment, taken, min(_SLICE_S, deadline.remaining), wanted)
        if found is not None:
            return found
        last = seen or last
        message = _refusal(client, deployment)
        refusals = refusals + 1 if message else 0
        if refusals >= _REFUSALS:
            raise not_installed(
                describe(deployment),
                "The API server refuses the operator's Pod.",
                detail=message,
                remedy="Mend the pod template, or what its namespace enforces.",
            )
    raise _never(deployment, last, timeout)


def _wanted(cluster: Cluster, deployment: Object) -> tuple[str, str]:
    """Returns the part and field that the Pod must have before its process can be started."""
    if Capability.WORKLOADS not in cluster.capabilities:
        return ("metadata", "uid")
    addresses = _ADDRESS in msgspec.json.encode(deployment["spec"]["template"])
    return ("status", "podIP") if addresses else ("spec", "nodeName")


def _watch(
    client: KubeClient,
    deployment: Object,
    taken: Collection[str],
    seconds: float,
    wanted: tuple[str, str],
) -> tuple[Object | None, Object | None]:
    """Returns the Pod, once it has the wanted field, and the last candidate seen."""
    namespace = deployment["metadata"]["namespace"]
    labels = strings((deployment["spec"].get("selector") or {}).get("matchLabels"))
    watch = Watch(
        client.connection,
        client.resource("pods"),
        namespace=namespace,
        labels=",".join(f"{key}={value}" for key, value in labels.items()),
    )
    last: Object | None = None
    with closing(watch.events(deadline=Deadline(seconds))) as events:
        for event in events:
            pod = event.object
            if event.type not in ("LISTED", "ADDED", "MODIFIED") or not _belongs(pod, deployment):
                continue
            if pod["metadata"]["uid"] in taken or pod["metadata"].get("deletionTimestamp"):
                continue
            last = pod
            if (pod.get(wanted[0]) or {}).get(wanted[1]):
                return pod, last
    return None, last


def _belongs(pod: Object, deployment: Object) -> bool:
    name = deployment["metadata"]["name"]
    return any(
        owner.get("kind") == "ReplicaSet" and str(owner.get("name")).startswith(f"{name}-")
        for owner in pod["metadata"].get("ownerReferences") or ()
    )


def _refusal(client: KubeClient, deployment: Object) -> str:
    """Returns why the Deployment's Pods can't be made; empty where nothing is said."""
    meta = deployment["metadata"]
    found = client.find(client.resource("deployments.apps"), meta["name"], meta["namespace"]) or {}
    for condition in (found.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return str(condition.get("message") or condition.get("reason"))
    return ""


def _never(deployment: Object, pod: Object | None, timeout: float) -> Exception:
    conditions: list[Mapping[str, object]] = ((pod or {}).get("status") or {}).get(
        "conditions"
    ) or []
    for condition in conditions:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return not_installed(
                describe(deployment),
                "The operator's Pod can't be scheduled.",
                detail=str(condition.get("message")),
                remedy="Mend its nodeSelector, affinity, tolerations or requests.",
            )
    state = "was made, but it got no node or no address" if pod else "wasn't made"
    return ClusterError(
        f"A Pod of {describe(deployment)} {state} within {timeout:g} s.",
        hint="The cluster's controller-manager, scheduler or kwok doesn't do its work; "
        "its log is in the run folder.",
    )


def mint(client: KubeClient, pod: Object, service_account: str, *, secret: str = "") -> Minted:
    """Has a token made, bound to the Pod where there is one and the API server can do that.

    Args:
        client: The harness's own identity.
        pod: What the process stands for.
        service_account: Whose.
        secret: Bind it to this Secret instead, with which it ends.

    Raises:
        ApiError: No token can be had at all.
    """
    meta = pod["metadata"]
    if secret:
        namespace = meta["namespace"]
        return Minted(
            token=client.token(namespace, service_account, expires_s=LIFE_S, secret=secret)
        )
    if not meta.get("uid"):  # a process that stands for no Pod
        return Minted(token=client.token(meta["namespace"], service_account, expires_s=LIFE_S))
    try:
        token = client.token(
            meta["namespace"],
            service_account,
            expires_s=LIFE_S,
            pod_name=meta["name"],
            pod_uid=meta["uid"],
        )
    except ApiError as error:
        if error.status not in (400, 404, 422):
            raise
        token = client.token(meta["namespace"], service_account, expires_s=LIFE_S)
        return Minted(token=token, note=f"The token isn't bound to its Pod: {error}")
    return Minted(token=token)
