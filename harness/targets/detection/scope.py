"""Stage 1: which namespaces an operator serves, and which kinds it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.manifests.objects import Object, group_of, kind_of, namespace_of
from harness.manifests.watching import FLAGS, VARIABLES, is_kopf, kopf_namespaces
from harness.model.target import InstallMode, Webhooks
from harness.targets.detection.containers import env_of, flags_of
from harness.targets.detection.facts import FoundScope
from harness.targets.detection.grants import grants_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.targets.detection.containers import Container
    from harness.targets.detection.facts import Crd, Report
    from harness.targets.detection.grants import Grant
    from harness.targets.detection.workloads import Operator

__all__ = ["find_scope", "unknown_kinds"]

_FLAGS = (*FLAGS, "namespace")
_PATTERN = frozenset("*?![,")
"""Characters of a pattern in kopf's -n; it may mean namespaces that aren't there yet."""

_NOT_OWNED = {"events", "leases", "tokenreviews", "subjectaccessreviews", "endpoints"}
_NOT_OWNED |= {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "localsubjectaccessreviews"}
_MAKES = ("create", "patch")
_BUILT_IN = frozenset(
    (
        *("", "apps", "batch", "autoscaling", "policy", "apiextensions.k8s.io"),
        *("rbac.authorization.k8s.io", "admissionregistration.k8s.io", "networking.k8s.io"),
        *("scheduling.k8s.io", "storage.k8s.io", "coordination.k8s.io", "discovery.k8s.io"),
        *("node.k8s.io", "certificates.k8s.io", "flowcontrol.apiserver.k8s.io", "events.k8s.io"),
        *("authentication.k8s.io", "authorization.k8s.io", "apiregistration.k8s.io"),
        *("resource.k8s.io", "cert-manager.io"),  # whose objects the harness honours itself
    )
)


def find_scope(
    operators: Sequence[Operator], manifests: Sequence[Object], crds: Sequence[Crd], report: Report
) -> FoundScope:
    """Returns what the first operator's settings and all operators' rules tell."""
    grants = [g for item in operators for g in grants_of(item.deployment, manifests)]
    found: _Found | None = None
    if operators:
        home = namespace_of(operators[0].deployment) or "default"
        found = _by_setting(operators[0].container, home) or _by_rules(grants, crds, home)
    unlimited = (InstallMode.ALL_NAMESPACES, (), "nothing in the manifests limits it")
    mode, names, reason = found or unlimited
    return FoundScope(
        mode=mode,
        namespaces=names,
        reason=reason,
        owns=_owned(grants, crds, report),
        webhooks=_webhooks(grants, manifests),
    )


_Found = tuple[InstallMode, tuple[str, ...], str]


def _by_setting(container: Container, home: str) -> _Found | None:
    for name in VARIABLES:
        entry = env_of(container).get(name)
        if entry is None:
            continue
        if isinstance(entry.get("value"), str) or "valueFrom" not in entry:
            return _mode(str(entry.get("value") or ""), f"the variable {name}", home)
        path = str(((entry["valueFrom"] or {}).get("fieldRef") or {}).get("fieldPath") or "")
        if path == "metadata.namespace":
            reason = f"the variable {name} is its own namespace"
            return InstallMode.OWN_NAMESPACE, (), reason
        if "olm.targetNamespaces" in path:
            reason = f"the variable {name} comes from OLM, which leaves it empty here"
            return InstallMode.ALL_NAMESPACES, (), reason
    if is_kopf(container):
        return _kopf(container, home)
    flags = flags_of(container)
    for name in _FLAGS:
        if flags.get(name):
            return _mode(flags[name], f"the flag --{name}", home)
    return None


def _kopf(container: Container, home: str) -> _Found | None:
    names = kopf_namespaces(container)
    if not names:
        return InstallMode.ALL_NAMESPACES, (), "kopf is given no namespace by -n"
    if any(_PATTERN & set(name) for name in names):
        what = f"kopf's -n is a pattern, {', '.join(names)}"
        return InstallMode.ALL_NAMESPACES, (), what
    return _mode(",".join(names), "kopf's -n", home)


def _mode(value: str, what: str, home: str) -> _Found | None:
    names = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if not names or names == ("*",):
        return InstallMode.ALL_NAMESPACES, (), f"{what} is empty"
    if any("$(" in name for name in names):
        return InstallMode.OWN_NAMESPACE, (), f"{what} is {value}"
    if names == (home,):
        return InstallMode.OWN_NAMESPACE, (), f"{what} is its own namespace"
    mode = InstallMode.SINGLE_NAMESPACE if len(names) == 1 else InstallMode.MULTI_NAMESPACE
    return mode, names, f"{what} names them"


def _by_rules(grants: Sequence[Grant], crds: Sequence[Crd], home: str) -> _Found | None:
    places = [
        grant.namespace
        for grant in grants
        for crd in crds
        if grant.allows(crd.group, crd.plural, ("watch",))
    ]
    if not places or "" in places:
        return None
    found = _mode(",".join(sorted(set(places))), "its Role", home)
    return (
        (found[0], found[1], "it may watch them by a Role only, not a ClusterRole")
        if found
        else None
    )


def _owned(grants: Sequence[Grant], crds: Sequence[Crd], report: Report) -> tuple[str, ...]:
    groups = {crd.group for crd in crds}
    found: dict[str, None] = {}
    for grant in grants:
        if not {*_MAKES, "*"} & set(grant.rule.get("verbs") or ()) or "leader" in grant.role:
            continue
        for group in grant.rule.get("apiGroups") or ():
            for resource in grant.rule.get("resources") or ():
                if "*" in (group, resource):
                    report.lacks(
                        f"all the kinds that it makes: the role {grant.role} allows everything "
                        f"({group or 'core'}/{resource}); list them in scope.owns."
                    )
                elif group not in groups and "/" not in resource and resource not in _NOT_OWNED:
                    found[f"{resource}.{group}" if group else resource] = None
    return tuple(sorted(found))


def _webhooks(grants: Sequence[Grant], manifests: Sequence[Object]) -> Webhooks:
    """Returns who writes the CA: an operator that may change its configurations does."""
    group = "admissionregistration.k8s.io"
    plurals = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")
    may = any(
        grant.allows(group, name, ("update", "patch")) for grant in grants for name in plurals
    )
    injected = any(
        "cert-manager.io/inject-ca-from" in ((obj.get("metadata") or {}).get("annotations") or {})
        for obj in manifests
    )
    has = any(kind_of(obj).endswith("WebhookConfiguration") for obj in manifests)
    return Webhooks.SELF_MANAGED if has and may and not injected else Webhooks.MANAGED


def unknown_kinds(manifests: Sequence[Object], crds: Sequence[Crd]) -> tuple[str, ...]:
    """Returns the kinds of manifests that neither Kubernetes nor the CRDs bring."""
    groups = _BUILT_IN | {crd.group for crd in crds}
    return tuple(sorted({kind_of(obj) for obj in manifests if group_of(obj) not in groups}))
