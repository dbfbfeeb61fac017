"""Stage 4b: which objects belong to a custom resource, found by listing."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from harness.errors import ApiError
from harness.evidence.writes import is_write
from harness.kube.webhooks import failed_conversion
from harness.model.resource import ObjectKey, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.kube.client import KubeClient
    from harness.model.records import ApiCall

__all__ = ["children_of", "created_by", "inventory"]

_UNLISTED = frozenset(
    {"componentstatuses", "events", "events.events.k8s.io", "leases.coordination.k8s.io"}
)
_NOT_OURS = frozenset({403, 404, 405})  # not ours to list, or gone meanwhile


def inventory(
    client: KubeClient,
    *,
    namespace: str,
    also: Iterable[ObjectKey] = (),
    since: str = "",
    owner: str = "",
) -> tuple[dict[str, Any], ...]:
    """Returns the metadata of every object of a namespace, or of the cluster, and of some others.

    Args:
        client: Whose rights limit what is seen.
        namespace: Listed in every namespaced resource except Events and Leases; empty for all
            namespaces and cluster-scoped resources.
        also: Objects elsewhere that are looked up one by one.
        since: Leave out what is older than this creationTimestamp, unless `owner` owns it. A
            whole cluster has many objects.
        owner: uid of a custom resource.

    Returns:
        Objects with apiVersion, kind, metadata (without managedFields' contents), and "resource",
        the `Resource.key` under which they were found.
    """
    found: list[dict[str, Any]] = []
    for versions in _listable(client, namespaced_only=bool(namespace)):
        for resource, item in _listed(client, versions, namespace):
            metadata = item["metadata"]
            young = str(metadata.get("creationTimestamp") or since) >= since
            if young or owner in _owners(metadata):
                found.append(_entry(resource, item))
    seen = {(entry["resource"], entry["metadata"].get("uid")) for entry in found}
    for key in also:
        resource, body = _find(client, key)
        if body and (resource.key, body["metadata"].get("uid")) not in seen:
            found.append(_entry(resource, body))
    return tuple(found)


def children_of(client: KubeClient, owner: ObjectKey, *, since: str = "") -> tuple[ObjectKey, ...]:
    """Returns the objects that belong to `owner` by ownerReferences, directly or not.

    A namespaced owner's are in its namespace; a cluster-scoped owner's may be anywhere.

    Args:
        client: Whose rights limit what is seen.
        owner: With its uid.
        since: The creationTimestamp of a cluster-scoped owner: what is older is looked at only
            where it is the owner's own.
    """
    entries = inventory(client, namespace=owner.namespace, since=since, owner=owner.uid)
    family = {owner.uid}
    members: dict[str, ObjectKey] = {}
    grown = True
    while grown:
        grown = False
        for entry in entries:
            metadata = entry["metadata"]
            if metadata.get("uid") not in family and _owners(metadata) & family:
                family.add(metadata["uid"])
                members[metadata["uid"]] = _key(entry)
                grown = True
    return tuple(sorted(members.values()))


def created_by(
    calls: Iterable[ApiCall], identities: frozenset[str], *, since_wall_ns: int
) -> tuple[ObjectKey, ...]:
    """Returns the objects that the operator created since an instant, as far as the log names them.

    A server-side apply that answers 201 created its object. An object created by `generateName`
    has no name in the log at level Metadata; it is found by its ownerReferences, if at all.
    """
    found: set[ObjectKey] = set()
    for call in calls:
        created = call.code == HTTPStatus.CREATED and call.verb in {"create", "patch"}
        counted = is_write(call.verb, call.resource, call.subresource) and not call.subresource
        mine = call.user in identities and call.received_ns >= since_wall_ns
        if created and counted and mine and call.name and not call.dry_run:
            found.add(ObjectKey(resource=call.resource, namespace=call.namespace, name=call.name))
    return tuple(sorted(found))


def _listable(client: KubeClient, *, namespaced_only: bool) -> list[list[Resource]]:
    """The versions of each resource, the preferred one first, which is enough as a rule."""
    chosen: dict[str, list[Resource]] = {}
    for resource in client.resources(verb="list"):
        if resource.key not in _UNLISTED and (resource.namespaced or not namespaced_only):
            chosen.setdefault(resource.key, []).append(resource)
    return list(chosen.values())


def _listed(
    client: KubeClient, versions: Sequence[Resource], namespace: str
) -> list[tuple[Resource, dict[str, Any]]]:
    """Lists a resource in the first of its versions that can be had.

    Where its conversion webhook fails, the stored version still can; where none can, the
    resource is passed over: who waits for such an object says so.
    """
    for resource in versions:
        try:
            listed = client.list(resource, namespace, metadata_only=True)
        except ApiError as error:
            if error.status in _NOT_OURS:
                return []
            if not failed_conversion(str(error)):
                raise
        else:
            return [(resource, item) for item in listed.items]
    return []


def _find(client: KubeClient, key: ObjectKey) -> tuple[Resource, dict[str, Any] | None]:
    """Looks an object up in the first version that can be had."""
    versions = [item for item in client.resources() if item.key == key.resource]
    for resource in versions or [client.resource(key.resource)]:
        try:
            return resource, client.find(resource, key.name, key.namespace)
        except ApiError as error:
            if not failed_conversion(str(error)):
                raise
    return versions[0], None


def _owners(metadata: dict[str, Any]) -> set[str]:
    return {str(reference.get("uid")) for reference in metadata.get("ownerReferences", [])}


def _entry(resource: Resource, body: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        k: v for k, v in body["metadata"].items() if k not in {"managedFields", "annotations"}
    }
    metadata["managers"] = sorted(
        {field.get("manager", "") for field in body["metadata"].get("managedFields", [])}
    )
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "resource": resource.key,
        "metadata": metadata,
    }


def _key(entry: dict[str, Any]) -> ObjectKey:
    metadata = entry["metadata"]
    return ObjectKey(
        resource=entry["resource"],
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata["uid"],
    )
