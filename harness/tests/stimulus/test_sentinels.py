"""Copies of objects start nothing, and are nobody's children."""

from __future__ import annotations

from typing import Any

import pytest

from harness.stimulus.sentinels import copied


def copy(kind: str, **more: Any) -> dict[str, Any]:
    body = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {
            "name": "page",
            "namespace": "here",
            "uid": "1",
            "resourceVersion": "7",
            "labels": {"app": "books", "owner": "the-uid"},
            "annotations": {"deployment.kubernetes.io/revision": "1", "kept": "yes"},
            "ownerReferences": [{"uid": "the-uid"}],
            "managedFields": [{"manager": "x"}],
            "finalizers": ["books"],
        },
        "status": {"x": 1},
        **more,
    }
    made = copied(body, namespace="foreign", uid="the-uid")
    assert made is not None
    assert body["metadata"]["namespace"] == "here"
    return made


def test_a_copy_keeps_names_and_labels_but_no_tie_to_its_owner() -> None:
    made = copy("ConfigMap", data={"a": "b"})
    assert made == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "page",
            "namespace": "foreign",
            "labels": {"app": "books"},
            "annotations": {"kept": "yes"},
        },
        "data": {"a": "b"},
    }


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("Deployment", {"replicas": 3}, {"replicas": 0}),
        ("CronJob", {"schedule": "x"}, {"schedule": "x", "suspend": True}),
        (
            "Job",
            {"selector": {}, "template": {"metadata": {"labels": {}}}},
            {"suspend": True, "template": {"metadata": {}}},
        ),
        (
            "Pod",
            {"nodeName": "n", "serviceAccount": "books", "serviceAccountName": "books"},
            {
                "serviceAccountName": "default",
                "schedulingGates": [{"name": "operator-harness/sentinel"}],
            },
        ),
        (
            "Service",
            {"type": "LoadBalancer", "clusterIP": "1", "ports": [{"port": 1, "nodePort": 2}]},
            {"type": "ClusterIP", "ports": [{"port": 1}]},
        ),
    ],
)
def test_a_copy_starts_nothing(kind: str, spec: dict[str, Any], expected: dict[str, Any]) -> None:
    assert copy(kind, spec=spec)["spec"] == expected


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "RoleBinding", "Lease", "Event"])
def test_what_would_act_or_give_rights_is_not_copied(kind: str) -> None:
    body = {"kind": kind, "metadata": {"name": "x"}}
    assert copied(body, namespace="foreign", uid="u") is None


def test_a_token_is_not_copied() -> None:
    body = {
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "x"},
    }
    assert copied(body, namespace="foreign", uid="u") is None
