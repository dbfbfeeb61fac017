"""Pods of a Deployment, and what their containers print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.kube.status import api_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.kube.client import KubeClient

__all__ = ["deployment_of", "is_ready", "log_path", "log_text", "pods_of", "selector_of"]

Json = dict[str, Any]  # any JSON object

_OK = 200


def selector_of(deployment: Mapping[str, Any]) -> str:
    """Returns a Deployment's label selector as the API takes it."""
    selector = (deployment.get("spec") or {}).get("selector") or {}
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for item in selector.get("matchExpressions") or ():
        key, values = item.get("key"), ",".join(item.get("values") or ())
        words = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})"}
        words |= {"Exists": f"{key}", "DoesNotExist": f"!{key}"}
        parts.append(words.get(str(item.get("operator")), f"{key}"))
    return ",".join(parts)


def pods_of(client: KubeClient, deployment: Mapping[str, Any]) -> list[Json]:
    """Returns the Pods that belong to a Deployment, the oldest first; those that end, too.

    Raises:
        ApiError: They can't be listed.
    """
    meta = deployment["metadata"]
    listed = client.list(
        client.resource("pods"), meta.get("namespace", ""), labels=selector_of(deployment)
    ).items
    ours = [pod for pod in listed if deployment_of(pod) == meta["name"]]
    return sorted(ours, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))


def deployment_of(pod: Mapping[str, Any]) -> str:
    """Returns the name of the Deployment that a Pod belongs to; empty for none."""
    for reference in pod["metadata"].get("ownerReferences") or ():
        if reference.get("controller") and reference.get("kind") == "ReplicaSet":
            return str(reference["name"]).rpartition("-")[0]
    return ""


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a Pod counts as an endpoint: ready, and not on its way out."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)


def log_path(namespace: str, pod: str) -> str:
    """Returns the URL path of a Pod's log."""
    return f"/api/v1/namespaces/{namespace}/pods/{pod}/log"


def log_text(
    client: KubeClient,
    namespace: str,
    pod: str,
    container: str,
    *,
    lines: int,
    previous: bool = False,
) -> str:
    """Returns the last lines that a container printed.

    Args:
        client: Who asks.
        namespace: Of the Pod.
        pod: Its name.
        container: Which one.
        lines: How many at most.
        previous: What the container's run before the present one printed.

    Raises:
        ApiError: There is none, for example since it hasn't started.
    """
    path = log_path(namespace, pod)
    query = {"container": container, "tailLines": str(lines)}
    query |= {"previous": "true"} if previous else {}
    answer = client.raw("GET", path, query=query, headers={"Accept": "*/*"})
    if answer.status != _OK:
        raise api_error("GET", path, answer.status, answer.body)
    return answer.body.decode(errors="replace")
