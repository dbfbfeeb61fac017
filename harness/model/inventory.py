"""Which objects a cluster held, before an operator came and after it was gone."""

from __future__ import annotations

import msgspec

from harness.model.resource import ObjectKey
from harness.model.time import Stamp

__all__ = ["Inventory", "InventoryEntry", "Stuck", "Uninstalled"]


class InventoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One object; `owners` to `created` are told only of those that are new in a later inventory.

    Attributes:
        owners: Uids in its ownerReferences.
        managers: Its field managers.
        labels: Its labels.
        created: metadata.creationTimestamp.
        deleted: metadata.deletionTimestamp; empty where nobody deleted it.
    """

    key: ObjectKey
    kind: str
    owners: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    finalizers: tuple[str, ...] = ()
    created: str = ""
    deleted: str = ""


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """Every object that could be listed.

    Attributes:
        name: "before" the install or "after" the uninstall; of a soak its "begin" and its "end".
        entries: In no particular order.
        unlisted: Resources that could not be listed, each with the reason.
        events: How many Events there were, which aren't among the entries; None where nobody
            counted.
        old_events: Those of them that are older than Events are kept, at most twenty.
    """

    name: str
    stamp: Stamp
    entries: tuple[InventoryEntry, ...]
    unlisted: dict[str, str] = {}
    events: int | None = None
    old_events: tuple[ObjectKey, ...] = ()


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """A custom resource whose finalizers nobody removed in time.

    Attributes:
        seconds: How long it was waited.
    """

    key: ObjectKey
    finalizers: tuple[str, ...]
    seconds: float


class Uninstalled(msgspec.Struct, frozen=True, kw_only=True):
    """How an uninstall went.

    Attributes:
        stuck: Custom resources that the running operator didn't let go; the harness took their
            finalizers then.
        left: What we made and could not remove, a line each.
    """

    stuck: tuple[Stuck, ...] = ()
    left: tuple[str, ...] = ()
