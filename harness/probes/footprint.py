"""Stage 4b: which objects belong to a custom resource, found by listing."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from harness.errors import ApiError
from harness.evidence.writes import is_write
from harness.model.resource import ObjectKey, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.kube.client import KubeClient
    from harness.model.records import ApiCall

__all__ = ["children_of", "created_by", "inventory"]

_UNLISTED = frozenset({"events", "events.events.k8s.io", "leases.coordination.k8s.io"})


def inventory(
    client: KubeClient, *, namespace: str, also: Iterable[ObjectKey] = ()
) -> tuple[dict[str, Any], ...]:
    """Returns the metadata of every object of a namespace, and of some others.

    Args:
        client: Whose rights limit what is seen.
        namespace: Listed in every namespaced resource except Events and Leases.
        also: Objects elsewhere that are looked up one by one.

    Returns:
        Objects with apiVersion, kind, metadata (without managedFields' contents), and "resource",
        the `Resource.key` under which they were found.
    """
    found: list[dict[str, Any]] = []
    for resource in _listable(client):
        try:
            listed = client.list(resource, namespace, metadata_only=True)
        except ApiError as error:
            if error.status in {403, 404, 405}:
                continue  # not ours to list, or a resource without list
            raise
        found.extend(_entry(resource, item) for item in listed.items)
    seen = {(entry["resource"], entry["metadata"].get("uid")) for entry in found}
    for key in also:
        resource = client.resource(key.resource)
        body = client.find(resource, key.name, key.namespace)
        if body and (resource.key, body["metadata"].get("uid")) not in seen:
            found.append(_entry(resource, body))
    return tuple(found)


def children_of(client: KubeClient, owner: ObjectKey) -> tuple[ObjectKey, ...]:
    """Returns the objects that belong to `owner` by ownerReferences, directly or not.

    Only the owner's namespace is searched: a reference can't cross namespaces.
    """
    entries = inventory(client, namespace=owner.namespace) if owner.namespace else ()
    family = {owner.uid}
    members: dict[str, ObjectKey] = {}
    grown = True
    while grown:
        grown = False
        for entry in entries:
            metadata = entry["metadata"]
            owners = {ref.get("uid") for ref in metadata.get("ownerReferences", [])}
            if metadata["uid"] not in family and owners & family:
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


def _listable(client: KubeClient) -> list[Resource]:
    """One entry a resource: the preferred version comes first and is enough."""
    chosen: dict[str, Resource] = {}
    for resource in client.resources():
        if resource.namespaced and resource.key not in _UNLISTED:
            chosen.setdefault(resource.key, resource)
    return list(chosen.values())


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
