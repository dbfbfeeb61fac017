"""Small manifests and targets for the tests of stage 3."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from harness.model.target import (
    Install,
    Kind,
    Manifests,
    Metrics,
    Process,
    Target,
    Twin,
    WorkloadSpec,
)

__all__ = ["container", "deployment", "pod", "service", "target", "webhook_configuration"]


def container(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": "manager", "image": "example.com/op:v1", "args": []}
    made.update(changes)
    return made


def deployment(
    *containers: dict[str, Any], name: str = "op", namespace: str = "ns", **spec: Any
) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": list(containers or (container(),)), **spec},
            },
        },
    }


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "op-abc",
            "namespace": "ns",
            "uid": "u-1",
            "labels": {"app": "op", "tier": "x"},
            "annotations": {"note": 'say "hi"'},
        },
        "spec": {
            "containers": list(containers or (container(),)),
            "nodeName": "node-0",
            "serviceAccountName": "op",
            **spec,
        },
        "status": {
            "podIP": "10.0.0.7",
            "podIPs": [{"ip": "10.0.0.7"}, {"ip": "fd00::7"}],
            "hostIP": "10.1.0.1",
        },
    }


def service(
    *, name: str = "hooks", namespace: str = "ns", port: int = 443, target: object = 9443
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": "op"}, "ports": [{"port": port, "targetPort": target}]},
    }


def webhook_configuration(**config: Any) -> dict[str, Any]:
    where = {"service": {"namespace": "ns", "name": "hooks", "path": "/validate"}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "hooks"},
        "webhooks": [{"name": "v.example.org", "clientConfig": {**where, **config}}],
    }


def target(folder: Path, *files: str, twin: Twin | None = None, **install: Any) -> Target:
    return Target(
        name="op",
        folder=str(folder),
        install=Install(manifests=Manifests(files=files), **install),
        kinds=(Kind(resource="things.example.org", samples=()),),
        workloads=(
            WorkloadSpec(
                deployment="op",
                process=Process(command=("bin/op",)),
                metrics=Metrics(port=8443),
            ),
        ),
        twin=twin,
    )


def changed(obj: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    made = copy.deepcopy(obj)
    made["metadata"].update(metadata)
    return made
