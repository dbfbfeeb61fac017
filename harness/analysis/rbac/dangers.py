"""RBA-101 to RBA-117: grants that are dangerous, whoever holds them and however they're used.

Each is judged on what is bound, in the forms that a look at the manifests misses: a wildcard that
reaches a resource, `watch` alone on Secrets, `get` alone on nodes/proxy, two rules in two roles
that are harmless by themselves.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness.analysis.rbac.ledger import ledger
from harness.analysis.rbac.narrowing import narrowed
from harness.analysis.rbac.rules import ALL
from harness.model.findings import EvidenceRef, Holder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.analysis.case import Case
    from harness.evidence.reader import Evidence
    from harness.model.access import Grant, GrantUse
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.target import Target

__all__ = ["DANGERS", "judge_danger", "marked"]

_CORE, _APPS, _BATCH = "", "apps", "batch"
_RBAC = "rbac.authorization.k8s.io"
_CERTIFICATES = "certificates.k8s.io"
_READ = frozenset({"get", "list", "watch"})
_CHANGE = frozenset({"create", "update", "patch"})
_WRITE = _CHANGE | {"delete", "deletecollection"}
_SHOWN = 12


class _Asked(NamedTuple):
    """Some verbs on some resources of one group."""

    group: str
    resources: frozenset[str]
    verbs: frozenset[str]

    def verbs_of(self, grant: Grant) -> tuple[str, ...]:
        if grant.group != self.group or grant.resource not in self.resources:
            return ()
        return tuple(verb for verb in grant.verbs if verb in self.verbs or verb == ALL)


def _on(group: str, resources: str, verbs: Iterable[str]) -> _Asked:
    return _Asked(group, frozenset(resources.split()), frozenset(verbs))


_RESOURCES: Mapping[str, tuple[_Asked, ...]] = {
    "RBA-103": (_on(_CORE, "secrets", _READ),),
    "RBA-104": (
        _on(_CORE, "pods replicationcontrollers", _CHANGE),
        _on(_APPS, "deployments statefulsets daemonsets replicasets", _CHANGE),
        _on(_BATCH, "jobs cronjobs", _CHANGE),
    ),
    "RBA-105": (_on(_CORE, "persistentvolumes", {"create"}),),
    "RBA-106": (_on(_CORE, "nodes/proxy", _READ | _WRITE),),  # get alone executes, by websocket
    "RBA-107": (
        _on(_CORE, "pods/exec pods/attach pods/portforward", {"get", "create"}),
        _on(_CORE, "pods/ephemeralcontainers", {"update", "patch"}),
    ),
    "RBA-108": (_on(_RBAC, "roles clusterroles", {"escalate"}),),
    "RBA-109": (_on(_RBAC, "roles clusterroles", {"bind"}),),
    "RBA-110": (
        _on(_CORE, "users groups serviceaccounts", {"impersonate"}),
        _on("authentication.k8s.io", "uids userextras", {"impersonate"}),
    ),
    "RBA-112": (_on(_CORE, "serviceaccounts/token", {"create"}),),
    "RBA-113": (
        _on(
            "admissionregistration.k8s.io",
            "validatingwebhookconfigurations mutatingwebhookconfigurations",
            _CHANGE,
        ),
    ),
    "RBA-114": (_on(_CORE, "namespaces", {"update", "patch"}),),
    "RBA-116": (_on(_RBAC, "roles clusterroles rolebindings clusterrolebindings", _CHANGE),),
    "RBA-117": (
        _on(_CORE, "events", {"delete", "deletecollection"}),
        _on("events.k8s.io", "events", {"delete", "deletecollection"}),
        _on(_CORE, "pods/status services/status nodes/status", {"update", "patch"}),
    ),
}

_SIGNING = (
    _on(_CERTIFICATES, "certificatesigningrequests", {"create"}),
    _on(_CERTIFICATES, "certificatesigningrequests/approval", {"update", "patch"}),
)


class _Danger(NamedTuple):
    """A dangerous grant, and which of its verbs make it so."""

    use: GrantUse
    verbs: tuple[str, ...]


def judge_danger(case: Case) -> CheckOutcome:
    """Judges one of `DANGERS` on all grants of the operator's identities."""
    book = ledger(case.evidence)
    if not book.uses:
        return case.undecided(book.gap or "no role is bound to the operator's identities")
    found = DANGERS[case.info.id](case.info.id, case.evidence.target, book.uses)
    by_role: dict[tuple[str, str], list[_Danger]] = defaultdict(list)
    for danger in found:
        grant = danger.use.grant
        by_role[grant.role, grant.binding].append(danger)
    return case.decided([_finding(case, dangers, book.gap) for dangers in by_role.values()])


