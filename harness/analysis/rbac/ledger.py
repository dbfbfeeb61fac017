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
from harness.analysis.rbac.explanations import explain_unused
from harness.analysis.rbac.grants import spread
from harness.analysis.rbac.rules import ALL, Request, allows
from harness.analysis.writes import audit_gap, operator_calls
from harness.model.access import AccessSnapshot, Grant, GrantState, GrantUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.evidence.calllog import CallLog, CallRow, CallShape
    from harness.evidence.reader import Evidence
    from harness.model.access import PolicyRule, RoleObject
    from harness.model.records import ApiCall, Handed, Phase

__all__ = ["Ledger", "ledger", "request_of"]

_CREATED = 201
_REFUSED = 400
_SHOWN_NAMES = 20
_ROLES = frozenset({"roles", "clusterroles"})
_BINDINGS = frozenset({"rolebindings", "clusterrolebindings"})
_RBAC = "rbac.authorization.k8s.io"
_SIGNER_VERBS = frozenset({"approve", "sign", "attest"})


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """All grants of the operator's identities.

    Attributes:
        uses: One for each grant, by identity, resource and verb.
        gap: Why use can't be told; empty where it can. The grants are listed in any case.
    """

    uses: tuple[GrantUse, ...] = ()
    gap: str = ""


@lru_cache(maxsize=2)
def ledger(evidence: Evidence) -> Ledger:
    """Returns the ledger of a run; computed once for an `Evidence`."""
    if evidence.installation is None:
        return Ledger(gap="the operator was not installed, so its identity isn't known")
    access = _merged(evidence.access())
    if not access.roles:
        return Ledger(gap="the cluster's roles and bindings were not recorded")
    rows = list(_rows(evidence.installation.identities, access))
    gap = audit_gap(evidence)
    if not gap:
        _attribute(rows, evidence, access)
    calls = evidence.calls()
    return Ledger(uses=tuple(row.result(calls) for row in rows), gap=gap)


def request_of(call: ApiCall, *, verb: str = "") -> Request:
    """Returns what the authorizer was asked by a request, or is asked inside its handler.

    Args:
        call: As audited.
        verb: Takes the place of the audited one.
    """
    if not call.resource:
        return Request(verb=verb or call.verb, path=call.uri.partition("?")[0])
    plural, _, group = call.resource.partition(".")
    verb = verb or call.verb
    return Request(
        verb=verb,
        group=group,
        resource=plural,
        subresource=call.subresource,
        namespace=call.namespace,
        name="" if verb == "create" else call.name,  # the body isn't read yet
    )


class _Row:
    """A grant while its uses are counted."""

    def __init__(self, grant: Grant, bound: BoundRule) -> None:
        self.grant = grant
        self.bound = bound
        self.count = 0
        self.first: CallRow | None = None
        self.last_ns = 0
        self.verbs: set[str] = set()
        self.namespaces: set[str] = set()
        self.names: dict[str, None] = {}
        self.windows: dict[str, None] = {}
        self.other = GrantState.UNOBSERVED
        self.note = ""

    def covers(self, request: Request) -> bool:
        """Whether the grant is what allows a request."""
        grant = self.grant
        if request.verb not in grant.verbs and ALL not in grant.verbs:
            return False
        if request.path:
            return bool(grant.url) and self.bound.allows(request)
        tail = f"/{request.subresource}" if request.subresource else ""
        resource = request.resource + tail
        return (grant.group, grant.resource) == (request.group, resource) and self.bound.allows(
            request
        )

    def use(self, row: CallRow, windows: Iterable[str]) -> None:
        if self.first is None or row.received_ns < self.first.received_ns:
            self.first = row
        self.last_ns = max(self.last_ns, row.received_ns)
        self.count += 1
        self.verbs.add(row.shape.verb)
        self.namespaces.add(row.shape.namespace)
        if row.name and len(self.names) < _SHOWN_NAMES:
            self.names[row.name] = None
        for window in windows:
            self.windows[window] = None

    def explain(self, state: GrantState, note: str) -> None:
        """Says what the grant is for where no request shows it."""
        if self.other is GrantState.UNOBSERVED:
            self.other, self.note = state, note

    def result(self, calls: CallLog) -> GrantUse:
        state = GrantState.USED if self.first else self.other
        first = calls.at(self.first.position) if self.first else None
        return GrantUse(
            grant=self.grant,
            state=state,
            used_verbs=tuple(verb for verb in self.grant.verbs if verb in self.verbs or verb == ALL)
            if first
            else (),
            count=self.count,
            first_ns=first.received_ns if first else 0,
            last_ns=self.last_ns,
            namespaces=tuple(sorted(self.namespaces)),
            names=tuple(self.names),
            windows=tuple(self.windows),
            note=explain_unused(self.grant) if state is GrantState.UNOBSERVED else self.note,
            file=first.file if first else "",
            line=first.line if first else 0,
        )


def _merged(snapshots: Sequence[AccessSnapshot]) -> AccessSnapshot:
    """Returns all that was there at any time; an object's last state counts."""
    roles = {(role.kind, role.namespace, role.name): role for s in snapshots for role in s.roles}
    bindings = {
        (item.kind, item.namespace, item.name): item for s in snapshots for item in s.bindings
    }
    served = {(item.group, item.resource): item for s in snapshots for item in s.served}
    return AccessSnapshot(
        roles=tuple(roles.values()),
        bindings=tuple(bindings.values()),
        served=tuple(served.values()),
    )


