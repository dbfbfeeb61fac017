"""Which rules reach an identity, through which binding, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.analysis.rbac.rules import Request, allows
from harness.model.access import BindingObject, PolicyRule, RoleObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model.access import AccessSnapshot, Subject

__all__ = ["Authorizer", "BoundRule", "groups_of", "names"]

_SERVICE_ACCOUNT = "system:serviceaccount:"
_MASTERS = "system:masters"


class BoundRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, and the binding by which it reaches an identity."""

    binding: BindingObject
    role: RoleObject
    index: int

    @property
    def rule(self) -> PolicyRule:
        """The rule itself."""
        return self.role.rules[self.index]

    def allows(self, request: Request) -> bool:
        """Returns whether it allows a request where the binding holds."""
        if self.binding.namespace and self.binding.namespace != request.namespace:
            return False
        return allows(self.rule, request)


class Authorizer:
    """Decides as the API server's RBAC authorizer would with these objects.

    Args:
        access: Roles and bindings.
    """

    def __init__(self, access: AccessSnapshot) -> None:
        self._bindings = access.bindings
        self._roles = {(role.kind, role.namespace, role.name): role for role in access.roles}

    def rules_of(self, user: str) -> tuple[BoundRule, ...]:
        """Returns every rule that reaches a user, by name or by a group, in a stable order.

        A binding to a role that isn't there gives nothing, as in the API server.
        """
        return tuple(
            BoundRule(binding=binding, role=role, index=index)
            for binding, role in self._bound(user)
            for index in range(len(role.rules))
        )

    def decide(self, user: str, request: Request) -> bool:
        """Returns whether a user may send a request."""
        if _MASTERS in groups_of(user):
            return True
        return any(rule.allows(request) for rule in self.rules_of(user))

    def _bound(self, user: str) -> Iterator[tuple[BindingObject, RoleObject]]:
        groups = groups_of(user)
        for binding in self._bindings:
            if not any(_is(subject, binding, user, groups) for subject in binding.subjects):
                continue
            namespace = binding.namespace if binding.role_kind == "Role" else ""
            role = self._roles.get((binding.role_kind, namespace, binding.role_name))
            if role is not None:
                yield binding, role


def groups_of(user: str) -> frozenset[str]:
    """Returns the groups that every token of a ServiceAccount carries; for others, the common one.

    Source: k8s.io/apiserver pkg/authentication/serviceaccount (MakeGroupNames).
    """
    if not user.startswith(_SERVICE_ACCOUNT):
        return frozenset({"system:authenticated"})
    namespace = user.removeprefix(_SERVICE_ACCOUNT).partition(":")[0]
    return frozenset(
        {
            "system:authenticated",
            "system:serviceaccounts",
            f"system:serviceaccounts:{namespace}",
        }
    )


def names(subject: Subject, binding: BindingObject, user: str) -> bool:
    """Returns whether a binding's subject is this very user, and not a group that holds it."""
    return subject.kind != "Group" and _is(subject, binding, user, frozenset())


def _is(subject: Subject, binding: BindingObject, user: str, groups: frozenset[str]) -> bool:
    if subject.kind == "User":
        return subject.name == user
    if subject.kind == "Group":
        return subject.name in groups
    namespace = subject.namespace or binding.namespace
    return bool(namespace) and user == f"{_SERVICE_ACCOUNT}{namespace}:{subject.name}"
