"""Stage 4a: takes an identity out of its bindings for a while, gives it others, and restores all.

The bindings themselves stay, with their uids: only their subjects change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from harness.clock import Clock
    from harness.kube.client import KubeClient
    from harness.model.resource import Resource

__all__ = ["Bindings", "is_bound"]

_RBAC = "rbac.authorization.k8s.io"
_ACCOUNT = "system:serviceaccount:"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_CREATED = 201
_STEP_S = 0.1

Json = dict[str, Any]  # any JSON object


def is_bound(subject: Json, users: Collection[str], *, namespace: str = "") -> bool:
    """Whether a binding's subject is one of some users by name; groups don't count.

    Args:
        subject: Of a binding.
        users: User names.
        namespace: Of the binding; a ServiceAccount without one is there.
    """
    name = str(subject.get("name"))
    if subject.get("kind") == "User":
        return name in users
    place = subject.get("namespace") or namespace
    return subject.get("kind") == "ServiceAccount" and f"{_ACCOUNT}{place}:{name}" in users


class Bindings:
    """Bindings of some identities, which can be exchanged and restored.

    Args:
        client: The harness's own identity; it must hold what it hands on.
        users: User names of the identities.
        clock: Paces the questions to the authorizer, which learns of changes a moment later.
    """

    def __init__(
        self, client: KubeClient, users: Collection[str], *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._client = client
        self._users = frozenset(users)
        self._clock = clock
        self._suspended: list[tuple[Resource, Json]] = []
        self._given: list[tuple[Resource, Json]] = []

    def bound(self, plural: str) -> tuple[Json, ...]:
        """Returns bindings of one of the identities by name.

        Args:
            plural: "clusterrolebindings" or "rolebindings".
        """
        resource = self._client.resource(f"{plural}.{_RBAC}")
        return tuple(
            body for body in self._client.list(resource).items if self._subjects(body, ours=True)
        )

    def suspend(self, bindings: Iterable[Json]) -> None:
        """Takes the identities out of bindings; other subjects stay."""
        for body in bindings:
            resource = self._resource(body)
            rest = self._subjects(body, ours=False)
            self._suspended.append((resource, body))
            self._write(resource, body, rest)

    def give(self, objects: Iterable[Json]) -> None:
        """Makes roles and bindings that are removed again by `restore`."""
        for body in objects:
            resource = self._resource(body)
            namespace = str(body["metadata"].get("namespace") or "")
            self._given.append((resource, body))
            self._client.create(resource, body, namespace=namespace)

    def restore(self) -> None:
        """Puts the identities back, then removes what was given."""
        for resource, body in self._suspended:
            self._write(resource, body, list(body.get("subjects") or ()))
        for resource, body in reversed(self._given):
            metadata = body["metadata"]
            self._client.delete(resource, metadata["name"], metadata.get("namespace") or "")
        self._suspended.clear()
        self._given.clear()

    def await_decision(self, attributes: Json, *, allowed: bool, timeout: float) -> bool:
        """Waits until the authorizer decides about each identity as expected.

        Args:
            attributes: `resourceAttributes` of a SubjectAccessReview.
            allowed: What is expected.
            timeout: Seconds.

        Returns:
            Whether it did in time.
        """
        deadline = Deadline(timeout, clock=self._clock)
        while any(self._decide(user, attributes) is not allowed for user in self._users):
            if deadline.passed:
                return False
            self._clock.sleep(_STEP_S)
        return True

    def _decide(self, user: str, attributes: Json) -> bool:
        groups = ["system:authenticated"]
        if user.startswith(_ACCOUNT):
            place = user.removeprefix(_ACCOUNT).partition(":")[0]
            groups += ["system:serviceaccounts", f"system:serviceaccounts:{place}"]
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "groups": groups, "resourceAttributes": attributes},
        }
        answer = self._client.raw(
            "POST",
            _REVIEWS,
            body=msgspec.json.encode(review),
            headers={"Content-Type": "application/json"},
        )
        if answer.status != _CREATED:
            raise ApiError("The authorizer could not be asked.", status=answer.status)
        review = msgspec.json.decode(answer.body)
        return bool(review["status"]["allowed"])

    def _subjects(self, body: Json, *, ours: bool) -> list[Json]:
        namespace = str(body["metadata"].get("namespace") or "")
        return [
            subject
            for subject in body.get("subjects") or ()
            if is_bound(subject, self._users, namespace=namespace) is ours
        ]

    def _write(self, resource: Resource, body: Json, subjects: list[Json]) -> None:
        metadata = body["metadata"]
        self._client.patch(
            resource,
            metadata["name"],
            {"subjects": subjects},
            namespace=metadata.get("namespace") or "",
        )

    def _resource(self, body: Json) -> Resource:
        return self._client.resource_of(body["apiVersion"], body["kind"])
