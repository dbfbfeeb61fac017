"""Which names of objects will be the same in the next installation: a rule may list these alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.model.target import InstallMode

if TYPE_CHECKING:
    from harness.evidence.reader import Evidence

__all__ = ["Surroundings"]

_GENERATED = re.compile(r"-[bcdf-hj-np-tv-xz24-9]{5}$|[0-9a-f]{8,}")
"""Kubernetes' own random suffix (k8s.io/apimachinery util/rand leaves out vowels, 0, 1 and 3), and
hashes."""
_MADE_BY_OTHERS = frozenset({"pods", "events", "events.events.k8s.io", "replicasets.apps"})
_LEASES = "leases.coordination.k8s.io"


class Surroundings:
    """What surrounds the operator, whatever a run asks of it.

    Args:
        evidence: Of a run in which it was installed.

    Attributes:
        namespaces: Its own, and those that it's told to serve; any other one of a run is a test's
            own, and says nothing about where an operator must work.
    """

    def __init__(self, evidence: Evidence) -> None:
        installation = evidence.installation
        home = {installation.namespace} if installation else set()
        scope = evidence.target.scope
        everywhere = scope.mode is InstallMode.ALL_NAMESPACES
        self.namespaces = frozenset(home if everywhere else {*home, *scope.namespaces})
        keys = [item.key for item in installation.objects] if installation else []
        self._installed = {(key.resource, key.namespace, key.name) for key in keys}
        workloads = installation.workloads if installation else ()
        self._leases = {lease for workload in workloads for lease in workload.leases}
        self._asked = {key.name for phase in evidence.phases() for key in phase.objects}

    def keeps(self, key: str, namespace: str, name: str) -> bool:
        """Returns whether an object's name stays.

        Args:
            key: `Grant.key`, with or without a subresource.
            namespace: Empty for what is cluster-wide.
            name: The object's.
        """
        resource = key.partition("/")[0]
        if (resource, namespace, name) in self._installed:
            return True
        if resource == _LEASES and f"{namespace}/{name}" in self._leases:
            return True
        if not namespace or resource in _MADE_BY_OTHERS or _GENERATED.search(name):
            return False
        return not any(asked in name for asked in self._asked)
