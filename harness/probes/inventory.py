"""Stage 4b: every object of a cluster that isn't ours, before an operator came and after it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import ApiError
from harness.kube.webhooks import failed_conversion
from harness.model.inventory import Inventory, InventoryEntry
from harness.model.resource import ObjectKey, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.clock import Clock
    from harness.kube.client import KubeClient

__all__ = ["count_events", "take_inventory"]

_PASSING = frozenset(
    {
        "componentstatuses",
        "endpoints",  # they come and go with their Services and Pods
        "endpointslices.discovery.k8s.io",
        "events",
        "events.events.k8s.io",
    }
)
_MEASURED = ".metrics.k8s.io"  # figures, not objects
_GONE = 404
_AT_ONCE = 4
_NS = 1_000_000_000
_MOST_EVENTS = 20


def take_inventory(
    client: KubeClient, name: str, *, clock: Clock, before: Inventory | None = None
) -> Inventory:
    """Lists every resource; one that can't be listed is named with the reason.

    Args:
        client: Whose rights limit what is seen.
        name: As of `Inventory`.
        clock: Gives the stamp.
        before: An earlier one: more is told of objects that aren't in it.

    Raises:
        ApiError: The cluster can't tell what it serves.
    """
    stamp = clock.now()
    known = frozenset(entry.key.uid for entry in before.entries) if before else None
    chosen: dict[str, list[Resource]] = {}
    for resource in client.resources(refresh=True, verb="list"):
        if resource.key not in _PASSING and not resource.key.endswith(_MEASURED):
            chosen.setdefault(resource.key, []).append(resource)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        listings = list(pool.map(lambda versions: _listed(client, versions), chosen.values()))
    entries: list[InventoryEntry] = []
    unlisted: dict[str, str] = {}
    for key, (resource, items, reason) in zip(chosen, listings, strict=True):
        if reason:
            unlisted[key] = reason
        entries += [_entry(resource, item, known) for item in items]
    return Inventory(name=name, stamp=stamp, entries=tuple(entries), unlisted=unlisted)


def count_events(
    client: KubeClient, taken: Inventory, *, kept_s: float, grace_s: float = 120.0
) -> Inventory:
    """Returns an inventory with what there is to say of Events; unchanged where none can be listed.

    Args:
        client: Whose rights limit what is seen.
        taken: Right before.
        kept_s: For how long the cluster keeps an Event that nobody writes to, in seconds.
        grace_s: So much longer one may stay: they go by leases that many share.
    """
    try:
        events = client.list(client.resource("events"), metadata_only=True).items
    except ApiError:
        return taken
    since = taken.stamp.wall_ns / _NS - kept_s - grace_s
    oldest = datetime.fromtimestamp(since, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    old = [item for item in events if str(item["metadata"].get("creationTimestamp", "")) < oldest]
    keys = (
        ObjectKey(
            resource="events",
            namespace=item["metadata"].get("namespace", ""),
            name=item["metadata"]["name"],
            uid=item["metadata"].get("uid", ""),
        )
        for item in old[:_MOST_EVENTS]
    )
    return msgspec.structs.replace(taken, events=len(events), old_events=tuple(keys))


def _listed(
    client: KubeClient, versions: Iterable[Resource]
) -> tuple[Resource, list[dict[str, Any]], str]:
    """Returns the objects of a resource in the first version that can be had, else why not."""
    reason = ""
    for resource in versions:
        last = resource
        try:
            return resource, client.list(resource, metadata_only=True).items, ""
        except ApiError as error:
            if error.status == _GONE:
                return resource, [], ""  # its CRD went meanwhile
            reason = error.reason or str(error)
            if not failed_conversion(str(error)):
                return resource, [], reason
    return last, [], reason


def _entry(
    resource: Resource, item: dict[str, Any], known: frozenset[str] | None
) -> InventoryEntry:
    metadata = item["metadata"]
    key = ObjectKey(
        resource=resource.key,
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata.get("uid", ""),
    )
    if known is None or key.uid in known:
        return InventoryEntry(key=key, kind=resource.kind)
    fields = metadata.get("managedFields") or ()
    owners = metadata.get("ownerReferences") or ()
    return InventoryEntry(
        key=key,
        kind=resource.kind,
        owners=tuple(str(owner.get("uid")) for owner in owners),
        managers=tuple(sorted({str(field.get("manager")) for field in fields})),
        labels=metadata.get("labels") or {},
        finalizers=tuple(metadata.get("finalizers") or ()),
        created=str(metadata.get("creationTimestamp") or ""),
        deleted=str(metadata.get("deletionTimestamp") or ""),
    )
