"""The smallest roles under which the run would have gone the same way.

Kept is what was used, and what stands behind a request unseen: an apply's create, rights that are
handed on, what admission asks for. Left out is what no exercised path used, with the reason why it
may still be right: a run doesn't walk every path of an operator.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.analysis.rbac.ledger import ledger
from harness.analysis.rbac.rules import ALL
from harness.analysis.rbac.stable import Surroundings
from harness.model.access import GrantState, PolicyRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.evidence.reader import Evidence
    from harness.model.access import GrantUse

__all__ = [
    "Place",
    "What",
    "minimal_roles",
    "places",
    "rules_for",
    "smallest_access",
    "with_bindings",
]

API = "rbac.authorization.k8s.io"
_ACCOUNT = "system:serviceaccount:"
_BY_NAME = frozenset({"get", "update", "patch", "delete"})
_FEW = 3
_ORDER = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
_NO_RULE = PolicyRule()
_NARROWED = frozenset({GrantState.USED, GrantState.INDIRECT})


class Place(NamedTuple):
    """Where a rule goes: an identity, and a namespace or all of them."""

    identity: str
    namespace: str


class What(NamedTuple):
    """What a rule is about, without its verbs."""

    group: str
    resource: str
    names: tuple[str, ...]
    url: str


def smallest_access(evidence: Evidence) -> tuple[list[dict[str, Any]], str]:
    """Returns the smallest roles with their bindings, and why there are none.

    Returns:
        Kubernetes objects, and a reason, of which one is empty.
    """
    book = ledger(evidence)
    if book.gap:
        return [], book.gap
    found = with_bindings(minimal_roles(book.uses, Surroundings(evidence)))
    return found, "" if found else "no role is bound to the operator's identities"


def minimal_roles(
    uses: Iterable[GrantUse], surroundings: Surroundings
) -> dict[Place, dict[str, Any]]:
    """Returns Roles and ClusterRoles, one for each identity and namespace.

    A cluster-wide grant that was used in namespaces of the operator's own alone becomes a Role
    there, by name where the names were few and stay the same.

    Args:
        uses: The ledger.
        surroundings: Says which namespaces and names are the operator's own.
    """
    wanted: dict[Place, dict[What, set[str]]] = defaultdict(lambda: defaultdict(set))
    for use in uses:
        for place, kept in places(use, surroundings).items():
            for what, verbs in kept.items():
                wanted[place][what] |= verbs
    names = _names(wanted)
    return {
        place: _role(names[place], place.namespace, rules_for(rules))
        for place, rules in sorted(wanted.items())
    }


def places(use: GrantUse, surroundings: Surroundings) -> Mapping[Place, dict[What, set[str]]]:
    """Returns what must be kept of a grant, and where; nothing of one that nobody needed."""
    if use.state is GrantState.UNOBSERVED:
        return {}
    grant = use.grant
    found: dict[Place, dict[What, set[str]]] = {}
    for namespace in _namespaces(use, surroundings):
        names = _names_of(use, namespace, surroundings)
        kept: dict[What, set[str]] = defaultdict(set)
        for verb in _kept(use):
            by_name = names if verb in _BY_NAME else grant.names
            kept[What(grant.group, grant.resource, by_name, grant.url)].add(verb)
        found[Place(grant.identity, namespace)] = kept
    return found


def _namespaces(use: GrantUse, surroundings: Surroundings) -> tuple[str, ...]:
    used = set(use.namespaces)
    if use.grant.namespace or use.state not in _NARROWED or not used <= surroundings.namespaces:
        return (use.grant.namespace,)
    return tuple(sorted(used)) or ("",)


def _kept(use: GrantUse) -> tuple[str, ...]:
    """A bundle of reads is kept whole: an informer lists, watches, and falls back."""
    if len(use.grant.verbs) > 1 or not use.used_verbs:
        return use.grant.verbs
    return use.used_verbs


def _names_of(use: GrantUse, namespace: str, surroundings: Surroundings) -> tuple[str, ...]:
    """Who may list needs no names; nor can admission and others' roles be told by name."""
    grant = use.grant
    alone = len(grant.verbs) == 1 and use.state is GrantState.USED and not use.note
    if grant.names or not alone or not 0 < len(use.names) <= _FEW:
        return grant.names
    if namespace and namespace not in surroundings.namespaces:
        return ()
    kept = all(surroundings.keeps(grant.key, namespace, name) for name in use.names)
    return tuple(sorted(use.names)) if kept else ()


def rules_for(
    wanted: Mapping[What, Iterable[str]], like: PolicyRule = _NO_RULE
) -> list[dict[str, Any]]:
    """Puts together what has the same verbs, in a stable order.

    Args:
        wanted: Verbs, by what they are for.
        like: A rule whose order of verbs and resources is kept; others follow by the alphabet.
    """
    alike: dict[tuple[str, tuple[str, ...], tuple[str, ...], bool], set[str]] = defaultdict(set)
    verbs_before = _ORDER if ALL in like.verbs else like.verbs or _ORDER
    before = like.resources + like.non_resource_urls
    for what, verbs in wanted.items():
        ordered = tuple(sorted(verbs, key=lambda verb: _rank(verb, verbs_before)))
        key = (what.group, what.names, ordered, bool(what.url))
        alike[key].add(what.url or what.resource)
    groups = [
        (sorted(found, key=lambda item: _rank(item, before)), key) for key, found in alike.items()
    ]
    return [
        _rule(found, key)
        for found, key in sorted(groups, key=lambda item: (_rank(item[0][0], before)[0], item[1]))
    ]


def _rule(
    found: list[str], key: tuple[str, tuple[str, ...], tuple[str, ...], bool]
) -> dict[str, Any]:
    group, names, verbs, is_url = key
    if is_url:
        return {"nonResourceURLs": found, "verbs": list(verbs)}
    return {
        "apiGroups": [group],
        "resources": found,
        **({"resourceNames": list(names)} if names else {}),
        "verbs": list(verbs),
    }


def _names(wanted: Iterable[Place]) -> dict[Place, str]:
    """Names roles by their account; by its namespace, too, where two would be one."""
    short = {place: place.identity.rpartition(":")[2] for place in wanted}
    taken = Counter((place.namespace, name) for place, name in short.items())
    return {
        place: f"{name}-minimal"
        if taken[place.namespace, name] == 1
        else f"{place.identity.removeprefix(_ACCOUNT).replace(':', '-')}-minimal"
        for place, name in short.items()
    }


def _role(name: str, namespace: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": f"{API}/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "rules": rules,
    }


def _rank(word: str, order: Sequence[str]) -> tuple[int, str]:
    return (order.index(word) if word in order else len(order), word)


def with_bindings(roles: Mapping[Place, dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns roles, each with a binding to its identity behind it."""
    return [body for place, role in roles.items() for body in (role, _binding(place, role))]


def _binding(place: Place, role: dict[str, Any]) -> dict[str, Any]:
    if place.identity.startswith(_ACCOUNT):
        namespace, _, name = place.identity.removeprefix(_ACCOUNT).partition(":")
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    else:
        subject = {"kind": "User", "name": place.identity, "apiGroup": API}
    return {
        "apiVersion": role["apiVersion"],
        "kind": f"{role['kind']}Binding",
        "metadata": dict(role["metadata"]),
        "roleRef": {"apiGroup": API, "kind": role["kind"], "name": role["metadata"]["name"]},
        "subjects": [subject],
    }
