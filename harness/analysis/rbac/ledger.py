"""The ledger: each grant of the operator's identities, and what the audit log shows of its use.

Use is what the authorizer allowed, whatever became of the request: a "get" that is answered by 404
and a "create" that a quota refuses have both used their permission. It's attributed to every rule
that allows the request, since the reason in the audit log names the first one only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from harness.analysis.rbac.authorizer import Authorizer, BoundRule
from harness.analysis.rbac.grants import spread
from harness.analysis.rbac.hidden import (
    CREATED,
    explain_admission,
    explain_creation,
    explain_questions,
    explain_repeated_events,
    explain_writes_of_roles,
)
from harness.analysis.rbac.rows import Row, request_of
from harness.analysis.writes import audit_gap, operator_calls
from harness.model.access import AccessSnapshot, GrantUse, ServedResource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.evidence.calllog import CallShape
    from harness.evidence.reader import Evidence
    from harness.model.records import Phase
    from harness.model.target import Target

__all__ = ["Ledger", "ledger"]


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """All grants of the operator's identities.

    Attributes:
        uses: One for each grant, by identity, resource and verb.
        gap: Why use can't be told; empty where it can. The grants are listed in any case.
        access: All roles and bindings that were there at any time.
    """

    uses: tuple[GrantUse, ...] = ()
    gap: str = ""
    access: AccessSnapshot = AccessSnapshot()


@lru_cache(maxsize=2)
def ledger(evidence: Evidence) -> Ledger:
    """Returns the ledger of a run; computed once for an `Evidence`."""
    if evidence.installation is None:
        return Ledger(gap="the operator was not installed, so its identity isn't known")
    access = _merged(evidence.access(), evidence.target)
    if not access.roles:
        return Ledger(gap="the cluster's roles and bindings were not recorded")
    rows = list(_rows(evidence.installation.identities, access))
    gap = audit_gap(evidence)
    if not gap:
        _attribute(rows, evidence, access)
    calls = evidence.calls()
    return Ledger(uses=tuple(row.result(calls) for row in rows), gap=gap, access=access)


def _merged(snapshots: Sequence[AccessSnapshot], target: Target) -> AccessSnapshot:
    """Returns all that was there at any time; an object's last state counts.

    No server serves "finalizers" of its own, though admission asks for it, so wildcards wouldn't
    reach it: it's added for the target's kinds.
    """
    roles = {(role.kind, role.namespace, role.name): role for s in snapshots for role in s.roles}
    bindings = {
        (item.kind, item.namespace, item.name): item for s in snapshots for item in s.bindings
    }
    served = {(item.group, item.resource): item for s in snapshots for item in s.served}
    for kind in target.kinds if snapshots else ():
        plural, _, group = kind.resource.partition(".")
        finalizers = ServedResource(
            group=group, resource=f"{plural}/finalizers", namespaced=True, verbs=("update",)
        )
        served[group, finalizers.resource] = finalizers
    return AccessSnapshot(
        roles=tuple(roles.values()),
        bindings=tuple(bindings.values()),
        served=tuple(served.values()),
    )


def _rows(identities: Iterable[str], access: AccessSnapshot) -> Iterator[Row]:
    authorizer = Authorizer(access)
    for identity in sorted(identities):
        rows = [
            Row(grant, bound)
            for bound in authorizer.rules_of(identity)
            if not bound.role.default or bound.binding.namespace or not _for_everybody(bound)
            for grant in spread(identity, bound, access.served)
        ]
        yield from sorted(rows, key=lambda row: (row.grant.key, row.grant))


def _for_everybody(bound: BoundRule) -> bool:
    """Whether Kubernetes itself gives this to all: discovery, self-reviews.

    Its own bindings are called as their roles are; anybody else's, of cluster-admin to a group
    of ServiceAccounts for example, is the operator's as any other.
    """
    own = bound.role.name.startswith("system:") and bound.binding.name == bound.role.name
    return own and all(
        subject.kind == "Group" and subject.name.startswith("system:")
        for subject in bound.binding.subjects
    )


def _attribute(rows: Sequence[Row], evidence: Evidence, access: AccessSnapshot) -> None:
    by_identity: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_identity[row.grant.identity].append(row)
    named = any(row.grant.names for row in rows)
    windows = _Windows(evidence.phases())
    calls = operator_calls(evidence).where(_is_allowed)
    by_name: dict[CallShape, dict[str, list[Row]]] = defaultdict(dict)
    for call in calls.rows():
        shape = call.shape
        # Only resourceNames and URLs make a difference between requests of one shape.
        name = call.uri if not shape.resource else call.name if named else ""
        found = by_name[shape]
        if name not in found:
            request = request_of(calls.at(call.position))
            held = by_identity[shape.user]
            found[name] = [row for row in held if row.covers(request)]
            if shape.verb in ("patch", "update") and shape.code == CREATED:
                explain_creation(
                    shape, msgspec.structs.replace(request, verb="create", name=""), held
                )
        open_windows = windows.at(call.received_ns)
        for row in found[name]:
            row.use(call, open_windows)
    explain_questions(calls, by_identity)
    explain_writes_of_roles(calls, by_identity, access)
    explain_repeated_events(rows)
    for row in rows:
        explain_admission(row)


class _Windows:
    """Which windows were open at a moment; they may overlap."""

    def __init__(self, phases: Iterable[Phase]) -> None:
        spans = [(p.span.start.wall_ns, p.span.end.wall_ns, p.name) for p in phases]
        # Bounds are included: a window is open up to the nanosecond after its end.
        edges = sorted({edge for start, end, _ in spans for edge in (start, end + 1)})
        self._edges = edges
        self._open = [()] + [
            tuple(name for start, end, name in spans if start <= edge <= end) for edge in edges
        ]

    def at(self, wall_ns: int) -> tuple[str, ...]:
        return self._open[bisect_right(self._edges, wall_ns)]


def _is_allowed(call: CallShape) -> bool:
    return call.decision == "allow"
