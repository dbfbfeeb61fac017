"""Stage 3: in which order manifests are applied, and taken away again."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from harness.manifests.objects import Object, group_of, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CERT_MANAGER_GROUP", "Rank", "ordered", "rank"]

CERT_MANAGER_GROUP = "cert-manager.io"
"""Its objects are honoured by issuing the certificates ourselves; they aren't applied."""


class Rank(IntEnum):
    """The groups of manifests, in the order of their application."""

    NAMESPACE = 0
    CRD = 1
    SUPPORT = 2  # identities, permissions, configuration, Services
    WORKLOAD = 3  # its Pods need all of the above
    WEBHOOK = 4  # only when the operator's endpoint answers
    CUSTOM = 5  # objects of the operator's own kinds, which its webhooks may judge


_SUPPORT = (
    *("PriorityClass", "ResourceQuota", "LimitRange", "ServiceAccount", "Secret", "ConfigMap"),
    *("StorageClass", "PersistentVolume", "PersistentVolumeClaim", "ClusterRole"),
    *("ClusterRoleBinding", "Role", "RoleBinding", "Service", "NetworkPolicy"),
    "PodDisruptionBudget",
)
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob")
_WEBHOOKS = (
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "APIService",
)


def rank(obj: Object) -> Rank:
    """Returns the group of a manifest; kinds of other API groups are custom resources."""
    kind, group = kind_of(obj), group_of(obj)
    if kind == "Namespace" and not group:
        return Rank.NAMESPACE
    if kind == "CustomResourceDefinition":
        return Rank.CRD
    if "." in group and not group.endswith(".k8s.io"):
        return Rank.CUSTOM
    if kind in _WEBHOOKS:
        return Rank.WEBHOOK
    if kind in _WORKLOADS:
        return Rank.WORKLOAD
    return Rank.SUPPORT


def ordered(manifests: Iterable[Object]) -> list[Object]:
    """Returns manifests in the order of application; within a kind, as they were written."""
    return sorted(manifests, key=_place)


def _place(obj: Object) -> tuple[int, int]:
    kind = kind_of(obj)
    return rank(obj), _SUPPORT.index(kind) if kind in _SUPPORT else len(_SUPPORT)
