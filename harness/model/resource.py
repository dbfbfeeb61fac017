"""How Kubernetes resources and objects are named."""

from __future__ import annotations

import msgspec

__all__ = ["ObjectKey", "Resource"]


class Resource(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """An API resource as discovery names it (GVR, with its kind)."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """For example "apps/v1", or "v1" in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> str:
        """For example "deployments.apps", or "configmaps" in the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Returns the URL path of the collection, object or subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        tail = "".join(f"/{part}" for part in (name, subresource) if part)
        return f"{root}{scope}/{self.plural}{tail}"


class ObjectKey(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Which object is meant.

    Attributes:
        resource: `Resource.key`, for example "deployments.apps".
        namespace: Empty for cluster-scoped objects.
        name: metadata.name.
        uid: metadata.uid; empty where only the name is known.
    """

    resource: str
    name: str
    namespace: str = ""
    uid: str = ""

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.resource} {place}{self.name}"
