"""The smallest roles under which the run would have gone the same way.

Kept is what was used, and what stands behind a request unseen: an apply's create, rights that are
handed on, what admission asks for. Left out is what no exercised path used, with the reason why it
may still be right: a run doesn't walk every path of an operator.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from harness.analysis.rbac.dangers import marked
from harness.analysis.rbac.ledger import ledger
from harness.model.access import GrantState, RbacReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.evidence.reader import Evidence
    from harness.model.access import Grant, GrantUse

__all__ = ["minimal_roles", "permissions"]

_BY_NAME = frozenset({"get", "update", "patch", "delete"})
_FEW = 3
_ORDER = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
_HEADER = (
    "Roles that allow what the operator used in run {run}, and nothing else.",
    "Exercised: {windows}.",
    "What other paths need isn't in them: see the lines at the end.",
)


class _Place(NamedTuple):
    """Where a rule goes: an identity, and a namespace or all of them."""

    identity: str
    namespace: str


class _What(NamedTuple):
    group: str
    resource: str
    names: tuple[str, ...]
    url: str


def permissions(evidence: Evidence) -> RbacReport | None:
    """Returns what a run says about permissions; None where it never looked at roles."""
    if not evidence.access():
        return None
    book = ledger(evidence)
    uses = marked(evidence.target, book.uses)
    roles = [] if book.gap else minimal_roles(uses, _home(evidence))
    windows = tuple(phase.name for phase in evidence.phases())
    return RbacReport(
        uses=uses,
        gap=book.gap,
        windows=windows,
        minimal=_text(evidence, roles, uses, windows) if roles else "",
        markers=tuple(marker for role in roles for marker in _markers(role)),
    )


def minimal_roles(uses: Iterable[GrantUse], home: str) -> list[dict[str, Any]]:
    """Returns Roles and ClusterRoles, one for each identity and namespace.

    A cluster-wide grant that was used in the operator's own namespace alone becomes a Role there,
    by name where the names were few; any other namespace of a run is a test's own, and says
    nothing about where an operator must work.

    Args:
        uses: The ledger.
        home: The operator's own namespace.
    """
    wanted: dict[_Place, dict[_What, set[str]]] = defaultdict(lambda: defaultdict(set))
    for use in uses:
        if use.state is GrantState.UNOBSERVED:
            continue
        namespace = use.grant.namespace or (home if set(use.namespaces) == {home} else "")
        verbs = _kept(use)
        names = _names(use, in_home=namespace == home)
        for verb in verbs:
            by_name = names if verb in _BY_NAME else use.grant.names
            what = _What(use.grant.group, use.grant.resource, by_name, use.grant.url)
            wanted[_Place(use.grant.identity, namespace)][what].add(verb)
    return [_role(place, rules) for place, rules in sorted(wanted.items())]


def _kept(use: GrantUse) -> tuple[str, ...]:
    """A bundle of reads is kept whole: an informer lists, watches, and falls back."""
    if len(use.grant.verbs) > 1 or not use.used_verbs:
        return use.grant.verbs
    return use.used_verbs


def _names(use: GrantUse, *, in_home: bool) -> tuple[str, ...]:
    if use.grant.names:
        return use.grant.names
    reads = {"list", "watch"} & set(use.used_verbs)
    few = 0 < len(use.names) <= _FEW
    return tuple(sorted(use.names)) if in_home and few and not reads else ()


def _home(evidence: Evidence) -> str:
    return evidence.installation.namespace if evidence.installation else ""


def _role(place: _Place, wanted: dict[_What, set[str]]) -> dict[str, Any]:
    """Puts together what has the same verbs, and names resources in a stable order."""
    alike: dict[tuple[str, tuple[str, ...], tuple[str, ...], bool], list[str]] = defaultdict(list)
    for what, verbs in wanted.items():
        ordered = tuple(sorted(verbs, key=lambda verb: (_rank(verb), verb)))
        key = (what.group, what.names, ordered, bool(what.url))
        alike[key].append(what.url or what.resource)
    rules = [
        {"nonResourceURLs": sorted(found), "verbs": list(verbs)}
        if is_url
        else {
            "apiGroups": [group],
            "resources": sorted(found),
            **({"resourceNames": list(names)} if names else {}),
            "verbs": list(verbs),
        }
        for (group, names, verbs, is_url), found in sorted(alike.items())
    ]
    name = f"{place.identity.rpartition(':')[2]}-minimal"
    metadata = {"name": name} | ({"namespace": place.namespace} if place.namespace else {})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role" if place.namespace else "ClusterRole",
        "metadata": metadata,
        "rules": rules,
    }


def _rank(verb: str) -> int:
    return _ORDER.index(verb) if verb in _ORDER else len(_ORDER)


def _text(
    evidence: Evidence,
    roles: Sequence[dict[str, Any]],
    uses: Iterable[GrantUse],
    windows: Sequence[str],
) -> str:
    header = [
        line.format(run=evidence.manifest.id, windows=", ".join(windows) or "no window")
        for line in _HEADER
    ]
    left_out = [
        f"{use.grant.role}, rule {use.grant.rule}: {_words(use.grant)}"
        + (f" ({use.note})" if use.note else "")
        for use in uses
        if use.state is GrantState.UNOBSERVED
    ]
    tail = ["Not used by what was exercised, and so left out:", *left_out] if left_out else []
    return "".join(
        [
            *(f"# {line}\n" for line in header),
            yaml.safe_dump_all(roles, sort_keys=False, explicit_start=True),
            *(f"# {line}\n" for line in tail),
        ]
    )


def _words(grant: Grant) -> str:
    return f"{', '.join(grant.verbs)} {grant.key}"


def _markers(role: dict[str, Any]) -> list[str]:
    """Returns controller-gen's markers; a namespace of its own makes a Role."""
    namespace = role["metadata"].get("namespace", "")
    lines = []
    for rule in role["rules"]:
        if "nonResourceURLs" in rule:
            parts = [f"urls={';'.join(rule['nonResourceURLs'])}"]
        else:
            groups = ";".join(group or '""' for group in rule["apiGroups"])
            parts = [f"groups={groups}", f"resources={';'.join(rule['resources'])}"]
        if "resourceNames" in rule:
            parts.append(f"resourceNames={';'.join(rule['resourceNames'])}")
        parts.append(f"verbs={';'.join(rule['verbs'])}")
        if namespace:
            parts.append(f"namespace={namespace}")
        lines.append(f"// +kubebuilder:rbac:{','.join(parts)}")
    return lines
