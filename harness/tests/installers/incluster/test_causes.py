"""The first cause why an operator doesn't run, from recorded Pods, events and logs alone."""

from __future__ import annotations

import pytest

from harness.installers.incluster.causes import first_cause
from harness.installers.incluster.scenes import Scene
from harness.tests.installers.incluster.scenes import event, pod, replica_set, scene, waiting

_FORBIDDEN = (
    "E1121 06:00:01 reflector.go:200] failed to list: things.example.org is forbidden: User "
    '"system:serviceaccount:ns:op" cannot list resource "things" in API group "example.org" '
    "at the cluster scope"
)
_UNREADY = {"type": "Ready", "status": "False"}


def _found(seen: Scene) -> tuple[str, str, bool]:
    cause = first_cause(seen)
    assert cause is not None
    return cause.check, cause.title, cause.lasting


@pytest.mark.parametrize(
    ("message", "title"),
    [
        (
            'pods "op-5d9-" is forbidden: exceeded quota: tight, requested: pods=1, used: pods=0, '
            "limited: pods=0",
            "Deployment ns/op gets no Pod: a ResourceQuota of its namespace is exceeded.",
        ),
        (
            'pods "op-5d9-" is forbidden: error looking up service account ns/op: serviceaccount '
            '"op" not found',
            "Deployment ns/op gets no Pod: its ServiceAccount op isn't there.",
        ),
        (
            'pods "op-5d9-" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot',
            "Deployment ns/op gets no Pod: its namespace's Pod Security level forbids it.",
        ),
        (
            'admission webhook "deny.example.org" denied the request',
            "Deployment ns/op gets no Pod: its creation is refused.",
        ),
    ],
)
def test_a_pod_that_is_not_made(message: str, title: str) -> None:
    seen = scene(replica_sets=(replica_set(message),))
    assert _found(seen) == ("INS-001", title, True)
    cause = first_cause(seen)
    assert cause is not None
    assert message in cause.detail


def test_a_quota_is_told_by_the_event_where_the_condition_is_late() -> None:
    seen = scene(events=(event("FailedCreate", "exceeded quota: tight", of="rs"),))
    assert "ResourceQuota" in _found(seen)[1]


def test_a_pod_that_fits_on_no_node() -> None:
    unscheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu. preemption: …",
    }
    check, title, lasting = _found(scene(pod(conditions=[unscheduled])))
    assert check == "INS-001"
    assert title.startswith("Pod ns/op-5d9-x fits on no node: 0/1 nodes are available: 1 Insuff")
    assert not lasting, "a node may come"


def test_a_webhook_without_its_certificate() -> None:
    lost = 'MountVolume.SetUp failed for volume "certs" : secret "webhook-cert" not found'
    seen = scene(pod(waiting("ContainerCreating")), events=(event("FailedMount", lost),))
    assert _found(seen) == (
        "INS-001",
        "Pod ns/op-5d9-x can't start: the secret webhook-cert isn't there, which holds its "
        "webhooks' certificate.",
        True,
    )


def test_a_volume_whose_config_map_is_missing() -> None:
    lost = 'MountVolume.SetUp failed for volume "settings" : configmap "settings" not found'
    seen = scene(pod(waiting("ContainerCreating")), events=(event("FailedMount", lost),))
    assert _found(seen)[1] == "Pod ns/op-5d9-x can't start: the configmap settings isn't there."


@pytest.mark.parametrize(
    ("reason", "why", "lasting"),
    [
        ("ErrImagePull", "isn't on the node, and can't be pulled", False),
        ("ImagePullBackOff", "isn't on the node, and can't be pulled", True),
        ("ErrImageNeverPull", "isn't on the node, and imagePullPolicy is Never", True),
        ("InvalidImageName", "isn't the name of an image", True),
    ],
)
def test_an_image_that_is_not_there(reason: str, why: str, *, lasting: bool) -> None:
    assert _found(scene(pod(waiting(reason)))) == (
        "INS-001",
        f"The image example.com/op:v1 {why}.",
        lasting,
    )