def _listed(check: str, _target: Target, uses: Sequence[GrantUse]) -> list[_Danger]:
    """Grants of the resources that the table above names."""
    return [
        _Danger(use, verbs)
        for use in uses
        for asked in _RESOURCES[check]
        if (verbs := asked.verbs_of(use.grant)) or (verbs := _extras(check, use.grant))
        if not (check == "RBA-103" and use.grant.names)
    ]


def _extras(check: str, grant: Grant) -> tuple[str, ...]:
    """Extras are named with their key: "userextras/scopes"."""
    named = grant.group == "authentication.k8s.io" and grant.resource.startswith("userextras/")
    wanted = check == "RBA-110" and named
    return tuple(verb for verb in grant.verbs if wanted and verb in ("impersonate", ALL))


def _wildcards(_check: str, _target: Target, uses: Sequence[GrantUse]) -> list[_Danger]:
    """One for each rule with a wildcard: what it reaches today says nothing of tomorrow."""
    rules: dict[tuple[str, str, str, int], GrantUse] = {}
    for use in uses:
        grant = use.grant
        if grant.wildcard or grant.url == ALL:
            rules.setdefault((grant.identity, grant.binding, grant.role, grant.rule), use)
    return [_Danger(use, use.grant.verbs) for use in rules.values()]


def _admins(_check: str, _target: Target, uses: Sequence[GrantUse]) -> list[_Danger]:
    """The role of that name, by whichever kind of binding."""
    bindings: dict[str, GrantUse] = {}
    for use in uses:
        if use.grant.role == "ClusterRole cluster-admin":
            bindings.setdefault(use.grant.binding, use)
    return [_Danger(use, use.grant.verbs) for use in bindings.values()]


def _signers(_check: str, _target: Target, uses: Sequence[GrantUse]) -> list[_Danger]:
    """Both halves, wherever they come from: who asks for a certificate and approves it."""
    halves = [
        [_Danger(use, verbs) for use in uses if (verbs := asked.verbs_of(use.grant))]
        for asked in _SIGNING
    ]
    return [danger for half in halves for danger in half] if all(halves) else []


def _foreign(_check: str, target: Target, uses: Sequence[GrantUse]) -> list[_Danger]:
    """Writes of CRDs, and of custom resources that aren't the target's."""
    own = {kind.resource.partition(".")[2] for kind in target.kinds}
    own |= {key.partition(".")[2] for key in target.scope.owns}
    crds = _on("apiextensions.k8s.io", "customresourcedefinitions", _WRITE)
    found = []
    for use in uses:
        grant = use.grant
        custom = "." in grant.group and not grant.group.endswith(".k8s.io")
        verbs = crds.verbs_of(grant)
        if custom and grant.group not in own:
            verbs = tuple(verb for verb in grant.verbs if verb in _WRITE or verb == ALL)
        if verbs:
            found.append(_Danger(use, verbs))
    return found


DANGERS: Mapping[str, Callable[[str, Target, Sequence[GrantUse]], list[_Danger]]] = {
    **dict.fromkeys(_RESOURCES, _listed),
    "RBA-101": _wildcards,
    "RBA-102": _admins,
    "RBA-111": _signers,
    "RBA-115": _foreign,
}
"""What finds the dangerous grants of a check, by its id."""


