"""Sentinels: somebody else's objects, of the same names as the operator's, in another namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.clock import Deadline
from harness.errors import ApiError, NotVerified
from harness.model.target import InstallMode
from harness.model.trials import Sentinel, SentinelEvent, SentinelWatch, Standing
from harness.probes.footprint import created_by, inventory
from harness.pytest_plugin.rights import with_our_rights
from harness.stimulus.sentinels import copied, named

if TYPE_CHECKING:
    from harness.model.resource import ObjectKey, Resource
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.namespaces import Namespaces
    from harness.pytest_plugin.resources import LiveCustomResource
    from harness.pytest_plugin.steps import Rest

__all__ = ["Sentinels"]

_PATIENCE_S = 15.0
_STEP_S = 0.1
_BUILT_IN = ("kube-", "kubelet", "kwok", "operator-harness")
_PASSING = frozenset({"endpoints", "endpointslices.discovery.k8s.io", "pods", "replicasets.apps"})


class Sentinels:
    """Plants sentinels and looks after them; those of one test at a time.

    Args:
        context: The suite's view of the run.
        namespaces: Makes the foreign one.
        rest: Awaits the operator's rest.
    """

    def __init__(self, context: Context, namespaces: Namespaces, rest: Rest) -> None:
        self._rest = rest
        self._context = context
        self._namespaces = namespaces
        self._namespace = ""
        self._planted: list[tuple[Resource, Sentinel]] = []

    def plant(self, resource: LiveCustomResource) -> None:
        """Makes a foreign namespace with a sentinel for each object of a custom resource.

        Args:
            resource: It has converged.

        Raises:
            NotVerified: None could be planted.
        """
        with with_our_rights("Planting sentinels"):
            self._namespace = self._namespaces.create("foreign")
        self._await_account()
        bodies = [*self._copies(resource), *self._named(resource)]
        at = resource.namespace or "the cluster"
        made = ((item, self._make(item, body)) for item, body in bodies)
        self._planted = [
            (item, self._sentinel(item, stored, served=at))
            for item, stored in made
            if stored is not None
        ]
        if not self._planted:
            raise NotVerified("no sentinel could be planted")

    def rest(self) -> None:
        """Waits until the operator has nothing left to do, as `Rest.begin` does."""
        self._rest.begin()

    def look(self) -> dict[str, Any]:
        """Returns how the sentinels stand now beside how they stood: facts of a window."""
        known = {(item.key, sentinel.name) for item, sentinel in self._planted}
        watch = SentinelWatch(
            namespace=self._namespace,
            sentinels=tuple(
                msgspec.structs.replace(sentinel, after=self._look_up(item, sentinel.name))
                for item, sentinel in self._planted
            ),
            events=tuple(
                _event(event)
                for event in self._context.client.list(
                    self._context.client.resource("events"), self._namespace
                ).items
            ),
            appeared=tuple(
                f"{entry['kind']} {entry['metadata']['name']}"
                for entry in inventory(self._context.client, namespace=self._namespace)
                if (entry["resource"], entry["metadata"]["name"]) not in known
                and entry["resource"] not in _PASSING
                and not _is_built_in(entry["metadata"])
            ),
        )
        found: dict[str, Any] = msgspec.to_builtins(watch)
        return found

    # What is planted

    def _copies(self, resource: LiveCustomResource) -> list[tuple[Resource, dict[str, Any]]]:
        found = []
        for key in self._made_by_operator(resource):
            item = self._context.client.resource(key.resource)
            body = self._context.client.find(item, key.name, key.namespace)
            if body is None or not item.namespaced or self._is_custom(key.resource):
                continue
            copy = copied(
                {**body, "apiVersion": item.api_version, "kind": item.kind},
                namespace=self._namespace,
                uid=resource.key.uid,
            )
            if copy is not None:
                found.append((item, copy))
        return found

    def _named(self, resource: LiveCustomResource) -> list[tuple[Resource, dict[str, Any]]]:
        client = self._context.client
        found = [
            (client.resource(plural), named(kind, resource.name, self._namespace))
            for plural, kind in (("configmaps", "ConfigMap"), ("secrets", "Secret"))
        ]
        limited = self._context.session.target.scope.mode is not InstallMode.ALL_NAMESPACES
        if limited and resource.resource.namespaced:
            same = resource.sample.place(namespace=self._namespace, name=resource.name)
            found.append((resource.resource, same))
        return found

    def _made_by_operator(self, resource: LiveCustomResource) -> list[ObjectKey]:
        """Returns what it made itself: not what Kubernetes made of that."""
        calls = self._context.audit.calls()
        created = created_by(
            calls,
            self._context.installation.identities,
            since_wall_ns=resource.created.wall_ns,
        )
        known = {(key.resource, key.namespace, key.name) for key in created}
        owned = [
            key
            for key in resource.children()
            if (key.resource, key.namespace, key.name) not in known
            and self._is_direct(key, resource.key.uid)
        ]
        return [*created, *owned]

    def _is_direct(self, key: ObjectKey, uid: str) -> bool:
        item = self._context.client.resource(key.resource)
        body = self._context.client.find(item, key.name, key.namespace)
        owners = (body or {"metadata": {}})["metadata"].get("ownerReferences") or ()
        return any(owner.get("uid") == uid for owner in owners)

    def _is_custom(self, resource: str) -> bool:
        """Whether the operator serves a kind: it may act on each object of it."""
        target = self._context.session.target
        groups = {kind.resource.partition(".")[2] for kind in target.kinds}
        return resource.partition(".")[2] in groups

    def _make(self, item: Resource, body: dict[str, Any]) -> dict[str, Any] | None:
        """Returns the object as it was stored; None where it was refused."""
        try:
            return self._context.client.create(
                item, body, namespace=self._namespace, field_validation="Ignore"
            )
        except ApiError as error:
            if not 400 <= error.status < 500:  # noqa: PLR2004 - HTTP
                raise
            return None

    # How they stand

    def _await_account(self) -> None:
        """Pods are admitted once their namespace has its ServiceAccount."""
        client, clock = self._context.client, self._context.clock
        accounts = client.resource("serviceaccounts")
        deadline = Deadline(_PATIENCE_S, clock=clock)
        while client.find(accounts, "default", self._namespace) is None and not deadline.passed:
            clock.sleep(_STEP_S)

    def _sentinel(self, item: Resource, stored: dict[str, Any], *, served: str) -> Sentinel:
        return Sentinel(
            resource=item.key,
            kind=item.kind,
            namespace=self._namespace,
            name=str(stored["metadata"]["name"]),
            served=served,
            planted_ns=self._context.clock.now().wall_ns,
            before=_standing(stored),
        )

    def _look_up(self, item: Resource, name: str) -> Standing | None:
        body = self._context.client.find(item, name, self._namespace)
        return None if body is None else _standing(body)


def _standing(body: dict[str, Any]) -> Standing:
    metadata = body["metadata"]
    return Standing(
        uid=str(metadata.get("uid", "")),
        version=str(metadata.get("resourceVersion", "")),
        managers={
            "/".join(
                str(entry.get(field) or "") for field in ("manager", "operation", "subresource")
            ): str(entry.get("time") or "")
            for entry in metadata.get("managedFields") or ()
        },
        deleting="deletionTimestamp" in metadata,
    )


def _event(event: dict[str, Any]) -> SentinelEvent:
    about = event.get("involvedObject") or {}
    source = event.get("reportingComponent") or (event.get("source") or {}).get("component") or ""
    return SentinelEvent(
        subject=f"{about.get('kind', '')} {about.get('name', '')}",
        reason=str(event.get("reason") or ""),
        source=str(source),
        message=str(event.get("message") or ""),
    )


def _is_built_in(metadata: dict[str, Any]) -> bool:
    managers = metadata.get("managers") or ()
    return all(str(name).startswith(_BUILT_IN) for name in managers)
