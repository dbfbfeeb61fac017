"""What no request shows, and a grant is needed for all the same.

The audit log holds requests. What is asked inside a handler or by an admission plugin isn't there:
a write that creates, a role that hands rights on, an owner that blocks its deletion, an operator
that asks what it may before it does anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.analysis.rbac.rows import Row, asks
from harness.analysis.rbac.rules import Request, allows
from harness.model.access import GrantState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.evidence.calllog import CallLog, CallShape
    from harness.model.access import AccessSnapshot, PolicyRule, RoleObject
    from harness.model.records import ApiCall, Handed

__all__ = [
    "CREATED",
    "explain_admission",
    "explain_creation",
    "explain_questions",
    "explain_repeated_events",
    "explain_writes_of_roles",
]

CREATED = 201
_REFUSED = 400
_ROLES = frozenset({"roles", "clusterroles"})
_QUESTIONS = "selfsubjectaccessreviews.authorization.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_SIGNER_VERBS = frozenset({"approve", "sign", "attest"})


def explain_repeated_events(rows: Sequence[Row]) -> None:
    """An event that happens again is patched, by the same recorder: when, is a matter of luck.

    Source: k8s.io/client-go tools/record (recordToSink) and tools/events.
    """
    told = {
        (row.grant.identity, row.grant.group): row
        for row in rows
        if row.grant.resource == "events" and row.first and row.grant.verbs == ("create",)
    }
    for row in rows:
        grant = row.grant
        create = told.get((grant.identity, grant.group)) if grant.resource == "events" else None
        if create is not None and grant.verbs == ("patch",):
            note = "what tells events patches one that happens again"
            row.explain(GrantState.INDIRECT, note, create.namespaces)


def explain_creation(call: CallShape, request: Request, rows: Iterable[Row]) -> None:
    """Marks the create that a write passed unseen, since there was nothing to change yet."""
    for row in rows:
        if row.covers(request):
            row.explain(
                GrantState.INDIRECT,
                f"a {call.verb} that made its object also passed the check for create",
                [call.namespace],
            )


def _writes_rbac(call: CallShape) -> bool:
    written = call.verb in ("create", "update", "patch") and call.code < _REFUSED
    return written and call.resource.partition(".")[2] == _RBAC


def explain_writes_of_roles(
    calls: CallLog, by_identity: Mapping[str, Sequence[Row]], access: AccessSnapshot
) -> None:
    """Marks what writes of roles and bindings asked for besides; each kind of write once."""
    written = calls.where(_writes_rbac)
    seen: set[tuple[CallShape, Handed | None]] = set()
    for row in written.rows():
        call = written.at(row.position)
        kind = (row.shape, call.handed)
        if kind not in seen:
            seen.add(kind)
            _explain_write(call, by_identity[call.user], access)


def _explain_write(call: ApiCall, rows: Sequence[Row], access: AccessSnapshot) -> None:
    plural = call.resource.partition(".")[0]
    for row in rows:
        verb = {True: "escalate", False: "bind"}[plural in _ROLES]
        if row.grant.group == _RBAC and row.grant.resource == plural and verb in row.grant.verbs:
            row.explain(
                GrantState.INDIRECT,
                f"asked for inside the operator's write of {plural}",
                [call.namespace],
            )
    for rule in _handed(call, access):
        for row in rows:
            if any(allows(rule, request) for request in asks(row.grant)):
                row.explain(
                    GrantState.DELEGATION,
                    f"the operator hands it on ({plural} {call.name}): whoever writes a role must "
                    "hold what it grants",
                    [call.namespace],
                )


def _is_question(call: CallShape) -> bool:
    return call.resource == _QUESTIONS


def explain_questions(calls: CallLog, by_identity: Mapping[str, Sequence[Row]]) -> None:
    """Marks what the operator asks about: who asks whether it may, does without what it may not.

    prometheus-operator, for one, watches nothing of a kind whose status it may not write.
    """
    asked = {(call.user, call.review) for call in calls.where(_is_question)}
    for user, review in asked:
        if review is None:  # a policy that doesn't log the question
            continue
        request = Request(**msgspec.structs.asdict(review))
        for row in by_identity[user]:
            if row.covers(request):
                row.explain(
                    GrantState.INDIRECT,
                    "the operator asks whether it may (SelfSubjectAccessReview), and leaves out "
                    "what it may not",
                    [request.namespace],
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


def explain_admission(row: Row) -> None:
    """Marks what admission plugins ask for."""
    grant = row.grant
    if grant.resource.endswith("/finalizers") and grant.verbs == ("update",):
        row.explain(
            GrantState.ADMISSION,
            "OwnerReferencesPermissionEnforcement asks for it where an object names an owner with "
            "blockOwnerDeletion, and some clusters have that plugin on; it's kept for that reason",
        )
    elif grant.verbs == ("use",):
        row.explain(
            GrantState.ADMISSION,
            "asked for when a Pod or object refers to it; it's kept for that reason",
        )
    elif grant.resource == "signers" and _SIGNER_VERBS & set(grant.verbs):
        row.explain(
            GrantState.ADMISSION,
            "asked for when a CertificateSigningRequest is handled; it's kept for that reason",
        )
