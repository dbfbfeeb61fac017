"""Stage 5, SCO: what the target declares: which namespaces the operator serves, what it makes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from harness.model.target import InstallMode, Webhooks

if TYPE_CHECKING:
    from harness.evidence.reader import Evidence

__all__ = ["Declared"]

_CRDS = "customresourcedefinitions.apiextensions.k8s.io"
_CALLED = frozenset(
    {
        _CRDS,  # their conversion webhook
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "apiservices.apiregistration.k8s.io",
    }
)
_NAMESPACES = "namespaces"


class Declared:
    """The declared scope of an installed operator.

    Args:
        evidence: Of the run.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.mode = evidence.target.scope.mode

    @property
    def is_unlimited(self) -> bool:
        """Whether it serves every namespace."""
        return self.mode is InstallMode.ALL_NAMESPACES

    @cached_property
    def own(self) -> frozenset[str]:
        """Namespaces in which the operator itself lives."""
        installation = self._evidence.installation
        if installation is None:
            return frozenset()
        return frozenset(
            {installation.namespace, *(each.namespace for each in installation.workloads)}
        )

    @cached_property
    def served(self) -> frozenset[str]:
        """Namespaces whose custom resources it serves; empty where it serves all."""
        if self.is_unlimited:
            return frozenset()
        named = frozenset(self._evidence.target.scope.namespaces)
        return self.own if self.mode is InstallMode.OWN_NAMESPACE or not named else named

    @cached_property
    def customs(self) -> frozenset[str]:
        """Resources of the custom resources that are the operator's own."""
        target, installation = self._evidence.target, self._evidence.installation
        objects = installation.objects if installation else ()
        brought = (item.key.name for item in objects if item.key.resource == _CRDS)
        return frozenset({*(kind.resource for kind in target.kinds), *brought})

    @cached_property
    def writes(self) -> frozenset[str]:
        """Resources that it may write; Events, Leases and reviews not counted."""
        target = self._evidence.target
        managed = target.install.webhooks is Webhooks.SELF_MANAGED
        return self.customs | frozenset(target.scope.owns) | (_CALLED if managed else frozenset())

    def is_namespaced(self, resource: str) -> bool:
        """Whether a resource is known to be namespaced.

        Args:
            resource: `Resource.key`.
        """
        return resource in self._namespaced

    def serves(self, namespace: str) -> bool:
        """Whether custom resources in a namespace are the operator's business."""
        return self.is_unlimited or namespace in self.served

    def place_of(self, resource: str, namespace: str) -> str:
        """Returns the namespace of a request; the audit log names a Namespace as its own."""
        return "" if resource == _NAMESPACES else namespace

    @cached_property
    def _namespaced(self) -> frozenset[str]:
        return frozenset(
            f"{item.resource}.{item.group}" if item.group else item.resource
            for access in self._evidence.access()
            for item in access.served
            if item.namespaced and "/" not in item.resource
        )

    @property
    def is_known(self) -> bool:
        """Whether it was recorded which resources are namespaced."""
        return bool(self._namespaced)

    def words(self) -> str:
        """Returns the declared scope as findings say it."""
        names = ", ".join(sorted(self.served))
        return f"{self.mode} ({names})" if names else str(self.mode)
