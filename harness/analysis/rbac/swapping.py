"""What a proof by removal changes: which bindings name the operator, and what is decided then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.rbac.authorizer import Authorizer, groups_of, names
from harness.analysis.rbac.grants import spread
from harness.analysis.rbac.ledger import ledger
from harness.analysis.rbac.rows import asks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from harness.analysis.rbac.rules import Request
    from harness.evidence.reader import Evidence
    from harness.model.access import AccessSnapshot, BindingObject, Subject

__all__ = ["decisions", "groups_of", "left_behind", "naming", "others_of"]


def naming(access: AccessSnapshot, identities: Collection[str]) -> tuple[BindingObject, ...]:
    """Returns the bindings that name one of these users themselves, not a group of theirs."""
    return tuple(
        binding
        for binding in access.bindings
        if len(others_of(binding, identities)) < len(binding.subjects)
    )


def others_of(binding: BindingObject, identities: Collection[str]) -> tuple[Subject, ...]:
    """Returns the subjects of a binding but for these users, in its order."""
    return tuple(
        subject
        for subject in binding.subjects
        if not any(names(subject, binding, user) for user in identities)
    )


def left_behind(evidence: Evidence, taken: Iterable[BindingObject]) -> dict[str, tuple[str, ...]]:
    """Returns which bindings still reach an identity, by identity.

    What Kubernetes gives everybody isn't among them: the ledger leaves it out.
    """
    gone = {str(binding) for binding in taken}
    found: dict[str, dict[str, None]] = {}
    for use in ledger(evidence).uses:
        if use.grant.binding not in gone:
            found.setdefault(use.grant.identity, {})[use.grant.binding] = None
    return {identity: tuple(bindings) for identity, bindings in found.items()}


def decisions(evidence: Evidence, access: AccessSnapshot) -> dict[tuple[str, Request], bool]:
    """Returns what an API server decides under these roles, for all that was or is granted.

    Args:
        evidence: Of the run: what was granted.
        access: Roles and bindings as they are.

    Returns:
        Whether it's allowed, by user and request.
    """
    authorizer = Authorizer(access)
    grants = [use.grant for use in ledger(evidence).uses]
    for user in evidence.installation.identities if evidence.installation else ():
        for bound in authorizer.rules_of(user):
            if not bound.role.default:
                grants += spread(user, bound, access.served)
    return {
        (grant.identity, request): authorizer.decide(grant.identity, request)
        for grant in grants
        for request in asks(grant)
    }
