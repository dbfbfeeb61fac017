"""Stage 3: what there is to see of a Deployment that isn't available: Pods, events, logs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import ApiError
from harness.kube.pods import log_text, pods_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.kube.client import KubeClient

__all__ = ["Scene", "observe"]

Json = dict[str, Any]  # any JSON object

_LINES = 200


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A Deployment and what belongs to it, at one instant.

    Attributes:
        deployment: Its object.
        container: Name of the operator's container.
        replica_sets: Its ReplicaSets, the oldest first.
        pods: Its Pods, the oldest first.
        events: Of all of them, the oldest first.
        logs: Last lines of the operator's container by Pod, those of its run before it ended
            first; without secrets.
    """

    deployment: Json
    container: str
    replica_sets: tuple[Json, ...] = ()
    pods: tuple[Json, ...] = ()
    events: tuple[Json, ...] = ()
    logs: dict[str, tuple[str, ...]] = {}


def observe(
    client: KubeClient, deployment: Json, container: str, *, clean: Callable[[str], str]
) -> Scene:
    """Looks at a Deployment.

    Args:
        client: The harness's own identity.
        deployment: As the API server has it.
        container: Name of the operator's container.
        clean: Takes secrets out of a line.

    Raises:
        ApiError: What there is can't be listed.
    """
    namespace = deployment["metadata"]["namespace"]
    pods = pods_of(client, deployment)
    sets = [
        item
        for item in client.list(client.resource("replicasets.apps"), namespace).items
        if deployment["metadata"]["uid"] in _owners(item)
    ]
    ours = {item["metadata"]["uid"] for item in (deployment, *sets, *pods)}
    events = [
        event
        for event in client.list(client.resource("events"), namespace).items
        if (event.get("involvedObject") or {}).get("uid") in ours
    ]
    return Scene(
        deployment=deployment,
        container=container,
        replica_sets=tuple(sorted(sets, key=_age)),
        pods=tuple(pods),
        events=tuple(sorted(events, key=_time)),
        logs={
            pod["metadata"]["name"]: tuple(map(clean, _printed(client, pod, container)))
            for pod in pods
        },
    )


def _printed(client: KubeClient, pod: Json, container: str) -> list[str]:
    runs: list[list[str]] = []
    for previous in (True, False):
        with suppress(ApiError):  # it hasn't begun, or wasn't there before
            meta = pod["metadata"]
            text = log_text(
                client,
                meta["namespace"],
                meta["name"],
                container,
                lines=_LINES,
                previous=previous,
            )
            runs += [text.splitlines()] if text.splitlines() not in runs else []
    return [line for run in runs for line in run][-_LINES:]


def _owners(obj: Json) -> set[str]:
    return {str(item.get("uid")) for item in obj["metadata"].get("ownerReferences") or ()}


def _age(obj: Json) -> str:
    return str(obj["metadata"].get("creationTimestamp") or "")


def _time(event: Json) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or _age(event))
