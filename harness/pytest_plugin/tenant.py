"""A tenant with rights in one namespace, who points the operator at another one."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import ApiError
from harness.model.trials import DeputyTrial
from harness.pytest_plugin.rights import with_our_rights
from harness.stimulus.references import pointed, references

if TYPE_CHECKING:
    from harness.model.resource import Resource
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.namespaces import Namespaces, Place
    from harness.pytest_plugin.steps import Rest
    from harness.stimulus.references import Reference
    from harness.stimulus.samples import Sample

__all__ = ["Tenant"]

_RBAC = "rbac.authorization.k8s.io"
_CRDS = "customresourcedefinitions.apiextensions.k8s.io"
_CREATED = 201
_TENANT = "harness-tenant"
_CANARY = "harness-canary"
_KEYS = ("value", "key", "token", "password", "username", "tls.crt", "tls.key", "ca.crt")
_HOLDERS = (("Secret", "secrets", "stringData"), ("ConfigMap", "configmaps", "data"))
_MAX_NAME = 40

Json = dict[str, Any]  # any JSON object


class Tenant:
    """Creates custom resources as a tenant would, and looks for what he must not see.

    Args:
        context: The suite's view of the run.
        namespaces: Makes the foreign one.
        place: Where the tenant has his rights.
        rest: Awaits the operator's answer.
    """

    def __init__(self, context: Context, namespaces: Namespaces, place: Place, rest: Rest) -> None:
        self._context = context
        self._client = context.client
        self._namespaces = namespaces
        self._place = place
        self._rest = rest
        self._user = f"system:serviceaccount:{place.namespace}:{_TENANT}"

    def point_elsewhere(self, sample: Sample) -> dict[str, Any]:
        """Points each reference of a sample's kind at a canary in a foreign namespace.

        Returns:
            Facts of a window that judges SCO-104.
        """
        resource = self._client.resource_of(sample.body["apiVersion"], sample.body["kind"])
        found = references(self._schema(resource)) if resource.namespaced else ()
        if not found:
            return {"trials": []}
        with with_our_rights("Admitting a tenant"):
            foreign = self._namespaces.create("foreign")
            canaries = self._plant(foreign)
            self._admit(resource)
        trials = [
            self._try(sample, resource, reference, kind, foreign=foreign, canaries=canaries)
            for reference in found
            for kind in (reference.kinds if "kind" in reference.extra else ("",))
        ]
        return {
            "namespace": self._place.namespace,
            "foreign": foreign,
            "name": _CANARY,
            "trials": msgspec.to_builtins(trials),
        }

    def _schema(self, resource: Resource) -> Json:
        crd = self._client.find(
            self._client.resource(_CRDS), f"{resource.plural}.{resource.group}"
        ) or {"spec": {}}
        for version in crd["spec"].get("versions") or ():
            if version.get("name") == resource.version:
                found: Json = (version.get("schema") or {}).get("openAPIV3Schema") or {}
                return found
        return {}

    def _plant(self, namespace: str) -> dict[str, str]:
        """Makes a Secret and a ConfigMap; returns the canary of each kind."""
        canaries = {}
        for kind, plural, field in _HOLDERS:
            canaries[kind] = f"canary-{self._context.rng.getrandbits(64):016x}"
            self._client.create(
                self._client.resource(plural),
                {
                    "apiVersion": "v1",
                    "kind": kind,
                    "metadata": {"name": _CANARY, "namespace": namespace},
                    field: dict.fromkeys(_KEYS, canaries[kind]),
                },
                namespace=namespace,
            )
        return canaries

    def _admit(self, resource: Resource) -> None:
        """Gives the tenant rights on the kind in his namespace, and no others."""
        namespace = self._place.namespace
        rule = {"apiGroups": [resource.group], "resources": [resource.plural], "verbs": ["*"]}
        meta = {"name": _TENANT, "namespace": namespace}
        self._client.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
        self._client.apply(
            {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": meta, "rules": [rule]}
        )
        self._client.apply(
            {
                "apiVersion": f"{_RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": meta,
                "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": _TENANT},
                "subjects": [{"kind": "ServiceAccount", **meta}],
            }
        )

    def _try(
        self,
        sample: Sample,
        resource: Resource,
        reference: Reference,
        kind: str,
        *,
        foreign: str,
        canaries: dict[str, str],
    ) -> DeputyTrial:
        name = f"{sample.body['metadata']['name'][:_MAX_NAME]}-{self._place.suffix}-tenant"
        body = sample.place(namespace=self._place.namespace, name=name.replace(".", "-"))
        body = pointed(body, reference, kind=kind, name=_CANARY, namespace=foreign)
        trial = DeputyTrial(path=str(reference), kind=kind)
        status, words = self._create(resource, body)
        if status != _CREATED:
            asked = "impersonate" in words or f'User "{self._user}"' in words
            field = "trouble" if asked else "refused"
            return msgspec.structs.replace(trial, **{field: words})
        try:
            self._rest.begin()
            leaks = {held: self._leaks(canary) for held, canary in canaries.items()}
            return msgspec.structs.replace(
                trial,
                kind=" and ".join(held for held, places in leaks.items() if places) or kind,
                leaks=tuple(place for places in leaks.values() for place in places),
            )
        finally:
            self._client.delete(resource, body["metadata"]["name"], self._place.namespace)
            self._rest.begin()

    def _create(self, resource: Resource, body: Json) -> tuple[int, str]:
        """Sends the request as the tenant; returns its HTTP status and the server's words."""
        answer = self._client.raw(
            "POST",
            resource.path(self._place.namespace),
            body=msgspec.json.encode(body),
            headers={
                "Content-Type": "application/json",
                "Impersonate-User": self._user,
                "Impersonate-Group": "system:authenticated",
            },
        )
        told = msgspec.json.decode(answer.body) if answer.body else {}
        return answer.status, str(told.get("message") or answer.status)

    def _leaks(self, canary: str) -> list[str]:
        """Returns where the canary stands: what the tenant reads, and the operator's log."""
        traces = (canary, base64.b64encode(canary.encode()).decode())
        found = []
        chosen: dict[str, Resource] = {}
        for item in self._client.resources(verb="list"):
            if item.namespaced:
                chosen.setdefault(item.key, item)
        for item in chosen.values():
            with suppress(ApiError):  # what can't be listed can't be read by a tenant either
                for body in self._client.list(item, self._place.namespace).items:
                    text = json.dumps(body)
                    if any(trace in text for trace in traces):
                        found.append(
                            f"{item.kind} {body['metadata']['name']}{_where(body, traces)}"
                        )
        for process, lines in self._context.evidence.logs().items():
            if any(trace in line.text for line in lines for trace in traces):
                found.append(f"the operator's log ({process})")
        return found


def _where(body: Json, traces: tuple[str, ...]) -> str:
    """Returns which top-level field holds a trace, for example ", status"."""
    for field, value in body.items():
        if field != "metadata" and any(trace in json.dumps(value) for trace in traces):
            return f", {field}"
    return ", metadata"