def marked(target: Target, uses: Sequence[GrantUse]) -> tuple[GrantUse, ...]:
    """Returns the ledger with the checks that call a grant dangerous."""
    checks: dict[Grant, list[str]] = defaultdict(list)
    for check, find in sorted(DANGERS.items()):
        for danger in find(check, target, uses):
            checks[danger.use.grant].append(check)
    return tuple(
        msgspec.structs.replace(use, dangers=tuple(checks[use.grant]))
        if use.grant in checks
        else use
        for use in uses
    )


def _finding(case: Case, dangers: Sequence[_Danger], gap: str) -> Finding:
    first = dangers[0].use.grant
    where = f"in {first.namespace}" if first.namespace else "in all namespaces"
    words = _words(dangers)
    more = f"; and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return case.finding(
        f"{first.role} grants the operator {_short(dangers, words)} {where}",
        subject=first.role,
        detail="\n".join(
            [
                f"Granted: {'; '.join(words[:_SHOWN])}{more}.",
                f"By {first.binding}, to {first.identity}.",
                *([f"Use isn't known: {gap}."] if gap else _uses(dangers)),
            ]
        ),
        evidence=_evidence(case.evidence, dangers),
        snippet="" if gap else narrowed([(danger.use, danger.verbs) for danger in dangers]),
        holder=Holder(
            identity=first.identity,
            role=first.role,
            binding=first.binding,
            rules=tuple(sorted({danger.use.grant.rule for danger in dangers})),
        ),
    )


def _evidence(evidence: Evidence, dangers: Sequence[_Danger]) -> list[EvidenceRef]:
    """Where the rule was seen, and the first request that used it, for each."""
    snapshots = sorted(evidence.run.access.glob("*.json"))
    refs = [EvidenceRef(file=evidence.place(path)) for path in snapshots[-1:]]
    used = [danger.use for danger in dangers if set(danger.verbs) & set(danger.use.used_verbs)]
    refs += [
        EvidenceRef(file=evidence.place(use.file), line=use.line)
        for use in used[:_SHOWN]
        if use.line
    ]
    return refs


def _short(dangers: Sequence[_Danger], words: Sequence[str]) -> str:
    if dangers[0].use.grant.wildcard and dangers[0].verbs == dangers[0].use.grant.verbs:
        rules = sorted({danger.use.grant.rule for danger in dangers})
        return f"what it names by a wildcard (rule {', '.join(map(str, rules))})"
    return "; ".join(words[:3]) + (" …" if len(words) > 3 else "")  # noqa: PLR2004 - a title's length


def _words(dangers: Sequence[_Danger]) -> list[str]:
    """Returns "create, update deployments.apps" for each resource."""
    verbs: dict[str, dict[str, None]] = {}
    for danger in dangers:
        names = danger.use.grant.names
        only = f" (only {', '.join(names)})" if names else ""
        verbs.setdefault(danger.use.grant.key + only, {}).update(dict.fromkeys(danger.verbs))
    return [f"{', '.join(each)} {key}" for key, each in verbs.items()]


def _uses(dangers: Sequence[_Danger]) -> list[str]:
    lines = []
    for use, verbs in dangers[:_SHOWN]:
        used = [verb for verb in use.used_verbs if verb in verbs]
        what = f"{', '.join(verbs)} {use.grant.key}"
        if not used:
            lines.append(f"{what}: {use.state.replace('_', ' ')} in this run.")
            continue
        times = "once" if use.count == 1 else f"{use.count} times"
        places = ", ".join(place or "cluster-wide" for place in use.namespaces)
        names = f"; objects: {', '.join(use.names)}" if use.names else ""
        lines.append(f"{what}: used {times} ({places}{names}).")
    return lines
