"""Stage 4a: copies of objects that stand in a foreign namespace, and do nothing there."""

from __future__ import annotations

import copy
from typing import Any

__all__ = ["copied", "named"]

_SERVER = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "selfLink",
)
_SCALED = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"})
_UNCOPIED = frozenset(
    {
        "ControllerRevision",
        "EndpointSlice",
        "Endpoints",
        "Event",
        "HorizontalPodAutoscaler",  # its status is written for ever
        "Lease",
        "PersistentVolumeClaim",  # it would be provisioned
        "RoleBinding",  # it would give rights
    }
)
_GATE = "operator-harness/sentinel"
_SERVICE_FIELDS = (
    *("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"),
    *("externalTrafficPolicy", "allocateLoadBalancerNodePorts", "loadBalancerClass"),
)

Json = dict[str, Any]  # any JSON object


def copied(body: Json, *, namespace: str, uid: str) -> Json | None:
    """Returns a copy of an object for another namespace, that starts nothing; None if it would.

    Args:
        body: As the API server has it.
        namespace: Where the copy goes.
        uid: Of the custom resource that it belongs to: labels and annotations that hold it would
            make the copy its child, so they are left out.
    """
    kind = str(body.get("kind"))
    if kind in _UNCOPIED or body.get("type") == "kubernetes.io/service-account-token":
        return None
    made = copy.deepcopy(body)
    made.pop("status", None)
    metadata = {name: value for name, value in made["metadata"].items() if name not in _SERVER}
    for field in ("labels", "annotations"):
        pairs = (metadata.get(field) or {}).items()
        metadata[field] = {key: value for key, value in pairs if uid not in value}
    metadata["annotations"].pop("deployment.kubernetes.io/revision", None)
    metadata["namespace"] = namespace
    made["metadata"] = metadata
    if kind == "ServiceAccount":
        made.pop("secrets", None)
    _still(kind, made)
    return made


def named(kind: str, name: str, namespace: str) -> Json:
    """Returns an empty ConfigMap or Secret of a name."""
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
    }


def _still(kind: str, made: Json) -> None:
    """Changes a copy so that no controller starts anything for it."""
    spec = made.get("spec")
    if not isinstance(spec, dict):
        return
    if kind in _SCALED:
        spec["replicas"] = 0
    elif kind == "CronJob":
        spec["suspend"] = True
    elif kind == "Job":
        spec["suspend"] = True
        spec.pop("selector", None)
        spec["template"]["metadata"].pop("labels", None)
    elif kind == "DaemonSet":
        spec["template"]["spec"]["nodeSelector"] = {_GATE: "nowhere"}
    elif kind == "Pod":
        spec.pop("nodeName", None)
        spec["serviceAccountName"] = "default"
        spec.pop("serviceAccount", None)
        spec["schedulingGates"] = [{"name": _GATE}]
    elif kind == "Service":
        _inward(spec)


def _inward(spec: Json) -> None:
    """Makes a Service one that only the cluster can reach, at an address of its own."""
    for field in _SERVICE_FIELDS:
        spec.pop(field, None)
    spec["type"] = "ClusterIP"
    for port in spec.get("ports") or ():
        port.pop("nodePort", None)
