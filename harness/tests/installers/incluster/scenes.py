"""Recorded states of Deployments that aren't available, for the tests of causes."""

from __future__ import annotations

from typing import Any

from harness.installers.incluster.scenes import Scene
from harness.tests.installers.samples import container, deployment

__all__ = ["event", "pod", "replica_set", "scene", "waiting"]

Json = dict[str, Any]


def pod(*statuses: Json, phase: str = "Pending", name: str = "op-5d9-x", **more: Any) -> Json:
    mounts = [{"name": "certs", "mountPath": "/tmp/serving-certs"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": name,
            "ownerReferences": [{"kind": "ReplicaSet", "name": "op-5d9", "controller": True}],
        },
        "spec": {
            "nodeName": "node-0",
            "containers": [{"name": "manager", "volumeMounts": mounts}],
            "volumes": [{"name": "certs", "secret": {"secretName": "webhook-cert"}}],
        },
        "status": {
            "phase": phase,
            "startTime": "2026-11-21T06:00:00Z",
            "containerStatuses": list(statuses),
            **more,
        },
    }


def waiting(
    reason: str, message: str = "", *, restarts: int = 0, ended: Json | None = None
) -> Json:
    return {
        "name": "manager",
        "image": "example.com/op:v1",
        "restartCount": restarts,
        "state": {"waiting": {"reason": reason, "message": message}},
        "lastState": {"terminated": ended} if ended else {},
    }


def event(reason: str, message: str, *, of: str = "op-5d9-x") -> Json:
    return {
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": {"uid": of},
        "metadata": {"name": "e", "creationTimestamp": "2026-11-21T06:00:01Z"},
    }


def replica_set(message: str) -> Json:
    failure = {"type": "ReplicaFailure", "status": "True", "message": message}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "op-5d9", "namespace": "ns", "uid": "rs"},
        "status": {"conditions": [failure]},
    }


def scene(*pods: Json, logs: tuple[str, ...] = (), **more: Any) -> Scene:
    owner = deployment(container())
    owner["metadata"]["uid"] = "d"
    return Scene(
        deployment=owner,
        container="manager",
        pods=pods,
        logs={item["metadata"]["name"]: logs for item in pods},
        **more,
    )
