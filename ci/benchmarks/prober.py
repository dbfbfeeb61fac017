"""Asks an API server from outside, in the same way whoever started it."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Prober", "seconds_since"]

_INTERVAL_S = 0.02
_LIMIT_S = 90.0
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_WIDGETS = "/apis/bench.operator-harness.example/v1/widgets"
_CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.bench.operator-harness.example"},
    "spec": {
        "group": "bench.operator-harness.example",
        "scope": "Cluster",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"size": {"type": "integer"}},
                            }
                        },
                    }
                },
            }
        ],
    },
}
_WIDGET = {
    "apiVersion": "bench.operator-harness.example/v1",
    "kind": "Widget",
    "metadata": {"name": "first"},
    "spec": {"size": 1},
}
_OK, _CREATED, _CONFLICT = 200, 201, 409


def seconds_since(begin_ns: int) -> float:
    """Returns the seconds since an instant of the monotonic clock."""
    return (SYSTEM_CLOCK.now().mono_ns - begin_ns) / 1e9


class Prober:
    """Asks one API server every 20 ms until it does what's awaited.

    Args:
        port: Of 127.0.0.1.
        tls: With a client certificate, or without.
        token: Bearer token; empty with a client certificate.
    """

    def __init__(self, port: int, *, tls: ssl.SSLContext, token: str = "") -> None:
        self._port = port
        self._tls = tls
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connection: http.client.HTTPSConnection | None = None

    def await_account(self, *, check: Callable[[], None]) -> None:
        """Waits until all is ready and pods may be made: /readyz, and the ServiceAccount."""
        _until(lambda: self._ask("GET", "/readyz")[0] == _OK, check)
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        _until(lambda: self._ask("GET", account)[0] == _OK, check)

    def await_custom_resource(self, *, check: Callable[[], None]) -> None:
        """Waits until a kind is taken, and then its first custom resource."""
        _until(lambda: self._ask("POST", _CRDS, _CRD)[0] in {_CREATED, _CONFLICT}, check)
        _until(lambda: self._ask("POST", _WIDGETS, _WIDGET)[0] == _CREATED, check)

    def await_available(self, name: str, *, check: Callable[[], None]) -> None:
        """Makes a Deployment and waits until it's Available."""
        path = "/apis/apps/v1/namespaces/default/deployments"
        body = _deployment(name)
        _until(lambda: self._ask("POST", path, body)[0] == _CREATED, check)

        def is_available() -> bool:
            status, found = self._ask("GET", f"{path}/{name}")
            return status == _OK and found.get("status", {}).get("availableReplicas") == 1

        _until(is_available, check)

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Returns status and body of an answer; 0 where none comes."""
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                "127.0.0.1", self._port, context=self._tls, timeout=10.0
            )
        data = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, body=data, headers=self._headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return 0, {}
        return answer.status, json.loads(text) if text.startswith(b"{") else {}


def _until(met: Callable[[], bool], check: Callable[[], None]) -> None:
    deadline = Deadline(_LIMIT_S)
    while not met():
        check()
        if deadline.passed:
            raise HarnessError(f"The prober saw nothing for {_LIMIT_S:g} s.")
        SYSTEM_CLOCK.sleep(_INTERVAL_S)


def _deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "any"}]},
            },
        },
    }
