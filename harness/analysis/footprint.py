"""Stage 5: what belongs to a custom resource, and how we know.

Three ways, in this order: ownerReferences (also indirect ones, and of owners that are gone),
creates by the operator in the audit log, and field managers that only the operator uses.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from harness.analysis.objects import metadata_of, sightings
from harness.clock import utc
from harness.evidence.writes import is_write
from harness.model.records import Action
from harness.model.resource import ObjectKey
from harness.model.time import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.evidence.calllog import CallShape
    from harness.evidence.reader import Evidence
    from harness.model.records import ApiCall

__all__ = ["Footprint", "identity_of", "owners_of", "snapshot_label"]

_CREATED, _REFUSED = 201, 400
_PASSING = frozenset({"Event", "Lease"})
_SECOND_NS = 1_000_000_000

Json = dict[str, Any]  # any JSON object
_Name = tuple[str, str, str]


class Footprint:
    """What an operator made for one custom resource.

    Args:
        evidence: Of the run.
        objects: The custom resource, then what is known to belong to it (with uids).
        until: Nothing later.
    """

    def __init__(self, evidence: Evidence, objects: Sequence[ObjectKey], *, until: Stamp) -> None:
        self._evidence = evidence
        self.root = objects[0]
        self._since_ns = self._creation_ns(until)
        self._family = self._relatives({key.uid for key in objects if key.uid})
        self._others = self._other_customers(until)
        self._creates: dict[_Name, ApiCall] = {}
        self._foreign_creates: set[_Name] = set()
        self._managers: dict[str, set[str]] = defaultdict(set)
        for (manager, user), first_ns in _writers(evidence).items():
            if first_ns <= until.wall_ns:
                self._managers[manager].add(user)
        made = evidence.calls().where(_made).between(self._since_ns, until.wall_ns)
        identities = evidence.installation.identities if evidence.installation else frozenset()
        for call in made:
            name = (call.resource, call.namespace, call.name)
            if call.user in identities or call.impersonator in identities:
                self._creates[name] = call
            elif call.name:
                self._foreign_creates.add(name)

    def attribution(self, body: Json) -> str:
        """Returns how an object is known to belong to the custom resource; empty if it doesn't.

        Args:
            body: With apiVersion, kind and metadata.
        """
        if body.get("kind") in _PASSING:
            return ""
        if metadata_of(body).get("uid") in self._family or owners_of(body) & self._family:
            return "by its ownerReferences"
        if owners_of(body) or self._of_another(body):
            return ""
        call = self.creation(body)
        if call is not None:
            return f"by the audit log: {call.user} sent {call.verb} {call.uri} (line {call.line})"
        return self._by_manager(body, identity_of(body))

    def creation(self, body: Json) -> ApiCall | None:
        """Returns the operator's request that made an object; None where the log shows none."""
        key = identity_of(body)
        return self._creates.get((key.resource, key.namespace, key.name))

    def _by_manager(self, body: Json, key: ObjectKey) -> str:
        """By field managers: only of objects younger than the custom resource, made by no other."""
        created = str(metadata_of(body).get("creationTimestamp") or "")
        if not created or created < _iso(self._since_ns):
            return ""
        if (key.resource, key.namespace, key.name) in self._foreign_creates:
            return ""
        names = _managers_of(body)
        installation, cluster = self._evidence.installation, self._evidence.cluster
        identities = installation.identities if installation else frozenset()
        harness = cluster.harness_identity if cluster else ""
        if any(harness in self._managers.get(name, ()) for name in names):
            return ""
        for name in sorted(names):
            users = self._managers.get(name, set())
            if users and users <= identities:
                return f"by its field manager {name}, which only the operator uses"
        return ""

    def _creation_ns(self, until: Stamp) -> int:
        """When the custom resource was asked for, on the wall clock."""
        sent = [
            stimulus.sent.wall_ns
            for stimulus in self._evidence.stimuli()
            if stimulus.action is Action.CREATE
            and stimulus.subject is not None
            and _same(stimulus.subject, self.root)
            and stimulus.sent.mono_ns <= until.mono_ns
        ]
        seen = [
            state.event.stamp.wall_ns
            for state in sightings(self._evidence, self.root, until=until)[:1]
        ]
        return max(sent) if sent else min(seen, default=until.wall_ns)

    def _relatives(self, uids: set[str]) -> set[str]:
        """Follows ownerReferences down, over all that was ever seen."""
        owners: dict[str, set[str]] = {}
        for body in self._bodies():
            uid = metadata_of(body).get("uid")
            if uid:
                owners.setdefault(uid, set()).update(owners_of(body))
        family = set(uids)
        grown = True
        while grown:
            more = {uid for uid, above in owners.items() if uid not in family and above & family}
            family |= more
            grown = bool(more)
        return family

    def _bodies(self) -> Iterable[Json]:
        for shot in self._evidence.snapshots():
            yield from shot.objects
        for timeline in self._evidence.timelines().values():
            for event in timeline:
                yield event.object

    def _other_customers(self, until: Stamp) -> tuple[ObjectKey, ...]:
        """Other custom resources that were alive at the end."""
        alive: dict[_Name, ObjectKey] = {}
        for stimulus in self._evidence.stimuli():
            key = stimulus.subject
            if key is None or stimulus.sent.mono_ns > until.mono_ns or _same(key, self.root):
                continue
            name = (key.resource, key.namespace, key.name)
            if stimulus.action is Action.CREATE:
                alive[name] = key
            elif stimulus.action is Action.DELETE:
                alive.pop(name, None)
        return tuple(alive.values())

    def _of_another(self, body: Json) -> bool:
        """Whether an object without owner speaks of another custom resource, and not of this."""
        return any(_speaks_of(body, key) for key in self._others) and not _speaks_of(
            body, self.root
        )


