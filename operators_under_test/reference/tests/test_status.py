"""The status says what the Deployment shows, for the generation that it was judged by."""

from __future__ import annotations

from typing import Any

import pytest
from boards import NOW, noteboard
from noteboard.status import Verdict, condition, describe, judge

READY = Verdict(ready=True, reason="AllReplicasReady", message="all")


def deployment(**status: object) -> dict[str, Any]:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 2)
    return {"metadata": {"generation": 3}, "status": {"observedGeneration": 3} | counts | status}


def test_all_replicas_of_the_current_generation_are_ready() -> None:
    verdict = judge(deployment(), 2)
    assert (verdict.ready, verdict.progressing) == (True, False)


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 2},
        {"availableReplicas": 1},
        {"updatedReplicas": 1},
        {"replicas": 3},
    ],
)
def test_anything_less_is_a_rollout(status: dict[str, object]) -> None:
    verdict = judge(deployment(**status), 2)
    assert (verdict.ready, verdict.progressing) == (False, True)


def test_a_deployment_without_status_is_a_rollout() -> None:
    assert judge({"metadata": {"generation": 1}}, 1).progressing


@pytest.mark.parametrize(("kind", "value"), [("ReplicaFailure", "True"), ("Progressing", "False")])
def test_a_rollout_that_is_stuck_says_so(kind: str, value: str) -> None:
    stuck = deployment(availableReplicas=0, conditions=[{"type": kind, "status": value}])
    verdict = judge(stuck, 2)
    assert (verdict.ready, verdict.progressing) == (False, False)
    assert verdict.reason == "RolloutStuck"


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    board = noteboard()
    board["status"] = describe(board, READY, deployment=deployment(), now=NOW)
    board["metadata"]["generation"] = 2
    later = describe(board, READY, deployment=deployment(), now="later")
    assert condition(later, "Ready")["lastTransitionTime"] == NOW
    assert condition(later, "Ready")["observedGeneration"] == later["observedGeneration"] == 2
    waiting = Verdict(progressing=True, reason="RollingOut", message="waiting")
    changed = describe(board, waiting, deployment=None, now="later")
    assert condition(changed, "Ready")["lastTransitionTime"] == "later"
    assert changed["readyReplicas"] == 2, "what isn't known anew is kept"
