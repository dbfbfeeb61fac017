"""Confinement: for a while the operator has rights in its namespaces alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.errors import ApiError
from harness.model.target import InstallMode
from harness.stimulus.bindings import Bindings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from harness.kube.discovery import Served
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.operator import Operator

__all__ = ["Confinement", "cluster_part", "role_bindings"]

_RBAC = "rbac.authorization.k8s.io"
_DECIDE_S = 10.0
_ALL = "*"
_FORBIDDEN = 403

Json = dict[str, Any]  # any JSON object


class Confinement:
    """Narrows the operator's rights and puts them back.

    Args:
        context: The suite's view of the run.
        operator: Restarted with each change: informers keep what they were once allowed.
    """

    def __init__(self, context: Context, operator: Operator) -> None:
        self._context = context
        self._operator = operator
        self._turns = 0

    @contextmanager
    def __call__(self, facts: dict[str, Any]) -> Iterator[bool]:
        """Yields True while the operator is confined; False where it can't be, with the reason.

        Args:
            facts: Of the window; hold afterwards what was done.

        Raises:
            AssertionError: The operator doesn't get ready again afterwards.
        """
        if self._context.session.target.scope.mode is InstallMode.ALL_NAMESPACES:
            yield False
            return
        bindings = Bindings(
            self._context.client, self._operator.identities, clock=self._context.clock
        )
        self._operator.stop()
        try:
            narrowed = self._narrow(bindings, facts)
            if narrowed:
                self._operator.start()
            yield narrowed
        finally:
            self._give_back(bindings, facts)

    def _narrow(self, bindings: Bindings, facts: dict[str, Any]) -> bool:
        wide = bindings.bound("clusterrolebindings")
        places = self._places()
        facts["deprived"] = {"from_ns": self._context.clock.now().wall_ns}
        facts["suspended"] = [f"ClusterRoleBinding {body['metadata']['name']}" for body in wide]
        facts["namespaces"] = places
        try:
            kept = self._kept(wide)
            bindings.give(role_bindings(wide, places, prefix=self._prefix()))
            bindings.give(self._cluster_wide(wide, kept))
            bindings.suspend(wide)
        except ApiError as error:
            if error.status != _FORBIDDEN:
                raise
            del facts["deprived"]
            facts["reason"] = f"its rights can't be narrowed: {error}"
            return False
        facts["kept"] = [_words(rule) for rule in kept]
        if wide:
            asked = self._question(verb="list")
            if not bindings.await_decision(asked, allowed=False, timeout=_DECIDE_S):
                facts["groups"] = [f"list {asked['resource']} in all namespaces"]
        return True

    def _give_back(self, bindings: Bindings, facts: dict[str, Any]) -> None:
        self._operator.stop()
        try:
            bindings.restore()
            if facts.get("suspended") and not facts.get("groups"):
                inside = {**self._question(verb="list"), "namespace": self._places()[0]}
                bindings.await_decision(inside, allowed=True, timeout=_DECIDE_S)
        finally:
            if "deprived" in facts:
                facts["deprived"]["until_ns"] = self._context.clock.now().wall_ns
            self._operator.start()
        state = self._operator.readiness()
        if not state["ready"]:
            raise AssertionError(
                f"With all its rights back the operator isn't ready: {state['reason']}"
            )

    def _places(self) -> list[str]:
        scope, own = self._context.session.target.scope, self._context.installation.namespace
        named = () if scope.mode is InstallMode.OWN_NAMESPACE else scope.namespaces
        return list(dict.fromkeys((*named, own)))

    def _kept(self, wide: tuple[Json, ...]) -> list[Json]:
        """Returns the rules of suspended bindings that can't be had by a RoleBinding."""
        client = self._context.client
        roles = client.resource(f"clusterroles.{_RBAC}")
        served = client.served()
        found = []
        for body in wide:
            role = client.find(roles, body["roleRef"]["name"]) or {}
            for rule in role.get("rules") or ():
                found += cluster_part(rule, served)
        return found

    def _cluster_wide(self, wide: tuple[Json, ...], rules: list[Json]) -> list[Json]:
        if not rules:
            return []
        name = f"{self._prefix()}-kept"
        subjects = [
            {"kind": "User", "apiGroup": _RBAC, "name": user}
            for user in sorted(self._operator.identities)
        ]
        return [
            {
                "apiVersion": f"{_RBAC}/v1",
                "kind": "ClusterRole",
                "metadata": {"name": name},
                "rules": rules,
            },
            {
                "apiVersion": f"{_RBAC}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
                "subjects": subjects if wide else [],
            },
        ]

    def _prefix(self) -> str:
        return f"harness-{self._context.run.id.rsplit('-', 1)[-1]}-confined"

    def _question(self, *, verb: str) -> Json:
        plural, _, group = self._context.session.target.kinds[0].resource.partition(".")
        return {"verb": verb, "group": group, "resource": plural}


def role_bindings(wide: tuple[Json, ...], places: list[str], *, prefix: str) -> list[Json]:
    """Returns a RoleBinding in each namespace for each ClusterRoleBinding, of the same role.

    Args:
        wide: ClusterRoleBindings.
        places: Namespaces.
        prefix: Of the names.
    """
    return [
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"{prefix}-{number}", "namespace": place},
            "roleRef": body["roleRef"],
            "subjects": body.get("subjects") or [],
        }
        for number, body in enumerate(wide)
        for place in places
    ]


def cluster_part(rule: Json, served: tuple[Served, ...]) -> list[Json]:
    """Returns what of a rule is about URLs and cluster-scoped resources, wildcards spread.

    Args:
        rule: Of a ClusterRole.
        served: What the API server serves.
    """
    if urls := rule.get("nonResourceURLs"):
        return [{"nonResourceURLs": urls, "verbs": rule["verbs"]}]
    found: dict[str, list[str]] = {}
    groups, resources = rule.get("apiGroups") or (), rule.get("resources") or ()
    for item in served:
        resource = item.resource
        if resource.namespaced or not {resource.group, _ALL} & set(groups):
            continue
        names = [resource.plural, *(f"{resource.plural}/{sub}" for sub, _ in item.subresources)]
        for name in names:
            if _meant(name, resources) and name not in found.setdefault(resource.group, []):
                found[resource.group].append(name)
    only = {"resourceNames": rule["resourceNames"]} if rule.get("resourceNames") else {}
    return [
        {"apiGroups": [group], "resources": names, "verbs": rule["verbs"], **only}
        for group, names in found.items()
        if names
    ]


def _meant(name: str, resources: Collection[str]) -> bool:
    _, slash, sub = name.partition("/")
    return _ALL in resources or name in resources or bool(slash and f"*/{sub}" in resources)


def _words(rule: Json) -> str:
    what = rule.get("nonResourceURLs") or [
        f"{name}.{group}" if group else name
        for group in rule.get("apiGroups") or ()
        for name in rule.get("resources") or ()
    ]
    return f"{' '.join(rule['verbs'])} {' '.join(what)}"
