"""Rules spread out: one row for each resource and verb that an identity may use, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.rbac.rules import ALL, READS
from harness.model.access import Grant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.analysis.rbac.authorizer import BoundRule
    from harness.model.access import PolicyRule, ServedResource

__all__ = ["UNAUDITED_VERBS", "spread"]

UNAUDITED_VERBS = frozenset({"bind", "escalate", "use", "approve", "sign", "attest"})
"""Checked inside a handler or an admission plugin; discovery doesn't list them either."""

_RBAC = "rbac.authorization.k8s.io"
_HIDDEN = {
    (_RBAC, "clusterroles"): ("bind", "escalate"),
    (_RBAC, "roles"): ("bind", "escalate"),
    ("", "serviceaccounts"): ("impersonate",),
}
"""What a wildcard for verbs holds besides those that discovery lists."""


def spread(identity: str, bound: BoundRule, served: Iterable[ServedResource]) -> tuple[Grant, ...]:
    """Returns what one bound rule grants.

    Wildcards are resolved to what the server serves and the binding reaches; what a rule names
    literally stays, served or not. A rule that reaches every resource or verb also covers kinds
    that don't exist yet: such grants say `wildcard`.

    Args:
        identity: User name.
        bound: The rule.
        served: All resources and subresources of the cluster.
    """
    rule = bound.rule
    wildcard = ALL in (*rule.verbs, *rule.resources, *rule.api_groups) or any(
        resource.startswith("*/") for resource in rule.resources
    )

    def grant(**what: object) -> Grant:
        return Grant(
            identity=identity,
            namespace=bound.binding.namespace,
            binding=str(bound.binding),
            role=str(bound.role),
            rule=bound.index,
            wildcard=wildcard,
            **what,  # type: ignore[arg-type] # each caller below gives the field's own type
        )

    found = [
        grant(group=group, resource=resource, verbs=verbs, names=rule.resource_names)
        for group, resource, offered in _resources(rule, tuple(_reached(bound, served)))
        for verbs in _bundles(_verbs(rule, _complete(offered, group, resource)))
    ]
    if not bound.binding.namespace:  # a RoleBinding gives no URLs
        found += [
            grant(url=url, verbs=verbs)
            for url in rule.non_resource_urls
            for verbs in _bundles(_verbs(rule, ("get", "post", "put", "delete", "head")))
        ]
    return tuple(found)


def _reached(bound: BoundRule, served: Iterable[ServedResource]) -> Iterator[ServedResource]:
    """Yields what a binding can reach: of a namespace, its objects and the Namespace itself."""
    for item in served:
        own = not item.group and item.resource.partition("/")[0] == "namespaces"
        if not bound.binding.namespace or item.namespaced or own:
            yield item


def _resources(
    rule: PolicyRule, served: tuple[ServedResource, ...]
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yields group, resource and the verbs that the server offers for it, each once."""
    seen: set[tuple[str, str]] = set()
    offered = {(item.group, item.resource): item.verbs for item in served}
    for pattern in rule.resources:
        for group in rule.api_groups:
            if pattern != ALL and not pattern.startswith("*/") and group != ALL:
                matches = [(group, pattern)]
            else:
                matches = [key for key in offered if _matches(pattern, group, key)]
            for key in matches:
                if key not in seen:
                    seen.add(key)
                    yield (*key, offered.get(key) or _unserved(key[1]))


def _unserved(resource: str) -> tuple[str, ...]:
    """What may be asked of a resource that the server doesn't list."""
    return ("update",) if resource.endswith("/finalizers") else ()


def _complete(verbs: tuple[str, ...], group: str, resource: str) -> tuple[str, ...]:
    """Returns the verbs of a served resource with those that discovery doesn't list."""
    return (*verbs, *_HIDDEN.get((group, resource), ())) if verbs else ()


def _matches(pattern: str, group: str, key: tuple[str, str]) -> bool:
    if group not in (ALL, key[0]):
        return False
    if pattern.startswith("*/"):
        return key[1].partition("/")[2] == pattern[2:]
    return pattern in (ALL, key[1])


def _verbs(rule: PolicyRule, offered: Iterable[str]) -> tuple[str, ...]:
    if ALL not in rule.verbs:
        return tuple(dict.fromkeys(rule.verbs))
    return tuple(offered) or (ALL,)


def _bundles(verbs: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Puts get, list and watch together; all other verbs stand alone."""
    reads = tuple(verb for verb in READS if verb in verbs)
    others: list[tuple[str, ...]] = [(verb,) for verb in verbs if verb not in READS]
    return [reads, *others] if reads else others
