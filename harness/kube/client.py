"""Reads and writes objects of an API server, as plain dicts.

Every call has a time-out, may be made from any thread, and raises `ApiError` for an answer that
isn't a success. What is tried again is only what can't have had an effect: a refused connection,
a read whose answer was lost, and a request that the server turned away with 429.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from harness.clock import SYSTEM_CLOCK
from harness.errors import ApiError
from harness.kube.connection import Connection
from harness.kube.discovery import Discovery, Served
from harness.kube.exchange import TIMEOUT_S, Exchange, Response
from harness.kube.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.clock import Clock
    from harness.model.resource import Resource

__all__ = ["KubeClient", "ObjectList", "Response", "Token"]

_PAGE = 500
_PATCHES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A ServiceAccount's token; its value isn't printed.

    Attributes:
        expires: Seconds since the epoch.
    """

    value: str
    expires: float

    def __repr__(self) -> str:
        return f"Token(value='[redacted]', expires={self.expires})"


class ObjectList(msgspec.Struct, frozen=True, kw_only=True):
    """Objects and the version at which they were listed."""

    items: list[dict[str, Any]]
    resource_version: str


class KubeClient:
    """Objects of one API server under one identity.

    Args:
        connection: Server and identity.
        clock: For pauses between attempts.
        ledger: Where it's written down what is made; None where nobody needs to know.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        clock: Clock = SYSTEM_CLOCK,
        ledger: Ledger | None = None,
    ) -> None:
        self.connection = connection
        self._ledger = ledger
        self._exchange = Exchange(connection, clock=clock)
        self._discovery = Discovery(self._exchange)

    @classmethod
    def from_kubeconfig(cls, path: Path, *, context: str | None = None) -> Self:
        """Makes a client with a connection of its own; errors as `Connection.from_kubeconfig`.

        Where a ledger lies beside the kubeconfig, what is made is written down there.
        """
        connection = Connection.from_kubeconfig(path, context=context)
        return cls(connection, ledger=Ledger.beside(path))

    # Discovery

    def resources(self, *, refresh: bool = False, verb: str = "") -> tuple[Resource, ...]:
        """Returns every resource that is served, without subresources.

        Args:
            refresh: Ask again instead of answering from memory.
            verb: Only those that allow it, for example "list".

        Returns:
            All versions; within a group the preferred one comes first.
        """
        return tuple(
            served.resource
            for served in self._discovery.served(refresh=refresh)
            if not verb or verb in served.verbs
        )

    def resource(self, key: str) -> Resource:
        """Returns a resource by its key, in its preferred version; asks again before giving up.

        Args:
            key: "<plural>.<group>", or the plural alone in the core group.

        Raises:
            ApiError: Nothing of that name is served (status 404).
        """
        for refresh in (False, True):
            for served in self._discovery.served(refresh=refresh):
                if served.resource.key == key:
                    return served.resource
        raise _unserved(f"the resource {key!r}")

    def served(self, *, refresh: bool = False) -> tuple[Served, ...]:
        """Returns what is served with its verbs and subresources; as `resources`."""
        return self._discovery.served(refresh=refresh)

    def resource_of(self, api_version: str, kind: str, *, refresh: bool = False) -> Resource:
        """Returns the resource of a kind; asks again before giving up.

        Args:
            api_version: For example "apps/v1".
            kind: For example "Deployment".
            refresh: Ask in any case.

        Raises:
            ApiError: That version doesn't serve the kind (status 404).
        """
        for again in (refresh, True):
            for served in self._discovery.served(refresh=again):
                resource = served.resource
                if resource.kind == kind and resource.api_version == api_version:
                    return resource
        raise _unserved(f"the kind {kind} of {api_version}")

    def version(self) -> str:
        """Returns the server's version, for example "v1.34.4"."""
        return str(self._exchange.json("GET", "/version")["gitVersion"])

    # Reading

    def get(self, resource: Resource, name: str, namespace: str = "") -> dict[str, Any]:
        """Returns an object.

        Raises:
            ApiError: It isn't there (status 404), or no success.
        """
        return self._exchange.json("GET", resource.path(namespace, name))

    def find(self, resource: Resource, name: str, namespace: str = "") -> dict[str, Any] | None:
        """Returns an object, or None where it isn't there.

        Raises:
            ApiError: Any other answer that isn't a success.
        """
        try:
            return self.get(resource, name, namespace)
        except ApiError as error:
            if error.status == 404:  # noqa: PLR2004 - HTTP
                return None
            raise

    def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> ObjectList:
        """Returns all objects, asked for in pages.

        Args:
            resource: What.
            namespace: Empty for all namespaces.
            labels: Label selector.
            fields: Field selector.
            metadata_only: Let the server leave out all but apiVersion, kind and metadata.

        Raises:
            ApiError: No success.
        """
        query = {"limit": str(_PAGE), "labelSelector": labels, "fieldSelector": fields}
        query = {name: value for name, value in query.items() if value}
        headers = {"Accept": _METADATA} if metadata_only else {}
        path = resource.path(namespace)
        try:
            return self._pages(resource, path, query, headers)
        except ApiError as error:
            if error.status != 410:  # noqa: PLR2004 - HTTP: the pages' version is gone
                raise
        del query["limit"]
        return self._pages(resource, path, query, headers)

    def _pages(
        self, resource: Resource, path: str, query: dict[str, str], headers: dict[str, str]
    ) -> ObjectList:
        items: list[dict[str, Any]] = []
        page = {"continue": ""}
        while True:
            more = {"continue": page["continue"]} if page["continue"] else {}
            answer = self._exchange.json("GET", path, query={**query, **more}, headers=headers)
            for item in answer.get("items") or []:
                # Lists leave these out, and partial ones name their own.
                items.append({**item, "apiVersion": resource.api_version, "kind": resource.kind})
            page = {"continue": "", **answer.get("metadata", {})}
            if not page["continue"]:
                return ObjectList(items=items, resource_version=page.get("resourceVersion", ""))

    # Writing

    def create(
        self,
        resource: Resource,
        body: dict[str, Any],
        *,
        namespace: str = "",
        dry_run: bool = False,
        field_validation: str = "Strict",
    ) -> dict[str, Any]:
        """Creates an object and returns it as the server stored it.

        Args:
            resource: What.
            body: The object.
            namespace: Where; empty for what the body says.
            dry_run: Have it checked and admitted, not stored.
            field_validation: "Strict" refuses unknown and duplicate fields; "Warn", "Ignore".

        Raises:
            ApiError: No success; status 0 where no answer came and the effect is unknown.
        """
        return self._make(
            "POST",
            resource.path(_namespace(resource, body, namespace)),
            resource=resource,
            namespace=_namespace(resource, body, namespace),
            query={"fieldValidation": field_validation, **_dry(dry_run)},
            body=body,
            about=_named(resource, body, namespace),
        )

    def apply(
        self,
        body: dict[str, Any],
        *,
        resource: Resource | None = None,
        namespace: str = "",
        manager: str = "operator-harness",
        force: bool = True,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Applies an object on the server's side and returns it as stored.

        Args:
            body: Needs apiVersion, kind and metadata.name.
            resource: Spares the look-up of the kind.
            namespace: Where; empty for what the body says, else "default".
            manager: Field manager.
            force: Take fields over from other managers.
            dry_run: Have it checked and admitted, not stored.

        Raises:
            ApiError: No success; status 404 also for a kind that isn't served.
        """
        resource = resource or self.resource_of(body["apiVersion"], body["kind"])
        query = {"fieldManager": manager, "force": "true" if force else "false", **_dry(dry_run)}
        place = _namespace(resource, body, namespace)
        return self._make(
            "PATCH",
            resource.path(place, body["metadata"]["name"]),
            resource=resource,
            namespace=place,
            query=query,
            body=body,
            headers={"Content-Type": "application/apply-patch+yaml"},  # JSON is YAML
        )

    def _make(
        self,
        method: str,
        path: str,
        *,
        resource: Resource,
        namespace: str,
        query: dict[str, str],
        body: dict[str, Any],
        headers: dict[str, str] | None = None,
        about: str = "",
    ) -> dict[str, Any]:
        """Sends what may make an object; the ledger, where one is kept, hears of it."""
        if self._ledger is None or "dryRun" in query:
            return self._exchange.json(
                method, path, query=query, body=body, headers=headers, about=about
            )
        wanted = self._ledger.ask(resource, body["metadata"].get("name", ""), namespace)
        try:
            response = self._exchange.request(
                method, path, query=query, body=body, headers=headers, about=about
            )
        except ApiError as error:
            if error.status:  # else nobody knows whether it was made
                self._ledger.not_made(wanted)
            raise
        stored: dict[str, Any] = msgspec.json.decode(response.body, type=dict[str, Any])
        if response.status == 201:  # noqa: PLR2004 - HTTP: made; 200 is a change of what was there
            self._ledger.made(wanted, stored)
        else:
            self._ledger.not_made(wanted)
        return stored

    def patch(
        self,
        resource: Resource,
        name: str,
        body: dict[str, Any] | Sequence[dict[str, Any]],
        *,
        namespace: str = "",
        kind: Literal["merge", "json", "strategic"] = "merge",
        subresource: str = "",
    ) -> dict[str, Any]:
        """Patches an object and returns it as stored.

        Args:
            resource: What.
            name: Which.
            body: The patch: an object, or operations where `kind` is "json".
            namespace: Where.
            kind: Which patch format.
            subresource: For example "status".

        Raises:
            ApiError: No success; status 0 where no answer came and the effect is unknown.
        """
        return self._exchange.json(
            "PATCH",
            resource.path(namespace, name, subresource),
            body=body,
            headers={"Content-Type": _PATCHES[kind]},
        )

    def replace(
        self,
        resource: Resource,
        body: dict[str, Any],
        *,
        namespace: str = "",
        subresource: str = "",
    ) -> dict[str, Any]:
        """Replaces an object (by its resourceVersion, where it has one); returns it as stored.

        Raises:
            ApiError: No success; status 409 where it was changed meanwhile.
        """
        place = _namespace(resource, body, namespace)
        path = resource.path(place, body["metadata"]["name"], subresource)
        return self._exchange.json("PUT", path, body=body)

    def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        propagation: str = "Background",
        uid: str = "",
        grace_s: int | None = None,
    ) -> None:
        """Asks for an object's deletion; that it isn't there is fine.

        Args:
            resource: What.
            name: Which.
            namespace: Where.
            propagation: "Background", "Foreground" or "Orphan".
            uid: Only if it is still that one.
            grace_s: Seconds that a Pod gets to end; None for what it says itself.

        Raises:
            ApiError: No success; status 409 where another object has taken its name.
        """
        options: dict[str, Any] = {"propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        try:
            self._exchange.json("DELETE", resource.path(namespace, name), body=options)
        except ApiError as error:
            if error.status != 404:  # noqa: PLR2004 - HTTP
                raise

    def token(
        self,
        namespace: str,
        service_account: str,
        *,
        expires_s: int = 3600,
        pod_name: str = "",
        pod_uid: str = "",
        secret: str = "",
    ) -> Token:
        """Has a token made for a ServiceAccount.

        Args:
            namespace: Of the account.
            service_account: Its name.
            expires_s: Life asked for, in seconds; at least 600.
            pod_name: Bind it to this Pod, so that it ends with it.
            pod_uid: The Pod's uid.
            secret: Bind it to the Secret of this name instead.

        Raises:
            ApiError: No success.
        """
        spec: dict[str, Any] = {"expirationSeconds": expires_s}
        if secret:
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Secret", "name": secret}
        elif pod_name:
            spec["boundObjectRef"] = {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": pod_name,
                **({"uid": pod_uid} if pod_uid else {}),
            }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        status = self._exchange.json("POST", path, body=request)["status"]
        expires = datetime.fromisoformat(status["expirationTimestamp"])
        return Token(value=status["token"], expires=expires.timestamp())

    def accepts(self, token: str) -> bool:
        """Whether the server takes a token for somebody's (a TokenReview).

        Args:
            token: A bearer token.

        Raises:
            ApiError: It doesn't say.
        """
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token},
        }
        path = "/apis/authentication.k8s.io/v1/tokenreviews"
        status = self._exchange.json("POST", path, body=review)["status"]
        return bool(status.get("authenticated"))

    # Anything else

    def raw(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT_S,
    ) -> Response:
        """Sends a request and returns the answer, whatever its status.

        Args:
            method: HTTP method.
            path: URL path.
            query: Parameters.
            body: As sent.
            headers: Added to ours.
            timeout: Seconds, over all attempts.

        Raises:
            ApiError: No answer came (status 0).
        """
        return self._exchange.raw(
            method, path, query=query, body=body, headers=headers, timeout=timeout
        )


def _dry(dry_run: object) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _namespace(resource: Resource, body: dict[str, Any], namespace: str) -> str:
    if not resource.namespaced:
        return ""
    return namespace or body.get("metadata", {}).get("namespace") or "default"


def _named(resource: Resource, body: dict[str, Any], namespace: str) -> str:
    meta = body.get("metadata", {})
    name = meta.get("name") or f"{meta.get('generateName', '')}*"
    return resource.path(_namespace(resource, body, namespace), name)


def _unserved(what: str) -> ApiError:
    return ApiError(
        f"The API server doesn't serve {what}.",
        status=404,
        reason="NotFound",
        hint="Check the spelling, and that its CustomResourceDefinition is installed.",
    )
