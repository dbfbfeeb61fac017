"""Stage 4a: sends custom resources to the API server and stamps each request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.errors import ApiError
from harness.model.records import Action, Stimulus
from harness.model.resource import ObjectKey, Resource
from harness.stimulus.mutation import Change, merge_patch

if TYPE_CHECKING:
    from harness.clock import Clock
    from harness.kube.client import KubeClient

__all__ = ["CustomResource", "Objects", "Record", "object_key"]

Record = Callable[[Stimulus], None]


class Objects:
    """Makes custom resources.

    Args:
        client: Whose requests are sent.
        clock: Stamps each request.
        record: Takes each Stimulus as evidence.
    """

    def __init__(self, *, client: KubeClient, clock: Clock, record: Record) -> None:
        self.client = client
        self._clock = clock
        self._record = record

    def create(self, resource: Resource, body: dict[str, Any]) -> CustomResource:
        """Creates an object and returns its handle.

        Raises:
            ApiError: The API server, or a webhook that it asked, refused it.
        """
        key = object_key(resource, body)
        answer = self.send(Action.CREATE, key, lambda: self._create(resource, body))
        return CustomResource(objects=self, resource=resource, body=answer)

    def _create(self, resource: Resource, body: dict[str, Any]) -> dict[str, Any]:
        namespace = body["metadata"].get("namespace", "")
        return self.client.create(resource, body, namespace=namespace)

    def send(
        self,
        action: Action,
        key: ObjectKey,
        request: Callable[[], dict[str, Any] | None],
        *,
        detail: str = "",
    ) -> dict[str, Any]:
        """Sends one request and records it, refused or not.

        Returns:
            The object in the answer; empty where there is none.
        """
        sent = self._clock.now()
        status, answer = 0, {}
        try:
            answer = request() or {}
            status = 201 if action is Action.CREATE else 200
        except ApiError as error:
            status, detail = error.status, f"{detail} {error}".strip()
            raise
        finally:
            metadata = answer.get("metadata", {})
            uid = metadata.get("uid", key.uid)
            self._record(
                Stimulus(
                    action=action,
                    intended=sent,
                    sent=sent,
                    acknowledged=self._clock.now(),
                    subject=ObjectKey(
                        resource=key.resource, namespace=key.namespace, name=key.name, uid=uid
                    ),
                    generation=metadata.get("generation", 0),
                    resource_version=metadata.get("resourceVersion", ""),
                    status=status,
                    detail=detail,
                )
            )
        return answer


class CustomResource:
    """A custom resource that a suite made.

    Attributes:
        resource: Its API resource.
        body: The object as the API server last answered it to us.
    """

    def __init__(self, *, objects: Objects, resource: Resource, body: dict[str, Any]) -> None:
        self._objects = objects
        self.resource = resource
        self.body = body

    @property
    def key(self) -> ObjectKey:
        """Which object it is, with its uid."""
        return object_key(self.resource, self.body)

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """metadata.namespace; empty for cluster-scoped kinds."""
        return str(self.body["metadata"].get("namespace", ""))

    @property
    def generation(self) -> int:
        """metadata.generation after our last write."""
        return int(self.body["metadata"].get("generation", 0))

    def refresh(self) -> dict[str, Any] | None:
        """Reads it again; None when it is gone."""
        body = self._objects.client.find(self.resource, self.name, self.namespace)
        if body is not None:
            self.body = body
        return body

    def update(self, change: Change) -> None:
        """Changes one field of the spec by a merge patch."""
        self.patch(merge_patch(self.body, change), detail=str(change))

    def patch(self, patch: dict[str, Any], *, detail: str = "") -> None:
        """Sends a JSON merge patch.

        Raises:
            ApiError: It was refused.
        """
        self.body = self._objects.send(
            Action.UPDATE,
            self.key,
            lambda: self._objects.client.patch(
                self.resource, self.name, patch, namespace=self.namespace
            ),
            detail=detail,
        )

    def delete(self) -> None:
        """Asks for deletion and returns at once; nothing happens if it is gone."""
        self._objects.send(Action.DELETE, self.key, self._delete)

    def _delete(self) -> None:
        self._objects.client.delete(self.resource, self.name, self.namespace)


def object_key(resource: Resource, body: dict[str, Any]) -> ObjectKey:
    """Returns which object a body is."""
    metadata = body["metadata"]
    return ObjectKey(
        resource=resource.key,
        namespace=metadata.get("namespace", "") if resource.namespaced else "",
        name=metadata["name"],
        uid=metadata.get("uid", ""),
    )