def identity_of(body: Json) -> ObjectKey:
    """Returns which object a snapshot's entry is, without uid."""
    metadata = metadata_of(body)
    return ObjectKey(
        resource=str(body.get("resource") or _guess(body)),
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name") or ""),
    )


def snapshot_label(body: Json) -> str:
    """Returns a snapshot's entry as titles name it, for example "ConfigMap page"."""
    key = identity_of(body)
    return f"{body.get('kind') or key.resource.partition('.')[0]} {key.name}"


def owners_of(body: Json) -> set[str]:
    """Returns the uids in an object's ownerReferences."""
    references = metadata_of(body).get("ownerReferences") or ()
    return {str(reference.get("uid")) for reference in references if reference.get("uid")}


def _guess(body: Json) -> str:
    """The resource of a kind, by the rule of the Kubernetes' own clients."""
    kind = str(body.get("kind") or "").lower()
    group = str(body.get("apiVersion") or "").rpartition("/")[0]
    if kind.endswith("s"):
        plural = f"{kind}es"
    elif kind.endswith("y"):
        plural = f"{kind[:-1]}ies"
    else:
        plural = f"{kind}s"
    return f"{plural}.{group}" if group else plural


def _managers_of(body: Json) -> set[str]:
    metadata = metadata_of(body)
    named = {str(name).split("/", maxsplit=1)[0] for name in metadata.get("managers") or ()}
    fields = {str(entry.get("manager")) for entry in metadata.get("managedFields") or ()}
    return named | fields


@lru_cache(maxsize=2)
def _writers(evidence: Evidence) -> dict[tuple[str, str], int]:
    """Who wrote under which field manager: (manager, user) and when that came first."""
    first: dict[tuple[str, str], int] = {}
    for row in evidence.calls().where(_wrote).rows():
        key = (_manager(row.uri.partition("?")[2], row.shape.user_agent), row.shape.user)
        first[key] = min(row.received_ns, first.get(key, row.received_ns))
    return first


def _wrote(call: CallShape) -> bool:
    return not call.dry_run and call.code < _REFUSED and is_write(call.verb, call.resource)


def _made(call: CallShape) -> bool:
    return _wrote(call) and call.code == _CREATED and not call.subresource


@lru_cache(maxsize=4096)
def _manager(query: str, user_agent: str) -> str:
    """The field manager of a request: as it says, else the start of its user agent."""
    said = parse_qs(query).get("fieldManager")
    return said[0] if said else re.split(r"[/ ]", user_agent, maxsplit=1)[0]


def _speaks_of(body: Json, key: ObjectKey) -> bool:
    metadata = metadata_of(body)
    texts = [str(metadata.get("name") or ""), *map(str, (metadata.get("labels") or {}).values())]
    return any((key.uid and key.uid in text) or key.name in text for text in texts)


def _same(key: ObjectKey, other: ObjectKey) -> bool:
    return (key.resource, key.namespace, key.name) == (other.resource, other.namespace, other.name)


def _iso(wall_ns: int) -> str:
    """As metadata.creationTimestamp writes it, cut to the second, so that text compares."""
    second = wall_ns // _SECOND_NS * _SECOND_NS
    return utc(Stamp(mono_ns=0, wall_ns=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
