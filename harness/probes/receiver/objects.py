"""Stage 4b: from one watched object's bytes to the numbers of its row.

Most targets name a condition: then only what decides is decoded, into small structs. All else goes
the way that all of the harness goes, by `harness.readiness.judge` on the whole object; so does an
object whose fields have other types than they should.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from harness.model.load import object_index, uid_hash
from harness.readiness import State, as_generation, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.model.resource import Resource
    from harness.model.target import Readiness

__all__ = ["Known", "Reader", "Sight"]

_ABSENT = -1
_LARGEST = (1 << 63) - 1  # whatever an operator writes has to fit a column
_INDEX_BITS = 24
_INDEX_MASK = (1 << _INDEX_BITS) - 1
_DIGEST_MASK = (1 << (62 - _INDEX_BITS)) - 1

_Generation = int | str | None  # some operators write it as a string of digits


class _Condition(msgspec.Struct, rename="camel", gc=False):
    type: str = ""
    status: str = ""
    observed_generation: _Generation = None


class _Status(msgspec.Struct, rename="camel", gc=False):
    observed_generation: _Generation = None
    conditions: list[_Condition] | None = None


class _Managed(msgspec.Struct, rename="camel", gc=False):
    manager: str = ""
    time: str = ""
    subresource: str = ""
    fields_v1: msgspec.Raw = msgspec.field(name="fieldsV1", default=msgspec.Raw(b""))


class _Metadata(msgspec.Struct, rename="camel", gc=False):
    name: str = ""
    uid: str = ""
    generation: int = 0
    deletion_timestamp: str = ""
    finalizers: msgspec.Raw = msgspec.Raw(b"")
    labels: msgspec.Raw = msgspec.Raw(b"")
    annotations: msgspec.Raw = msgspec.Raw(b"")
    owner_references: msgspec.Raw = msgspec.Raw(b"")
    managed_fields: list[_Managed] = []


class _Object(msgspec.Struct, gc=False):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    status: msgspec.Raw = msgspec.Raw(b"{}")


class Sight(NamedTuple):
    """What one event shows of an object.

    Attributes:
        object: Index of its name; -1 where it isn't ours.
        uid: `uid_hash`.
        generation: metadata.generation; 0 where the kind has none.
        observed: status.observedGeneration; -1 where there is none.
        done: Whether the readiness rule holds for that generation.
        deleting: Whether a deletionTimestamp is set.
        foreign: Whether anyone but the harness appears among its managers.
        digest: Of all that the operator may write beside the spec; changes with it.
    """

    object: int
    uid: int
    generation: int
    observed: int
    done: bool
    deleting: bool
    foreign: bool
    digest: int


class Reader:
    """Reads the objects of one kind.

    Args:
        resource: Of the objects; items of a list don't say what they are.
        ready: The target's rule.
        prefix: Of our objects' names.
        managers: Field managers of the harness.
    """

    def __init__(
        self, *, resource: Resource, ready: Readiness, prefix: str, managers: tuple[str, ...]
    ) -> None:
        self._what = {"apiVersion": resource.api_version, "kind": resource.kind}
        self._ready = ready
        self._prefix = prefix
        self._ours = frozenset(managers)
        self._objects = msgspec.json.Decoder(_Object)
        self._statuses = msgspec.json.Decoder(_Status | None)
        self._judge: Callable[[bytes | msgspec.Raw, _Object], tuple[int, bool]] = (
            self._by_rule if ready.condition is None else self._by_condition
        )

    def read(self, raw: bytes | msgspec.Raw) -> Sight:
        """Returns what an object shows.

        Raises:
            msgspec.MsgspecError: It isn't an object of Kubernetes.
        """
        found = self._objects.decode(raw)
        observed, done = self._judge(raw, found)
        metadata = found.metadata
        foreign = [entry for entry in metadata.managed_fields if entry.manager not in self._ours]
        return Sight(
            object=object_index(self._prefix, metadata.name),
            uid=uid_hash(metadata.uid) if metadata.uid else 0,
            generation=metadata.generation,
            observed=min(observed, _LARGEST),
            done=done,
            deleting=bool(metadata.deletion_timestamp),
            foreign=bool(foreign),
            digest=_digest(found, foreign),
        )

    def _by_condition(self, raw: bytes | msgspec.Raw, found: _Object) -> tuple[int, bool]:
        """The same as `judge` by a condition; held against it by a test."""
        try:
            status = self._statuses.decode(found.status) or _Status()
        except msgspec.ValidationError:
            return self._by_rule(raw, found)
        whole = as_generation(status.observed_generation)
        observed = _ABSENT if whole is None else whole
        for condition in status.conditions or ():
            if condition.type != self._ready.condition:
                continue
            if condition.status != "True":
                return observed, False
            part = as_generation(condition.observed_generation)
            seen = whole if part is None else part
            return observed, seen is None or seen >= found.metadata.generation
        return observed, False

    def _by_rule(self, raw: bytes | msgspec.Raw, _: _Object) -> tuple[int, bool]:
        whole: dict[str, Any] = self._what | msgspec.json.decode(raw, type=dict[str, Any])
        status = whole.get("status")
        value = status.get("observedGeneration") if isinstance(status, dict) else None
        observed = as_generation(value)
        done = judge(whole, self._ready).state is State.READY
        return _ABSENT if observed is None else observed, done


class Known:
    """What is remembered of the objects that are there: 2 numbers each, in one.

    By it an event is told to be the operator's: who wrote can't be read from managedFields alone,
    whose times are whole seconds.
    """

    def __init__(self) -> None:
        self._packed: dict[int, int] = {}  # by uid: digest, then index + 1
        self._listed: set[int] | None = None

    def __len__(self) -> int:
        return len(self._packed)

    def wrote(self, sight: Sight) -> bool:
        """Notes an event's object; returns whether it was the operator who wrote."""
        digest = sight.digest & _DIGEST_MASK
        before = self._packed.get(sight.uid)
        self._packed[sight.uid] = digest << _INDEX_BITS | (sight.object + 1 & _INDEX_MASK)
        if self._listed is not None:
            self._listed.add(sight.uid)
        return sight.foreign if before is None else before >> _INDEX_BITS != digest

    def forget(self, uid: int) -> None:
        """Notes that an object is gone."""
        self._packed.pop(uid, None)

    def relist(self) -> None:
        """Notes that a new list begins."""
        self._listed = set()

    def vanished(self) -> Iterator[tuple[int, int]]:
        """Ends a list; yields uid and index of each object that was known and isn't there."""
        listed, self._listed = self._listed, None
        if listed is None:
            return
        for uid in [uid for uid in self._packed if uid not in listed]:
            yield uid, (self._packed.pop(uid) & _INDEX_MASK) - 1


def _digest(found: _Object, foreign: list[_Managed]) -> int:
    metadata = found.metadata
    parts = (found.status, metadata.finalizers, metadata.labels)
    more = (metadata.annotations, metadata.owner_references)
    return hash(
        (
            *(bytes(part) for part in parts),
            *(bytes(part) for part in more),
            metadata.deletion_timestamp,
            *((e.manager, e.subresource, e.time, bytes(e.fields_v1)) for e in foreign),
        )
    )