def _rows(identities: Iterable[str], access: AccessSnapshot) -> Iterator[_Row]:
    authorizer = Authorizer(access)
    for identity in sorted(identities):
        rows = [
            _Row(grant, bound)
            for bound in authorizer.rules_of(identity)
            if not bound.role.default or bound.binding.namespace or not _for_everybody(bound)
            for grant in spread(identity, bound, access.served)
        ]
        yield from sorted(rows, key=lambda row: (row.grant.key, row.grant))


def _for_everybody(bound: BoundRule) -> bool:
    """Whether Kubernetes itself gives this to all: discovery, self-reviews."""
    return all(
        subject.kind == "Group" and subject.name.startswith("system:")
        for subject in bound.binding.subjects
    )


def _attribute(rows: Sequence[_Row], evidence: Evidence, access: AccessSnapshot) -> None:
    by_identity: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        by_identity[row.grant.identity].append(row)
    named = any(row.grant.names for row in rows)
    windows = _Windows(evidence.phases())
    calls = operator_calls(evidence).where(_is_allowed)
    by_name: dict[CallShape, dict[str, list[_Row]]] = defaultdict(dict)
    for call in calls.rows():
        shape = call.shape
        # Only resourceNames and URLs make a difference between requests of one shape.
        name = call.uri if not shape.resource else call.name if named else ""
        found = by_name[shape]
        if name not in found:
            request = request_of(calls.at(call.position))
            held = by_identity[shape.user]
            found[name] = [row for row in held if row.covers(request)]
            if shape.verb in ("patch", "update") and shape.code == _CREATED:
                _made_by_write(
                    shape, msgspec.structs.replace(request, verb="create", name=""), held
                )
        open_windows = windows.at(call.received_ns)
        for row in found[name]:
            row.use(call, open_windows)
    _hand_on(calls.where(_writes_rbac), by_identity, access)
    for row in rows:
        _admission(row)


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


def _writes_rbac(call: CallShape) -> bool:
    written = call.verb in ("create", "update", "patch") and call.code < _REFUSED
    return written and call.resource.partition(".")[2] == _RBAC


def _made_by_write(call: CallShape, request: Request, rows: Iterable[_Row]) -> None:
    """Marks the create that a write passed unseen, since there was nothing to change yet."""
    for row in rows:
        if row.covers(request):
            row.explain(
                GrantState.INDIRECT,
                f"a {call.verb} that made its object also passed the check for create",
            )


def _hand_on(
    calls: CallLog, by_identity: Mapping[str, Sequence[_Row]], access: AccessSnapshot
) -> None:
    """Marks what writes of roles and bindings asked for besides; each kind of write once."""
    seen: set[tuple[CallShape, Handed | None]] = set()
    for row in calls.rows():
        call = calls.at(row.position)
        kind = (row.shape, call.handed)
        if kind not in seen:
            seen.add(kind)
            _hidden(call, by_identity[call.user], access)


def _hidden(call: ApiCall, rows: Sequence[_Row], access: AccessSnapshot) -> None:
    plural = call.resource.partition(".")[0]
    for row in rows:
        verb = {True: "escalate", False: "bind"}[plural in _ROLES]
        if row.grant.group == _RBAC and row.grant.resource == plural and verb in row.grant.verbs:
            row.explain(GrantState.INDIRECT, f"asked for inside the operator's write of {plural}")
    for rule in _handed(call, access):
        for row in rows:
            if any(allows(rule, request) for request in _asks(row.grant)):
                row.explain(
                    GrantState.DELEGATION,
                    f"the operator hands it on ({plural} {call.name}): whoever writes a role must "
                    "hold what it grants",
                )


def _handed(call: ApiCall, access: AccessSnapshot) -> tuple[PolicyRule, ...]:
    if call.handed is None:
        return ()
    role = call.handed.role
    if role is None:
        return call.handed.rules
    found = [item for item in access.roles if _is_role(item, role.kind, role.name, call.namespace)]
    return tuple(rule for item in found for rule in item.rules)


def _is_role(item: RoleObject, kind: str, name: str, namespace: str) -> bool:
    return item.name == name and item.kind == kind and item.namespace in ("", namespace)


def _asks(grant: Grant) -> Iterator[Request]:
    plural, _, subresource = grant.resource.partition("/")
    for verb in grant.verbs:
        yield Request(
            verb=verb,
            group=grant.group,
            resource=plural,
            subresource=subresource,
            namespace=grant.namespace,
            name=grant.names[0] if grant.names else "",
            path=grant.url,
        )


def _admission(row: _Row) -> None:
    grant = row.grant
    if grant.resource.endswith("/finalizers") and grant.verbs == ("update",):
        row.explain(
            GrantState.ADMISSION,
            "OwnerReferencesPermissionEnforcement asks for it where an object names an owner with "
            "blockOwnerDeletion; some clusters have that plugin on",
        )
    elif grant.verbs == ("use",):
        row.explain(GrantState.ADMISSION, "asked for when a Pod or object refers to it")
    elif grant.resource == "signers" and _SIGNER_VERBS & set(grant.verbs):
        row.explain(GrantState.ADMISSION, "asked for when a CertificateSigningRequest is handled")
