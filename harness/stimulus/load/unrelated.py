"""Stage 4a: objects that belong to no custom resource, of a kind that the operator owns elsewhere.

They are inert: no controller makes anything of them but a Deployment's empty ReplicaSet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.kube.client import KubeClient

__all__ = ["Unrelated", "kind_of"]

_LABEL = "operator-harness.example/unrelated"
_LABELS = {"app.kubernetes.io/managed-by": "operator-harness", _LABEL: "true"}
_TEXT = "x" * 256


def _config_map() -> dict[str, Any]:
    return {"data": {"text": _TEXT}}


def _secret() -> dict[str, Any]:
    return {"stringData": {"text": _TEXT}}


def _service() -> dict[str, Any]:
    return {"spec": {"clusterIP": "None", "selector": _LABELS, "ports": [{"port": 80}]}}


def _deployment() -> dict[str, Any]:
    container = {"name": "none", "image": "registry.example/none"}
    template = {"metadata": {"labels": _LABELS}, "spec": {"containers": [container]}}
    return {"spec": {"replicas": 0, "selector": {"matchLabels": _LABELS}, "template": template}}


_BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "configmaps": _config_map,
    "secrets": _secret,
    "serviceaccounts": dict,
    "services": _service,
    "deployments.apps": _deployment,
}
"""By `Resource.key`; the cheapest first."""


def kind_of(owned: Sequence[str]) -> str:
    """Returns the kind of which unrelated objects are made: an owned one, else ConfigMaps.

    Args:
        owned: `Resource.key` of each kind that the operator says it makes.
    """
    return next((kind for kind in _BODIES if kind in owned), "configmaps")


class Unrelated:
    """Objects without an owner, spread over namespaces.

    Args:
        client: Of the harness itself; the load generator's identity may not make them.
        kind: One that `kind_of` returns.
        namespaces: Object i lies in namespace i modulo their number.
        prefix: Of their names.
    """

    def __init__(
        self, client: KubeClient, kind: str, *, namespaces: Sequence[str], prefix: str
    ) -> None:
        self._client = client
        self._resource = client.resource(kind)
        self._body = _BODIES[kind]()
        self._namespaces = tuple(namespaces)
        self._prefix = prefix
        self.kind = kind
        self.count = 0

    def grow(self, count: int) -> None:
        """Makes objects until there are so many.

        Raises:
            ApiError: The API server refused one.
        """
        what = {"apiVersion": self._resource.api_version, "kind": self._resource.kind}
        while self.count < count:
            metadata = {"name": f"{self._prefix}unrelated-{self.count:07d}", "labels": _LABELS}
            self._client.create(
                self._resource,
                {**what, "metadata": metadata, **self._body},
                namespace=self._namespaces[self.count % len(self._namespaces)],
            )
            self.count += 1

    def remove(self) -> None:
        """Deletes all of them.

        Raises:
            ApiError: No answer came.
        """
        options = msgspec.json.encode({"propagationPolicy": "Background"})
        for namespace in self._namespaces if self.count else ():
            self._client.raw(
                "DELETE",
                self._resource.path(namespace),
                query={"labelSelector": f"{_LABEL}=true"},
                body=options,
                headers={"Content-Type": "application/json"},
            )
        self.count = 0
