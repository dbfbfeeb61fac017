"""The smallest roles as a change of those that are bound today.

A role keeps its name and its place; a rule of which all is needed stays as it is written. What was
used in fewer namespaces than it's granted in moves to a new role there. A role that Kubernetes
ships, or that is bound to others too, isn't changed: a comment says so.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import yaml

from harness.analysis.rbac.authorizer import names
from harness.analysis.rbac.minimal import (
    API,
    Place,
    What,
    minimal_roles,
    places,
    rules_for,
    with_bindings,
)
from harness.model.access import GrantState

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from harness.analysis.rbac.stable import Surroundings
    from harness.model.access import AccessSnapshot, GrantUse, PolicyRule, RoleObject

__all__ = ["difference"]

_WHOLE = 100_000
"""Lines of context: today's role isn't at hand as a file, so the diff shows all of it."""

_Wanted = dict[What, set[str]]


def difference(uses: Sequence[GrantUse], access: AccessSnapshot, surroundings: Surroundings) -> str:
    """Returns a unified diff, one file a role; empty where there is nothing to change.

    Args:
        uses: The ledger.
        access: Roles and bindings.
        surroundings: Says which namespaces and names are the operator's own.
    """
    identities = {use.grant.identity for use in uses}
    by_role: dict[str, list[GrantUse]] = defaultdict(list)
    for use in uses:
        by_role[use.grant.role].append(use)
    parts: list[str] = []
    moved: list[GrantUse] = []
    for role in access.roles:
        found = by_role.get(str(role), [])
        obstacle = _obstacle(role, access, identities) if found else ""
        if obstacle and any(_is_vain(use, surroundings) for use in found):
            parts.append(f"# {role} {obstacle}, so it isn't changed: see rbac-minimal.yaml.\n")
        elif found and not obstacle:
            parts += _changed(role, _reduced(role, found, surroundings))
            moved += [use for use in found if _moves(use, surroundings)]
    new = with_bindings(minimal_roles(moved, surroundings))
    return "".join([*parts, *(line for body in new for line in _diff("", body))])


def _obstacle(role: RoleObject, access: AccessSnapshot, identities: Collection[str]) -> str:
    if role.default:
        return "is Kubernetes' own"
    others = [
        subject.name
        for binding in access.bindings
        if (binding.role_kind, binding.role_name) == (role.kind, role.name)
        and role.namespace in ("", binding.namespace)
        for subject in binding.subjects
        if not any(names(subject, binding, user) for user in identities)
    ]
    return f"is bound to {', '.join(dict.fromkeys(others))}, too" if others else ""


def _moves(use: GrantUse, surroundings: Surroundings) -> bool:
    """Whether a cluster-wide grant is needed in some namespaces only."""
    return any(place.namespace != use.grant.namespace for place in places(use, surroundings))


def _is_vain(use: GrantUse, surroundings: Surroundings) -> bool:
    return use.state is GrantState.UNOBSERVED or _moves(use, surroundings)


def _reduced(
    role: RoleObject, uses: Sequence[GrantUse], surroundings: Surroundings
) -> list[dict[str, Any]]:
    """Returns the rules that a role keeps."""
    rules: list[dict[str, Any]] = []
    for index, rule in enumerate(role.rules):
        kept: _Wanted = defaultdict(set)
        granted: _Wanted = defaultdict(set)
        literal = True
        for use in uses:
            if use.grant.rule != index:
                continue
            grant = use.grant
            literal = literal and not grant.wildcard
            granted[What(grant.group, grant.resource, grant.names, grant.url)] |= set(grant.verbs)
            needed = places(use, surroundings).get(Place(grant.identity, grant.namespace), {})
            for what, verbs in needed.items():
                kept[what] |= verbs
        if literal and kept == granted:
            rules.append(_today(rule))
        else:
            rules += rules_for(kept, like=rule)
    return rules


def _today(rule: PolicyRule) -> dict[str, Any]:
    """Returns a rule as manifests write it."""
    if rule.non_resource_urls:
        return {"nonResourceURLs": list(rule.non_resource_urls), "verbs": list(rule.verbs)}
    names_ = {"resourceNames": list(rule.resource_names)} if rule.resource_names else {}
    return {
        "apiGroups": list(rule.api_groups),
        "resources": list(rule.resources),
        **names_,
        "verbs": list(rule.verbs),
    }


def _changed(role: RoleObject, rules: list[dict[str, Any]]) -> list[str]:
    place = {"namespace": role.namespace} if role.namespace else {}
    today = {
        "apiVersion": f"{API}/v1",
        "kind": role.kind,
        "metadata": {"name": role.name, **place},
        "rules": [_today(rule) for rule in role.rules],
    }
    return _diff(_yaml(today), {**today, "rules": rules})


def _diff(before: str, after: dict[str, Any]) -> list[str]:
    meta = after["metadata"]
    words = (after["kind"].lower(), meta.get("namespace", ""), meta["name"].replace(":", "-"))
    file = f"{'-'.join(word for word in words if word)}.yaml"
    return list(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            _yaml(after).splitlines(keepends=True),
            f"a/{file}" if before else "/dev/null",
            f"b/{file}",
            n=_WHOLE,
        )
    )


def _yaml(body: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(body, sort_keys=False)
    return text
