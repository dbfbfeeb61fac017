"""The few requests to the API server that the reconciler makes, with kopf's credentials."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
import kopf

from noteboard.names import API_VERSION, KIND, MANAGER, RBAC, Object

__all__ = ["Api", "ApiError", "Requests"]

_TIMEOUT_S = 30.0
_APPLY = "application/apply-patch+yaml"  # of which JSON is a part
_MERGE = "application/merge-patch+json"
_COLLECTIONS = {
    ("v1", "ConfigMap"): ("/api/v1", "configmaps"),
    ("v1", "Service"): ("/api/v1", "services"),
    ("apps/v1", "Deployment"): ("/apis/apps/v1", "deployments"),
    (RBAC, "RoleBinding"): (f"/apis/{RBAC}", "rolebindings"),
    (API_VERSION, KIND): (f"/apis/{API_VERSION}", "noteboards"),
}


class ApiError(Exception):
    """The API server refused a request.

    Attributes:
        code: HTTP status.
        reason: Of its Status object, for example "Conflict".
        causes: Reasons in its details, for example "NamespaceTerminating".
    """

    def __init__(self, code: int, status: dict[str, Any]) -> None:
        super().__init__(str(status.get("message") or HTTPStatus(code).phrase))
        self.code = code
        self.reason = str(status.get("reason") or "")
        causes = (status.get("details") or {}).get("causes") or ()
        self.causes = frozenset(str(cause.get("reason")) for cause in causes)


class Requests(Protocol):
    """What the reconciler asks of the API server; each request may raise an ApiError."""

    async def find(self, kind: Object, name: str, namespace: str) -> dict[str, Any] | None:
        """Returns an object; None where there is none.

        Args:
            kind: Any object of that kind, for its `apiVersion` and `kind`.
            name: Its name.
            namespace: Where it is.
        """

    async def apply(self, wanted: Object, *, force: bool) -> dict[str, Any]:
        """Makes an object, or gives it our fields by server-side apply; returns it as it then is.

        Args:
            wanted: Our fields. A resourceVersion among them must still be the object's.
            force: Whether fields that others have set are taken from them; else a conflict.
        """

    async def write_status(self, noteboard: Object, status: Object) -> None:
        """Writes the status of a Noteboard, if it still is the same one."""

    async def delete(self, obj: Object) -> None:
        """Deletes an object; it may be gone already."""


class Api:
    """`Requests` by HTTP.

    Args:
        login: Returns credentials; asked again when they are no longer valid, since the token of
            a ServiceAccount is renewed in its file.
    """

    def __init__(self, login: Callable[[], kopf.ConnectionInfo]) -> None:
        self._login = login
        self._info = login()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._info.as_ssl_context()),
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    async def is_served(self) -> bool:
        """Whether Noteboards are served; asked of discovery, which takes no rights anywhere."""
        root, plural = _COLLECTIONS[(API_VERSION, KIND)]
        try:
            found = await self._request("GET", root)
        except ApiError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return False
            raise
        return any(item.get("name") == plural for item in found.get("resources") or ())

    async def find(self, kind: Object, name: str, namespace: str) -> dict[str, Any] | None:
        """Returns an object; None where there is none."""
        try:
            return await self._request("GET", _path(kind, name, namespace))
        except ApiError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def apply(self, wanted: Object, *, force: bool) -> dict[str, Any]:
        """Makes an object, or gives it our fields; returns it as it then is."""
        query = f"?fieldManager={MANAGER}&force={'true' if force else 'false'}"
        return await self._request("PATCH", _place(wanted) + query, wanted, _APPLY)

    async def write_status(self, noteboard: Object, status: Object) -> None:
        """Writes the status of a Noteboard, if it still is the same one."""
        body = {"metadata": {"uid": noteboard["metadata"]["uid"]}, "status": status}
        query = f"?fieldManager={MANAGER}"
        await self._request("PATCH", f"{_place(noteboard)}/status{query}", body, _MERGE)

    async def delete(self, obj: Object) -> None:
        """Deletes an object; it may be gone already."""
        try:
            await self._request("DELETE", _place(obj))
        except ApiError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise

    async def _request(
        self, method: str, path: str, body: Object | None = None, content_type: str = ""
    ) -> dict[str, Any]:
        code, answer = await self._send(method, path, body, content_type)
        if code == HTTPStatus.UNAUTHORIZED:
            self._info = self._login()
            code, answer = await self._send(method, path, body, content_type)
        if code >= HTTPStatus.BAD_REQUEST:
            raise ApiError(code, answer)
        return answer

    async def _send(
        self, method: str, path: str, body: Object | None, content_type: str
    ) -> tuple[int, dict[str, Any]]:
        headers = self._info.as_http_headers()
        if body is not None:
            headers["Content-Type"] = content_type
        data = None if body is None else json.dumps(body).encode()
        url = self._info.server.rstrip("/") + path
        async with self._session.request(method, url, data=data, headers=headers) as response:
            text = await response.text()
        try:
            answer = json.loads(text)
        except ValueError:  # a proxy's words, not the API server's
            answer = {"message": text[:200]}
        return response.status, answer


def _place(obj: Object) -> str:
    return _path(obj, obj["metadata"]["name"], obj["metadata"]["namespace"])


def _path(kind: Object, name: str, namespace: str) -> str:
    root, plural = _COLLECTIONS[(kind["apiVersion"], kind["kind"])]
    return f"{root}/namespaces/{namespace}/{plural}/{name}"
