"""What a run will ask of a cluster for a target, as requests that can be checked beforehand."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import ApiError
from harness.manifests.objects import (
    Object,
    describe,
    find,
    group_of,
    kind_of,
    name_of,
    namespace_of,
    pod_spec,
)
from harness.model.installation import InstallWay
from harness.model.target import InstallMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.kube.client import KubeClient
    from harness.model.target import Target

__all__ = ["RBAC", "Demand", "Demands", "named", "resource_of", "rules_demands"]

RBAC = "rbac.authorization.k8s.io"
_CERT_MANAGER = "cert-manager.io"
_READ = ("get", "list", "watch")
_MAKE = ("create", "patch", "delete", *_READ)
_CALLED = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "APIService")


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """One request that must be allowed.

    Attributes:
        group, resource, subresource, name: As the authorizer is asked; a resource is a plural.
        namespace: Empty for cluster-scoped resources, and for all namespaces.
        path: Instead of a resource.
        why: What it's for.
    """

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    why: str = ""


class Demands:
    """All that a run needs for one target.

    Args:
        client: Knows what the cluster serves and has.
        target: What is installed.
        manifests: As rendered; empty where the operator is there already.
        way: How it's installed.
    """

    def __init__(
        self, client: KubeClient, target: Target, manifests: Sequence[Object], way: InstallWay
    ) -> None:
        self._client = client
        self._target = target
        self._manifests = manifests
        self._way = way

    def all(self) -> list[Demand]:
        """Returns them, each once; what follows from roles is in `rules_demands`."""
        found = [*self._custom_resources(), *self._test_namespaces(), *self._workloads()]
        if self._way is not InstallWay.PRESENT:
            found += [*self._applied(), *self._certificates(), *self._metrics()]
        return list(dict.fromkeys(found))

    def _custom_resources(self) -> Iterator[Demand]:
        why = f"to exercise {self._target.name}"
        for kind in self._target.kinds:
            plural, _, group = kind.resource.partition(".")
            for verb in _MAKE:
                yield Demand(verb=verb, group=group, resource=plural, why=why)
        for key in self._target.scope.owns:
            plural, _, group = key.partition(".")
            for verb in _READ:
                yield Demand(verb=verb, group=group, resource=plural, why="to watch what it makes")
        yield Demand(verb="list", resource="events", why="to tell what became of it")

    def _test_namespaces(self) -> Iterator[Demand]:
        if self._target.scope.mode is InstallMode.ALL_NAMESPACES:
            yield from _each(_MAKE, "", "namespaces", why="for the namespaces of tests")

    def _workloads(self) -> Iterator[Demand]:
        if self._way is InstallWay.PRESENT:
            yield from _each(("get", "list"), "apps", "deployments", why="to find the operator")
            return
        for namespace, account in sorted(set(self._identities())):
            yield Demand(
                verb="create",
                resource="serviceaccounts",
                subresource="token",
                namespace=namespace,
                name=account,
                why="for the identity of the operator",
            )
            for resource in ("configmaps", "secrets"):
                why = "for what the operator's container refers to"
                yield Demand(verb="get", resource=resource, namespace=namespace, why=why)
        why = "to see who leads"
        yield from _each(("list", "watch"), "coordination.k8s.io", "leases", why=why)

    def _identities(self) -> Iterator[tuple[str, str]]:
        names = {item.deployment for item in self._target.workloads}
        for obj in self._manifests:
            if kind_of(obj) == "Deployment" and (not names or name_of(obj) in names):
                spec = pod_spec(obj)
                account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
                yield namespace_of(obj) or "default", str(account)

    def _applied(self) -> Iterator[Demand]:
        namespaces = {namespace_of(obj) for obj in self._manifests} | {
            *self._target.scope.namespaces
        }
        made = {name_of(obj) for obj in self._manifests if kind_of(obj) == "Namespace"}
        for name in sorted((namespaces | made) - {"", "default"}):
            if self._is_there("namespaces", name) is False:
                yield from _each(_MAKE, "", "namespaces", why=f"to make namespace {name}")
        for obj in self._manifests:
            if kind_of(obj) == "Namespace" or _is_left_out(obj, self._way):
                continue
            resource = resource_of(self._client, obj, self._manifests)
            if resource is not None:
                group, plural, namespaced = resource
                where = (namespace_of(obj) or "default") if namespaced else ""
                why = f"to apply {describe(obj)}"
                yield from _each(_MAKE, group, plural, namespace=where, why=why)

    def _certificates(self) -> Iterator[Demand]:
        """What cert-manager would make, and the serving certificates of webhooks, we make."""
        places = {
            namespace_of(obj) or "default"
            for obj in self._manifests
            if group_of(obj) == _CERT_MANAGER and kind_of(obj) == "Certificate"
        }
        if any(_is_called(obj) for obj in self._manifests):
            places |= {namespace for namespace, _ in self._identities()}
        for namespace in sorted(places):
            why = "for the operator's serving certificates"
            yield from _each(_MAKE, "", "secrets", namespace=namespace, why=why)

    def _metrics(self) -> Iterator[Demand]:
        if not any(item.metrics for item in self._target.workloads):
            return
        why = "to scrape the operator's metrics"
        for namespace, _ in sorted(set(self._identities()))[:1]:
            where = {"namespace": namespace, "why": why}
            yield from _each(_MAKE, "", "serviceaccounts", **where)
            yield Demand(verb="create", resource="serviceaccounts", subresource="token", **where)
        for resource in ("clusterroles", "clusterrolebindings"):
            yield from _each(_MAKE, RBAC, resource, why=why)
        yield Demand(verb="get", path="/metrics", why=why)

    def _is_there(self, key: str, name: str) -> bool | None:
        with suppress(ApiError):
            return self._client.find(self._client.resource(key), name) is not None
        return None


def _each(
    verbs: Iterable[str], group: str, resource: str, *, namespace: str = "", why: str
) -> Iterator[Demand]:
    for verb in verbs:
        yield Demand(verb=verb, group=group, resource=resource, namespace=namespace, why=why)


def _is_called(obj: Object) -> bool:
    """Whether the API server calls the operator because of this manifest."""
    conversion = (obj.get("spec") or {}).get("conversion") or {}
    return kind_of(obj) in _CALLED or conversion.get("strategy") == "Webhook"


def _is_left_out(obj: Object, way: InstallWay) -> bool:
    """Whether a manifest isn't applied: we issue certificates, and a process can't be called."""
    if group_of(obj) == _CERT_MANAGER:
        return True
    return way is InstallWay.PROCESS and kind_of(obj) in _CALLED


def named(manifests: Sequence[Object], way: InstallWay) -> list[Object]:
    """Returns the manifests whose objects must not be there yet; a namespace may be."""
    return [obj for obj in manifests if kind_of(obj) != "Namespace" and not _is_left_out(obj, way)]


def resource_of(
    client: KubeClient, obj: Object, manifests: Sequence[Object]
) -> tuple[str, str, bool] | None:
    """Returns group, plural and whether it is namespaced; None where nobody serves the kind."""
    api_version, kind = str(obj.get("apiVersion", "")), kind_of(obj)
    for crd in manifests:
        spec = crd.get("spec") or {}
        if kind_of(crd) == "CustomResourceDefinition" and spec.get("group") == group_of(obj):
            names = spec.get("names") or {}
            if names.get("kind") == kind:
                return group_of(obj), str(names.get("plural")), spec.get("scope") == "Namespaced"
    try:
        found = client.resource_of(api_version, kind)
    except ApiError:
        return None
    return found.group, found.plural, found.namespaced


def rules_demands(
    client: KubeClient, manifests: Sequence[Object]
) -> Iterator[tuple[Object, Demand, list[Demand]]]:
    """Yields each role and binding, the verb that lifts the rule, and what it grants.

    The API server lets nobody grant what they don't hold: who makes a role needs `escalate` on it
    or all that it allows; who makes a binding needs `bind` on the role, or the same.
    """
    for obj in manifests:
        if group_of(obj) != RBAC:
            continue
        kind, namespace = kind_of(obj), namespace_of(obj)
        if kind in ("Role", "ClusterRole"):
            place = (namespace or "default") if kind == "Role" else ""
            lifts = Demand(
                verb="escalate", group=RBAC, resource=f"{kind.lower()}s", namespace=place
            )
            yield obj, lifts, _granted(obj.get("rules"), place, obj)
        elif kind in ("RoleBinding", "ClusterRoleBinding"):
            place = (namespace or "default") if kind == "RoleBinding" else ""
            ref = obj.get("roleRef") or {}
            role = _role(client, manifests, ref, place)
            lifts = Demand(
                verb="bind",
                group=RBAC,
                resource=f"{str(ref.get('kind')).lower()}s",
                namespace=place,
                name=str(ref.get("name")),
            )
            yield obj, lifts, _granted((role or {}).get("rules"), place, obj)


def _role(
    client: KubeClient, manifests: Sequence[Object], ref: dict[str, Any], namespace: str
) -> Object | None:
    kind, name = str(ref.get("kind")), str(ref.get("name"))
    place = namespace if kind == "Role" else None
    found = find(manifests, kind, name, place)
    if found is not None:
        return found
    with suppress(ApiError):  # a role that can't be read: the server itself will decide
        resource = client.resource(f"{kind.lower()}s.{RBAC}")
        return client.find(resource, name, namespace if kind == "Role" else "")
    return None


def _granted(rules: Any, namespace: str, obj: Object) -> list[Demand]:  # noqa: ANN401 - any JSON
    """Returns each single right of a role's rules."""
    found: list[Demand] = []
    why = f"to grant it by {describe(obj)}"
    for rule in rules or ():
        for verb in rule.get("verbs") or ():
            for path in rule.get("nonResourceURLs") or ():
                found.append(Demand(verb=verb, path=path, why=why))
            for group in rule.get("apiGroups") or ():
                for entry in rule.get("resources") or ():
                    resource, _, subresource = entry.partition("/")
                    found += [
                        Demand(
                            verb=verb,
                            group=group,
                            resource=resource,
                            subresource=subresource,
                            namespace=namespace,
                            name=name,
                            why=why,
                        )
                        for name in rule.get("resourceNames") or ("",)
                    ]
    return found
