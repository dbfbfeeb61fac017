"""Without a rule of the target, the rules of kstatus decide, kind by kind."""

from __future__ import annotations

from typing import Any

import pytest

from harness.model.target import Readiness
from harness.readiness import State, judge

READY, WAIT, FAILED = State.READY, State.IN_PROGRESS, State.FAILED
NEW = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
AVAILABLE = {"type": "Available", "status": "True"}
ALL_3 = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}
STS_3 = {"replicas": 3, "readyReplicas": 3, "currentReplicas": 3, "updatedReplicas": 3}
RS_3 = {"replicas": 3, "fullyLabeledReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}
DS_3 = {
    "observedGeneration": 1,
    "desiredNumberScheduled": 3,
    "currentNumberScheduled": 3,
    "updatedNumberScheduled": 3,
    "numberAvailable": 3,
    "numberReady": 3,
}


def _c(kind: str, status: str = "True", **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, **more}


def _deployment(status: dict[str, Any], *conditions: dict[str, Any], **spec: Any) -> dict[str, Any]:
    spec = {"replicas": 3, "progressDeadlineSeconds": 600} | spec
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": spec,
        "status": status | {"conditions": list(conditions)},
    }


def _object(
    version_kind: str, status: dict[str, Any], spec: dict[str, Any] | None = None
) -> dict[str, Any]:
    version, _, kind = version_kind.rpartition("/")
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"generation": 1},
        "spec": spec or {},
        "status": status,
    }


def _custom(*conditions: dict[str, Any], **status: Any) -> dict[str, Any]:
    if conditions:
        status["conditions"] = list(conditions)
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"generation": 2},
        "status": status,
    }


def _looping(state: Any) -> dict[str, Any]:
    return {"phase": "Running", "containerStatuses": [1, {"name": "a", "state": state}]}


