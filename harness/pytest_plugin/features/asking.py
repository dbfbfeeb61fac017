"""One request to the API server and its answer, whatever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.kube.client import KubeClient
    from harness.model.resource import Resource

__all__ = ["Answer", "Asker"]

Json = dict[str, Any]  # any JSON object
_LONGEST = 600
_JSON = "application/json"
_REFUSED = 400


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the API server answered.

    Attributes:
        message: Its words where it refused; cut.
        body: The object, or the Status.
    """

    status: int
    message: str
    body: Json

    @property
    def taken(self) -> bool:
        """Whether it is a success."""
        return self.status < _REFUSED

    @property
    def facts(self) -> Json:
        """Status and message, as a window keeps them."""
        return {"status": self.status, "message": self.message}


class Asker:
    """Asks the API server.

    Args:
        client: Whose identity.
    """

    def __init__(self, client: KubeClient) -> None:
        self.client = client

    def ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        query: Mapping[str, str] | None = None,
        accept: str = _JSON,
        content: str = _JSON,
    ) -> Answer:
        """Sends a request.

        Raises:
            ApiError: No answer came.
        """
        response = self.client.raw(
            method,
            path,
            query=query,
            body=None if body is None else msgspec.json.encode(body),
            headers={"Accept": accept, "Content-Type": content},
        )
        found = _decoded(response.body)
        refused = response.status >= _REFUSED
        message = str(found.get("message") or response.body[:_LONGEST].decode(errors="replace"))
        return Answer(
            status=response.status, message=message[:_LONGEST] if refused else "", body=found
        )

    def create(self, resource: Resource, body: Json, *, validation: str = "Strict") -> Answer:
        """Has an object checked and admitted, but not stored."""
        path = resource.path(str(body["metadata"].get("namespace") or ""))
        query = {"dryRun": "All", "fieldValidation": validation}
        return self.ask("POST", path, body, query=query)

    def merge(self, path: str, patch: Json, *, dry_run: bool = True) -> Answer:
        """Sends a merge patch."""
        return self.ask(
            "PATCH",
            path,
            patch,
            query={"dryRun": "All"} if dry_run else {},
            content="application/merge-patch+json",
        )


def _decoded(body: bytes) -> Json:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
