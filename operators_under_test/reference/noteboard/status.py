"""What the status of a Noteboard should be, from its Deployment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from noteboard.names import Object, selector_labels

__all__ = ["Verdict", "condition", "describe", "judge"]

ALL_READY = "AllReplicasReady"
ROLLING_OUT = "RollingOut"
STUCK = "RolloutStuck"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a look at the children says: the two conditions, with the reason of both."""

    ready: bool = False
    progressing: bool = False
    reason: str
    message: str


def judge(deployment: Object, replicas: int) -> Verdict:
    """Says whether a Deployment, which holds the current spec, has got its pods."""
    status = deployment.get("status") or {}
    if status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]:
        counts = ("replicas", "updatedReplicas", "availableReplicas")
        if all(status.get(count, 0) == replicas for count in counts):
            message = f"all replicas ({replicas}) are available"
            return Verdict(ready=True, reason=ALL_READY, message=message)
        said = {item["type"]: item["status"] for item in status.get("conditions") or ()}
        if said.get("ReplicaFailure") == "True" or said.get("Progressing") == "False":
            message = "the Deployment doesn't get its pods; its own conditions say why"
            return Verdict(reason=STUCK, message=message)
    message = f"waiting until all replicas ({replicas}) are updated and available"
    return Verdict(progressing=True, reason=ROLLING_OUT, message=message)


def describe(
    noteboard: Object, verdict: Verdict, *, deployment: Object | None, now: str
) -> dict[str, Any]:
    """Returns the whole status.

    Args:
        noteboard: Whose present status is kept where nothing new is known.
        verdict: What was found.
        deployment: As it is; None where the children couldn't be kept.
        now: RFC 3339 time, for a condition that changes.
    """
    old = noteboard.get("status") or {}
    generation = noteboard["metadata"]["generation"]
    labels = selector_labels(noteboard)
    found = dict(old) | {
        "observedGeneration": generation,
        "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
    }
    if deployment is not None:
        counts = deployment.get("status") or {}
        found |= {
            "replicas": counts.get("replicas", 0),
            "readyReplicas": counts.get("readyReplicas", 0),
            "shownNotes": len(noteboard["spec"].get("notes") or ()),
        }
    found["conditions"] = [
        _condition(old, kind, verdict, generation=generation, now=now)
        for kind in ("Ready", "Progressing")
    ]
    return found


def condition(status: Object, kind: str) -> Object:
    """Returns a condition of a status, empty where it has none of that type."""
    there = (item for item in status.get("conditions") or () if item["type"] == kind)
    return next(there, {})


def _condition(
    old: Object, kind: str, verdict: Verdict, *, generation: int, now: str
) -> dict[str, Any]:
    before = condition(old, kind)
    holds = verdict.ready if kind == "Ready" else verdict.progressing
    status = "True" if holds else "False"
    stays = before.get("status") == status
    return {
        "type": kind,
        "status": status,
        "observedGeneration": generation,
        "reason": verdict.reason,
        "message": verdict.message,
        # It says since when the condition has had this status, not when it was last looked at.
        "lastTransitionTime": before["lastTransitionTime"] if stays else now,
    }
