"""API-012: API versions that Kubernetes has removed or deprecated.

After https://kubernetes.io/docs/reference/using-api/deprecation-guide/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.manifests.objects import kind_of

if TYPE_CHECKING:
    from harness.analysis.static.material import Flaw, Material

__all__ = ["REMOVED", "no_removed_api"]

REMOVED: dict[tuple[str, str], tuple[int, str]] = {
    (version, kind): (minor, instead)
    for minor, version, kinds, instead in (
        (16, "extensions/v1beta1", "DaemonSet Deployment ReplicaSet", "apps/v1"),
        (16, "extensions/v1beta1", "NetworkPolicy", "networking.k8s.io/v1"),
        (16, "apps/v1beta1", "Deployment StatefulSet", "apps/v1"),
        (16, "apps/v1beta2", "DaemonSet Deployment ReplicaSet StatefulSet", "apps/v1"),
        (
            22,
            "admissionregistration.k8s.io/v1beta1",
            "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
            "admissionregistration.k8s.io/v1",
        ),
        (
            22,
            "apiextensions.k8s.io/v1beta1",
            "CustomResourceDefinition",
            "apiextensions.k8s.io/v1",
        ),
        (22, "apiregistration.k8s.io/v1beta1", "APIService", "apiregistration.k8s.io/v1"),
        (22, "certificates.k8s.io/v1beta1", "CertificateSigningRequest", "certificates.k8s.io/v1"),
        (22, "coordination.k8s.io/v1beta1", "Lease", "coordination.k8s.io/v1"),
        (22, "extensions/v1beta1", "Ingress", "networking.k8s.io/v1"),
        (22, "networking.k8s.io/v1beta1", "Ingress IngressClass", "networking.k8s.io/v1"),
        (
            22,
            "rbac.authorization.k8s.io/v1beta1",
            "ClusterRole ClusterRoleBinding Role RoleBinding",
            "rbac.authorization.k8s.io/v1",
        ),
        (22, "scheduling.k8s.io/v1beta1", "PriorityClass", "scheduling.k8s.io/v1"),
        (
            22,
            "storage.k8s.io/v1beta1",
            "CSIDriver CSINode StorageClass VolumeAttachment",
            "storage.k8s.io/v1",
        ),
        (25, "batch/v1beta1", "CronJob", "batch/v1"),
        (25, "discovery.k8s.io/v1beta1", "EndpointSlice", "discovery.k8s.io/v1"),
        (25, "events.k8s.io/v1beta1", "Event", "events.k8s.io/v1"),
        (25, "autoscaling/v2beta1", "HorizontalPodAutoscaler", "autoscaling/v2"),
        (25, "policy/v1beta1", "PodDisruptionBudget", "policy/v1"),
        (25, "policy/v1beta1", "PodSecurityPolicy", "Pod Security admission"),
        (25, "node.k8s.io/v1beta1", "RuntimeClass", "node.k8s.io/v1"),
        (26, "autoscaling/v2beta2", "HorizontalPodAutoscaler", "autoscaling/v2"),
        (
            26,
            "flowcontrol.apiserver.k8s.io/v1beta1",
            "FlowSchema PriorityLevelConfiguration",
            "flowcontrol.apiserver.k8s.io/v1",
        ),
        (27, "storage.k8s.io/v1beta1", "CSIStorageCapacity", "storage.k8s.io/v1"),
        (
            29,
            "flowcontrol.apiserver.k8s.io/v1beta2",
            "FlowSchema PriorityLevelConfiguration",
            "flowcontrol.apiserver.k8s.io/v1",
        ),
        (
            32,
            "flowcontrol.apiserver.k8s.io/v1beta3",
            "FlowSchema PriorityLevelConfiguration",
            "flowcontrol.apiserver.k8s.io/v1",
        ),
    )
    for kind in kinds.split()
}
"""By apiVersion and kind: which minor version of Kubernetes 1 has dropped it; what replaces it."""

_DEPRECATED: dict[tuple[str, str], tuple[int, str]] = {
    ("v1", "Endpoints"): (33, "discovery.k8s.io/v1 EndpointSlice"),
    ("v1", "ComponentStatus"): (19, "the components' own health checks"),
}
"""By apiVersion and kind: since which minor version it is deprecated, and what replaces it."""


def no_removed_api(material: Material) -> list[Flaw] | str:
    """API-012: each manifest, for the version of the run and all that the target declares."""
    minors = [_minor(material.kubernetes), _minor(material.declared.max)]
    newest = max((minor for minor in minors if minor is not None), default=None)
    if newest is None:
        return "no version of Kubernetes is known"
    meant = f"The run is for Kubernetes {material.kubernetes or 'no version'}"
    if material.declared.max or material.declared.min:
        ends = (material.declared.min or "any", material.declared.max or "any")
        meant += f", the target declares {ends[0]} to {ends[1]}"
    flaws = []
    for item in material.objects:
        key = (str(item.obj.get("apiVersion")), kind_of(item.obj))
        since, instead = REMOVED.get(key, (0, ""))
        if since:
            gone = since <= newest
            flaws.append(
                item.flaw(
                    f"{key[0]} {key[1]} {'was' if gone else 'will be'} removed in Kubernetes "
                    f"1.{since}",
                    detail=f"{meant}. Use {instead}.",
                    severity="" if gone else "minor",
                )
            )
        since, instead = _DEPRECATED.get(key, (0, ""))
        if since and since <= newest:
            flaws.append(
                item.flaw(
                    f"{key[0]} {key[1]} is deprecated since Kubernetes 1.{since}",
                    detail=f"Use {instead}.",
                    severity="minor",
                )
            )
    return flaws


def _minor(version: str) -> int | None:
    parts = version.split(".")
    known = len(parts) > 1 and parts[1].isdecimal()
    return int(parts[1]) if known else None
