"""Stage 1: which rules a workload's ServiceAccount holds, from roles and bindings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.manifests.objects import (
    Object,
    find,
    group_of,
    kind_of,
    name_of,
    namespace_of,
    pod_spec,
    selected,
    strings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Grant", "account_of", "grants_of", "serves"]

_RBAC = "rbac.authorization.k8s.io"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that an identity holds.

    Attributes:
        namespace: Where it holds; empty for everywhere.
        role: Name of the role that has it.
    """

    rule: dict[str, Any]  # a PolicyRule
    namespace: str
    role: str

    def allows(self, group: str, resource: str, verbs: Iterable[str]) -> bool:
        """Whether it allows any of some verbs on a resource."""
        groups, resources = self.rule.get("apiGroups") or (), self.rule.get("resources") or ()
        return (
            bool({"*", group} & set(groups))
            and bool({"*", resource} & set(resources))
            and bool({"*", *verbs} & set(self.rule.get("verbs") or ()))
        )


def account_of(workload: Object) -> tuple[str, str]:
    """Returns namespace and name of a workload's ServiceAccount."""
    name = pod_spec(workload).get("serviceAccountName") or "default"
    return namespace_of(workload) or "default", str(name)


def grants_of(workload: Object, manifests: Sequence[Object]) -> tuple[Grant, ...]:
    """Returns the rules of a workload's ServiceAccount."""
    namespace, account = account_of(workload)
    return tuple(
        Grant(rule=rule, namespace=place, role=name_of(role))
        for binding in manifests
        if group_of(binding) == _RBAC and _binds(binding, namespace, account)
        for role in _roles(binding, manifests)
        for place in [namespace_of(binding) or "default" if _is_local(binding) else ""]
        for rule in _rules(role, manifests)
    )


def _is_local(binding: Object) -> bool:
    return kind_of(binding) == "RoleBinding"


def _binds(binding: Object, namespace: str, account: str) -> bool:
    if kind_of(binding) not in {"RoleBinding", "ClusterRoleBinding"}:
        return False
    everyone = {"system:serviceaccounts", f"system:serviceaccounts:{namespace}"}
    for subject in binding.get("subjects") or ():
        place = str(subject.get("namespace") or namespace)
        name = subject.get("name")
        if subject.get("kind") == "Group" and name in everyone:
            return True
        # A place-holder such as REPLACE_NAMESPACE stands for the namespace of the install.
        if name == account and (place == namespace or place != place.lower()):
            return bool(subject.get("kind") == "ServiceAccount")
    return False


def _roles(binding: Object, manifests: Sequence[Object]) -> Iterator[Object]:
    reference = binding.get("roleRef") or {}
    kind = str(reference.get("kind"))
    place = namespace_of(binding) if kind == "Role" else None
    role = find(manifests, kind, str(reference.get("name")), place)
    if role is not None:
        yield role


def _rules(role: Object, manifests: Sequence[Object]) -> Iterator[dict[str, Any]]:
    yield from role.get("rules") or ()
    for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ():
        for other in manifests:
            labels = strings((other.get("metadata") or {}).get("labels"))
            if kind_of(other) == "ClusterRole" and other is not role and selected(labels, selector):
                yield from other.get("rules") or ()


def serves(grants: Iterable[Grant], resource: str) -> bool:
    """Whether an identity may watch a custom resource: an operator does."""
    plural, _, group = resource.partition(".")
    return any(grant.allows(group, plural, ("watch",)) for grant in grants)
