"""What the CRD of a custom resource says, as the API server has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.errors import NotVerified

if TYPE_CHECKING:
    from harness.kube.client import KubeClient
    from harness.model.resource import Resource

__all__ = ["Declared"]

Json = dict[str, Any]  # any JSON object


class Declared:
    """One version of a CRD.

    Args:
        client: Asks for it.
        resource: The custom resource's, in the version that counts.

    Raises:
        NotVerified: It is served by something else than a CRD.
    """

    def __init__(self, client: KubeClient, resource: Resource) -> None:
        definitions = client.resource("customresourcedefinitions.apiextensions.k8s.io")
        found = client.find(definitions, resource.key)
        if found is None:
            raise NotVerified(f"{resource.key} is served without a CustomResourceDefinition")
        self.spec: Json = found["spec"]
        self.version: Json = next(
            version for version in self.spec["versions"] if version["name"] == resource.version
        )
        self.title = f"{resource.kind} {resource.version}"

    @property
    def schema(self) -> Json:
        """openAPIV3Schema."""
        found: Json = (self.version.get("schema") or {}).get("openAPIV3Schema") or {}
        return found

    @property
    def has_status(self) -> bool:
        """Whether the schema has a status."""
        return bool((self.schema.get("properties") or {}).get("status"))

    @property
    def status_is_apart(self) -> bool:
        """Whether the status is a subresource."""
        return "status" in (self.version.get("subresources") or {})

    @property
    def scale(self) -> Json:
        """The scale subresource; empty where there is none."""
        return (self.version.get("subresources") or {}).get("scale") or {}

    @property
    def columns(self) -> list[Json]:
        """The printer columns."""
        return list(self.version.get("additionalPrinterColumns") or ())

    @property
    def served(self) -> tuple[str, ...]:
        """Names of the served versions."""
        return tuple(version["name"] for version in self.spec["versions"] if version.get("served"))
