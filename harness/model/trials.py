"""What the scope suite tried, as the facts of its windows hold it."""

from __future__ import annotations

import msgspec

__all__ = [
    "DeputyTrial",
    "SecondInstance",
    "Sentinel",
    "SentinelEvent",
    "SentinelWatch",
    "Standing",
]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How an object stands at one moment.

    Attributes:
        version: metadata.resourceVersion.
        managers: Times of its managedFields, by "manager/operation/subresource".
    """

    uid: str
    version: str
    managers: dict[str, str] = {}
    deleting: bool = False


class Sentinel(msgspec.Struct, frozen=True, kw_only=True):
    """An object in a foreign namespace that nobody may touch.

    Attributes:
        resource: `Resource.key`.
        served: Where the object stands that it is like.
        planted_ns: Wall clock, nanoseconds since the epoch, when `before` was read.
        after: None where it is gone.
    """

    resource: str
    kind: str
    namespace: str
    name: str
    served: str
    planted_ns: int
    before: Standing
    after: Standing | None = None


class SentinelEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An Event about a sentinel.

    Attributes:
        subject: "Kind name".
        source: Which component wrote it.
    """

    subject: str
    reason: str
    source: str
    message: str = ""


class SentinelWatch(msgspec.Struct, frozen=True, kw_only=True):
    """All sentinels of a window.

    Attributes:
        events: New ones.
        appeared: "Kind name" of each object that came beside the sentinels.
    """

    namespace: str
    sentinels: tuple[Sentinel, ...]
    events: tuple[SentinelEvent, ...] = ()
    appeared: tuple[str, ...] = ()


class DeputyTrial(msgspec.Struct, frozen=True, kw_only=True):
    """One reference that a tenant pointed at a foreign object.

    Attributes:
        path: Of the field, for example "spec.secretRef".
        kind: What it was pointed at: "Secret" or "ConfigMap".
        refused: The API server's words where it was refused, which is right.
        leaks: Where the canary was found.
        trouble: Why it could not be tried.
    """

    path: str
    kind: str
    refused: str = ""
    leaks: tuple[str, ...] = ()
    trouble: str = ""


class SecondInstance(msgspec.Struct, frozen=True, kw_only=True):
    """A second instance of the operator.

    Attributes:
        identity: User name.
        reason: Why it isn't ready.
        log: Its last lines, where it isn't.
    """

    namespace: str
    identity: str
    ready: bool
    reason: str = ""
    log: tuple[str, ...] = ()
