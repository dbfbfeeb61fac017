"""What is there already under the names of a target: a run would take it over, so it's refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.clusters.existing.demands import named, resource_of
from harness.errors import ApiError
from harness.manifests.objects import Object, describe, kind_of, namespace_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.kube.client import KubeClient
    from harness.model.installation import InstallWay

__all__ = ["conflicts"]

_UNKNOWN = frozenset({403, 404})  # a kind to come, or one that we may not read: others tell


def conflicts(client: KubeClient, manifests: Sequence[Object], way: InstallWay) -> list[str]:
    """Returns the objects of the manifests that are there already, a line each.

    Raises:
        ApiError: The API server can't be asked.
    """
    found = []
    for obj in named(manifests, way):
        known = resource_of(client, obj, manifests)
        if known is None:
            continue
        try:
            resource = client.resource_of(obj["apiVersion"], kind_of(obj))
            where = (namespace_of(obj) or "default") if resource.namespaced else ""
            body = client.find(resource, obj["metadata"]["name"], where)
        except ApiError as error:
            if error.status not in _UNKNOWN:
                raise
            continue
        if body is not None:
            since = body["metadata"].get("creationTimestamp", "an unknown time")
            found.append(f"{describe(obj)}, since {since}")
    return found