def test_a_container_that_cannot_be_configured() -> None:
    seen = scene(pod(waiting("CreateContainerConfigError", 'secret "api-key" not found')))
    assert _found(seen)[1] == (
        'Container manager of Pod ns/op-5d9-x can\'t start: secret "api-key" not found.'
    )


def test_a_crash_loop_tells_exit_code_and_last_lines() -> None:
    looping = waiting("CrashLoopBackOff", restarts=2, ended={"exitCode": 7, "reason": "Error"})
    cause = first_cause(scene(pod(looping, phase="Running"), logs=("unknown flag: --wrong",)))
    assert cause is not None
    assert cause.check == "INS-002"
    assert cause.title == "The operator ends at start with exit code 7, again and again."
    assert cause.lines == ("unknown flag: --wrong",)
    assert cause.lasting


def test_of_a_long_log_the_beginning_is_shown_too() -> None:
    looping = waiting("CrashLoopBackOff", restarts=2, ended={"exitCode": 2, "reason": "Error"})
    usage = ("flag provided but not defined: -x", *(f"  -{number}" for number in range(60)))
    cause = first_cause(scene(pod(looping, phase="Running"), logs=usage))
    assert cause is not None
    assert cause.lines[0] == usage[0]
    assert cause.lines[8:10] == ("…", "  -43")
    assert cause.lines[-1] == usage[-1]


def test_a_first_end_is_not_yet_a_loop() -> None:
    ended = waiting("", restarts=0, ended={"exitCode": 7, "reason": "Error"})
    assert not _found(scene(pod(ended, phase="Running")))[2]


def test_a_container_killed_for_its_memory() -> None:
    looping = waiting(
        "CrashLoopBackOff", restarts=2, ended={"exitCode": 137, "reason": "OOMKilled"}
    )
    assert "memory limit (OOMKilled)" in _found(scene(pod(looping, phase="Running")))[1]


def test_a_missing_permission_explains_why_it_ends() -> None:
    looping = waiting("CrashLoopBackOff", restarts=2, ended={"exitCode": 1, "reason": "Error"})
    assert _found(scene(pod(looping, phase="Running"), logs=("starting", _FORBIDDEN)))[1] == (
        "The operator ends since system:serviceaccount:ns:op may not list things of example.org "
        "at the cluster scope."
    )


def test_a_missing_permission_in_a_json_line_explains_why_it_is_not_ready() -> None:
    line = '{"level":"error","err":"' + _FORBIDDEN.replace('"', '\\"') + '"}'
    running = {"name": "manager", "restartCount": 0, "state": {"running": {}}}
    seen = scene(pod(running, phase="Running", conditions=[_UNREADY]), logs=(line,))
    check, title, lasting = _found(seen)
    assert check == "INS-002"
    assert title.startswith("The operator doesn't become ready: system:serviceaccount:ns:op may")
    assert not lasting


def test_a_readiness_probe_that_never_answers() -> None:
    running = {"name": "manager", "restartCount": 0, "state": {"running": {}}}
    failed = "Readiness probe failed: HTTP probe failed with statuscode: 500"
    seen = scene(
        pod(running, phase="Running", conditions=[_UNREADY]), events=(event("Unhealthy", failed),)
    )
    assert _found(seen) == ("INS-002", f"The operator doesn't become ready: {failed}.", False)


def test_what_comes_first_in_a_pods_life_is_told_first() -> None:
    """An image that is missing hides what the container would have done."""
    seen = scene(
        pod(waiting("ImagePullBackOff")), events=(event("Unhealthy", "Readiness probe failed"),)
    )
    assert _found(seen)[1].startswith("The image")


def test_a_pod_on_its_way_out_tells_nothing() -> None:
    ending = pod(waiting("ImagePullBackOff"))
    ending["metadata"]["deletionTimestamp"] = "2026-11-21T06:00:02Z"
    assert first_cause(scene(ending)) is None


def test_nothing_is_made_up_where_nothing_tells() -> None:
    assert first_cause(scene()) is None
