"""One request and its answer, tried again only where that can't do harm.

What is tried again: a refused connection, a read whose answer was lost, and a request that the
server turned away with 429. A write whose effect is unknown is never repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError

from harness.clock import Deadline
from harness.errors import ApiError
from harness.kube.status import api_error, no_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3.response import BaseHTTPResponse

    from harness.clock import Clock
    from harness.kube.connection import Connection

__all__ = ["TIMEOUT_S", "Exchange", "Response"]

TIMEOUT_S = 30.0
_ATTEMPTS = 5
_BACKOFF_S = 0.1
_LONGEST_PAUSE_S = 5.0


class Response(NamedTuple):
    """An HTTP answer, whatever its status."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Exchange:
    """Requests to one API server under one identity.

    Args:
        connection: Server and identity.
        clock: For pauses between attempts.
    """

    def __init__(self, connection: Connection, *, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

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
        """Sends a request and returns the answer, whatever its status; see `KubeClient.raw`."""
        deadline = Deadline(timeout, clock=self._clock)
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS
            pause = _BACKOFF_S * 2 ** (attempt - 1)
            try:
                answer = self._connection.open(
                    method,
                    path,
                    query=query,
                    body=body,
                    headers=headers,
                    timeout=max(deadline.remaining, 0.001),
                )
            except HTTPError as error:
                if last or pause > deadline.remaining or not _harmless(method, error):
                    raise no_answer(method, path, error) from error
            else:
                if answer.status != 429 or last:  # noqa: PLR2004 - HTTP
                    return Response(answer.status, answer.data, answer.headers)
                pause = _retry_after(answer)
                if pause > deadline.remaining:
                    return Response(answer.status, answer.data, answer.headers)
            self._clock.sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        about: str = "",
    ) -> Response:
        """Sends a JSON body (or none) and returns the answer of a success.

        Args:
            method: HTTP method.
            path: URL path.
            query: Parameters.
            body: Encoded as JSON; None for no body.
            headers: Added to ours.
            about: What errors name instead of the path.

        Raises:
            ApiError: Any answer but 2xx, or none (status 0).
        """
        data = None if body is None else msgspec.json.encode(body)
        content = {} if body is None else {"Content-Type": "application/json"}
        response = self.raw(
            method, path, query=query, body=data, headers={**content, **(headers or {})}
        )
        if not 200 <= response.status < 300:  # noqa: PLR2004 - HTTP
            raise api_error(method, about or path, response.status, response.body)
        return response

    def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        about: str = "",
    ) -> dict[str, Any]:
        """Returns the JSON object in the answer; arguments and errors as in `request`."""
        response = self.request(method, path, query=query, body=body, headers=headers, about=about)
        return _decode(method, about or path, response)


def _decode(method: str, about: str, response: Response) -> dict[str, Any]:
    try:
        return msgspec.json.decode(response.body, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ApiError(
            f"{method} {about}: the answer isn't a JSON object ({error})",
            status=response.status,
            hint="Something other than an API server may listen there.",
        ) from error


def _harmless(method: str, error: HTTPError) -> bool:
    """Whether a request without an answer may be sent again."""
    if isinstance(error, NewConnectionError):
        return True  # it was never sent
    return method in ("GET", "HEAD") and isinstance(error, ProtocolError)


def _retry_after(answer: BaseHTTPResponse) -> float:
    try:
        seconds = float(answer.headers.get("Retry-After", "1"))
    except ValueError:
        return 1.0
    return min(max(seconds, _BACKOFF_S), _LONGEST_PAUSE_S)