CASES = [
    # any kind
    (_custom(), READY, "kstatus counts it as current"),
    (_custom(observedGeneration=1), WAIT, "status.observedGeneration is 1, the generation is 2"),
    (_custom(_c("Ready"), observedGeneration=2), READY, "condition Ready is True"),
    (_custom(_c("Ready", "False", reason="X")), WAIT, "condition Ready is False (X)"),
    (_custom(_c("Ready", observedGeneration=1)), WAIT, "observedGeneration of condition Ready"),
    (_custom(_c("Other", observedGeneration=1)), WAIT, "the newest observedGeneration of its"),
    (_custom(_c("Other", observedGeneration=2)), READY, "kstatus counts it as current"),
    (_custom(_c("Ready"), _c("Reconciling")), WAIT, "condition Reconciling is True"),
    (_custom(_c("Ready"), _c("Reconciling", "False")), READY, "condition Ready is True"),
    (_custom(_c("Reconciling", "False", observedGeneration=1)), WAIT, "condition Reconciling is 1"),
    (_custom(_c("Stalled", message="no quota")), FAILED, "condition Stalled is True (no quota)"),
    (_custom(_c("Stalled", observedGeneration=1)), WAIT, "of condition Stalled is 1"),
    (_custom(_c("Stalled", "False"), _c("Ready")), READY, "condition Ready is True"),
    ({"metadata": {"deletionTimestamp": "x"}}, WAIT, "it is being deleted"),
    ({}, READY, "kstatus counts it as current"),
    ({"apiVersion": 1, "kind": [], "metadata": "x", "status": 5}, READY, "kstatus"),
    # Deployment
    (_deployment(ALL_3, NEW, AVAILABLE), READY, "3 of 3 replicas are available"),
    (_deployment({}), WAIT, "0 of 3 replicas are there"),
    (_deployment(ALL_3 | {"updatedReplicas": 1}, NEW, AVAILABLE), WAIT, "1 of 3 replicas are upd"),
    (_deployment(ALL_3 | {"replicas": 4}, NEW, AVAILABLE), WAIT, "1 replicas too many"),
    (_deployment(ALL_3 | {"availableReplicas": 2}, NEW, AVAILABLE), WAIT, "2 of 3 replicas are av"),
    (_deployment(ALL_3 | {"readyReplicas": 0}, NEW, AVAILABLE), WAIT, "0 of 3 replicas are ready"),
    (_deployment(ALL_3, AVAILABLE), WAIT, "its new ReplicaSet isn't available"),
    (_deployment(ALL_3, NEW), WAIT, "it has no condition Available that is True"),
    (
        _deployment(ALL_3, AVAILABLE, progressDeadlineSeconds=2147483647),
        READY,
        "3 of 3 replicas are available",
    ),
    (
        _deployment({}, _c("Progressing", "False", reason="ProgressDeadlineExceeded")),
        FAILED,
        "ProgressDeadlineExceeded",
    ),
    (_deployment({}, NEW, AVAILABLE, replicas=0), READY, "0 of 0 replicas"),
    # ReplicaSet
    (_object("apps/v1/ReplicaSet", RS_3, {"replicas": 3}), READY, "3 of 3 replicas are available"),
    (_object("apps/v1/ReplicaSet", {}), WAIT, "0 of 1 replicas have all labels"),
    (
        _object("apps/v1/ReplicaSet", RS_3 | {"availableReplicas": 0}, {"replicas": 3}),
        WAIT,
        "avail",
    ),
    (
        _object("apps/v1/ReplicaSet", RS_3 | {"readyReplicas": 0}, {"replicas": 3}),
        WAIT,
        "are ready",
    ),
    (_object("apps/v1/ReplicaSet", RS_3, {"replicas": 2}), WAIT, "1 replicas too many"),
    (
        _object("apps/v1/ReplicaSet", RS_3 | {"conditions": [_c("ReplicaFailure", reason="Q")]}),
        WAIT,
        "condition ReplicaFailure is True (Q)",
    ),
    # StatefulSet
    (_object("apps/v1/StatefulSet", STS_3, {"replicas": 3}), READY, "3 of 3 replicas are ready"),
    (_object("apps/v1/StatefulSet", {}), WAIT, "0 of 1 replicas are there"),
    (_object("apps/v1/StatefulSet", {"replicas": 1}), WAIT, "0 of 1 replicas are ready"),
    (_object("apps/v1/StatefulSet", STS_3, {"replicas": 2}), WAIT, "1 replicas too many"),
    (
        _object("apps/v1/StatefulSet", STS_3 | {"currentReplicas": 1}, {"replicas": 3}),
        WAIT,
        "1 of 3 replicas are current",
    ),
    (
        _object(
            "apps/v1/StatefulSet",
            STS_3 | {"currentRevision": "a", "updateRevision": "b"},
            {"replicas": 3},
        ),
        WAIT,
        "its current revision isn't the updated one",
    ),
    (
        _object(
            "apps/v1/StatefulSet",
            STS_3 | {"updatedReplicas": 1},
            {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
        ),
        WAIT,
        "1 of 2 replicas are updated",
    ),
    (
        _object(
            "apps/v1/StatefulSet",
            STS_3 | {"updatedReplicas": 2, "currentReplicas": 1},
            {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
        ),
        READY,
        "3 of 3 replicas are ready",
    ),
    (
        _object("apps/v1/StatefulSet", {}, {"updateStrategy": {"type": "OnDelete"}}),
        READY,
        "its update strategy is OnDelete",
    ),
    # DaemonSet
    (_object("apps/v1/DaemonSet", DS_3), READY, "3 of 3 pods are ready"),
    (_object("apps/v1/DaemonSet", {}), WAIT, "it has no status.observedGeneration"),
    (_object("apps/v1/DaemonSet", {"observedGeneration": 1}), WAIT, "no status.desiredNumber"),
    (_object("apps/v1/DaemonSet", DS_3 | {"currentNumberScheduled": 2}), WAIT, "2 of 3 pods are s"),
    (_object("apps/v1/DaemonSet", DS_3 | {"updatedNumberScheduled": 2}), WAIT, "2 of 3 pods are u"),
    (_object("apps/v1/DaemonSet", DS_3 | {"numberAvailable": 2}), WAIT, "2 of 3 pods are avail"),
    (_object("apps/v1/DaemonSet", DS_3 | {"numberReady": 2}), WAIT, "2 of 3 pods are ready"),
    # Service
    (_object("v1/Service", {}), READY, "a Service needs nothing more"),
    (_object("v1/Service", {}, {"type": "LoadBalancer"}), WAIT, "it has no cluster IP"),
    (
        _object("v1/Service", {}, {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}),
        READY,
        "nothing",
    ),
    # Pod
    (_object("v1/Pod", {"phase": "Failed"}), FAILED, "it has failed"),
    (_object("v1/Pod", {"phase": "Succeeded"}), READY, "it has succeeded"),
    (_object("v1/Pod", {"phase": "Failed", "reason": "Evicted"}), FAILED, "has failed: Evicted"),
    (_object("v1/Pod", {"phase": "Running", "conditions": [_c("Ready")]}), READY, "is running and"),
    (_object("v1/Pod", {"phase": "Running"}), WAIT, "its phase is Running, it isn't Ready"),
    (
        _object("v1/Pod", _looping({"waiting": {"reason": "CrashLoopBackOff"}})),
        FAILED,
        "containers crash again and again: a",
    ),
    (_object("v1/Pod", _looping({"running": {}})), WAIT, "its phase is Running"),
    (
        _object(
            "v1/Pod",
            {
                "phase": "Pending",
                "conditions": [_c("PodScheduled", "False", reason="Unschedulable")],
            },
        ),
        WAIT,
        "condition PodScheduled is False (Unschedulable)",
    ),
    (_object("v1/Pod", {"phase": "Pending"}), WAIT, "its phase is Pending"),
    (_object("v1/Pod", {}), WAIT, "it has no phase"),
    # the others
    (_object("v1/PersistentVolumeClaim", {"phase": "Bound"}), READY, "it is Bound"),
    (_object("v1/PersistentVolumeClaim", {"phase": "Pending"}), WAIT, "its phase is 'Pending'"),
    (_object("batch/v1/Job", {"conditions": [_c("Complete")]}), READY, "it is complete"),
    (_object("batch/v1/Job", {"conditions": [_c("Failed", reason="B")]}), FAILED, "Failed is True"),
    (_object("batch/v1/Job", {}), WAIT, "it hasn't started"),
    (_object("batch/v1/Job", {"startTime": "x"}), READY, "it has started"),
    (_object("policy/v1/PodDisruptionBudget", {"observedGeneration": 1}), READY, "computed"),
    (_object("policy/v1/PodDisruptionBudget", {}), WAIT, "it has no status.observedGeneration"),
    (
        _object(
            "apiextensions.k8s.io/v1/CustomResourceDefinition",
            {"conditions": [_c("NamesAccepted"), _c("Established")]},
        ),
        READY,
        "condition Established is True",
    ),
    (_object("apiextensions.k8s.io/v1/CustomResourceDefinition", {}), WAIT, "no condition Establ"),
    (
        _object(
            "apiextensions.k8s.io/v1/CustomResourceDefinition",
            {"conditions": [_c("NamesAccepted", "False", reason="PluralConflict")]},
        ),
        FAILED,
        "PluralConflict",
    ),
    (
        _object(
            "apiextensions.k8s.io/v1/CustomResourceDefinition",
            {"conditions": [_c("Established", "False", reason="Installing")]},
        ),
        WAIT,
        "Installing",
    ),
    (
        _object(
            "apiextensions.k8s.io/v1/CustomResourceDefinition",
            {"conditions": [_c("Established", "False", reason="NotAccepted")]},
        ),
        FAILED,
        "NotAccepted",
    ),
    # a custom resource with a built-in kind's name is not that kind
    (_object("example.com/v1/Pod", {}), READY, "kstatus counts it as current"),
]


@pytest.mark.parametrize(
    ("obj", "state", "reason"),
    CASES,
    ids=[f"{c[0].get('kind', 'any')}-{c[1].value}-{c[2][:24]}" for c in CASES],
)
def test_the_rules_of_kstatus(obj: dict[str, Any], state: State, reason: str) -> None:
    found = judge(obj, Readiness())
    assert found.state is state, found.reason
    assert reason in found.reason
