"""The rules by which kubectl's siblings (kstatus of cli-utils) tell whether an object is current.

Followed as of cli-utils v0.38, with four differences. An observed generation counts when it is
equal *or newer*, and is also looked for in conditions. A Stalled condition about an older
generation isn't a failure of this one. A Pod that failed is failed. A Pod that can't be scheduled
stays in progress: time is the caller's, who has a time-out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.readiness.fields import (
    as_generation,
    condition,
    conditions,
    integer,
    lag,
    mapping,
    text,
)
from harness.readiness.judgement import Judgement, failed, in_progress, ready

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["judge", "told"]

_OBSERVED = "status.observedGeneration"


def judge(obj: dict[str, Any], awaited: int | None) -> Judgement:
    """Returns the judgement of any object.

    Args:
        obj: The object.
        awaited: Generation that must have been observed; None where the kind has none.
    """
    if text(obj, "metadata", "deletionTimestamp"):
        return in_progress("it is being deleted")
    observed = as_generation(mapping(obj, "status").get("observedGeneration"))
    stale = lag(observed, awaited, where=_OBSERVED)
    if stale:
        return in_progress(stale)
    trouble = _reconciling(obj, awaited) or _stalled(obj, awaited)
    if trouble:
        return trouble
    group = text(obj, "apiVersion").rpartition("/")[0]
    rule = _BUILT_IN.get((group, text(obj, "kind")))
    return rule(obj) if rule else _custom(obj, awaited)


def told(found: dict[str, Any]) -> str:
    """Returns a condition in words, for example "Ready is False (NoPods: 0 of 1)"."""
    parts = (" ".join(text(found, key).split()) for key in ("reason", "message"))
    why = ": ".join(part for part in parts if part)
    return f"condition {found.get('type')} is {found.get('status')}" + (f" ({why})" if why else "")


def _is_true(obj: dict[str, Any], kind: str) -> bool:
    return (condition(obj, kind) or {}).get("status") == "True"


def _stale(found: dict[str, Any], awaited: int | None) -> str | None:
    where = f"observedGeneration of condition {found.get('type')}"
    return lag(as_generation(found.get("observedGeneration")), awaited, where=where)


def _reconciling(obj: dict[str, Any], awaited: int | None) -> Judgement | None:
    found = condition(obj, "Reconciling")
    if found is None:
        return None
    stale = _stale(found, awaited)
    if stale:
        return in_progress(stale)
    return in_progress(told(found)) if found.get("status") == "True" else None


def _stalled(obj: dict[str, Any], awaited: int | None) -> Judgement | None:
    found = condition(obj, "Stalled")
    if found is None or found.get("status") != "True":
        return None
    stale = _stale(found, awaited)
    return in_progress(stale) if stale else failed(told(found))


def _custom(obj: dict[str, Any], awaited: int | None) -> Judgement:
    found = condition(obj, "Ready")
    if found is not None:
        stale = _stale(found, awaited)
        if stale or found.get("status") != "True":
            return in_progress(stale or told(found))
        return ready("condition Ready is True")
    observed = [as_generation(c.get("observedGeneration")) for c in conditions(obj)]
    newest = max((seen for seen in observed if seen is not None), default=None)
    stale = lag(newest, awaited, where="the newest observedGeneration of its conditions")
    if stale:
        return in_progress(stale)
    return ready("it has no condition Ready, Reconciling or Stalled; kstatus counts it as current")


def _first(*checks: tuple[bool, str]) -> Judgement | None:
    """Returns "in progress" with the words of the first check that holds, or None."""
    return next((in_progress(words) for holds, words in checks if holds), None)


def _count(obj: dict[str, Any], field: str) -> int:
    return integer(obj, "status", field) or 0


def _wanted(obj: dict[str, Any]) -> int:
    replicas = integer(obj, "spec", "replicas")
    return 1 if replicas is None else replicas


def _deployment(obj: dict[str, Any]) -> Judgement:
    progress = condition(obj, "Progressing") or {}
    if progress.get("reason") == "ProgressDeadlineExceeded":
        return failed(told(progress))
    want, have = _wanted(obj), _count(obj, "replicas")
    updated, available = _count(obj, "updatedReplicas"), _count(obj, "availableReplicas")
    is_ready = _count(obj, "readyReplicas")
    rolled_out = integer(obj, "spec", "progressDeadlineSeconds") in {None, 2**31 - 1} or (
        progress.get("status") == "True" and progress.get("reason") == "NewReplicaSetAvailable"
    )
    waiting = _first(
        (want > have, f"{have} of {want} replicas are there"),
        (want > updated, f"{updated} of {want} replicas are updated"),
        (have > want, f"{have - want} replicas too many"),
        (updated > available, f"{available} of {updated} replicas are available"),
        (want > is_ready, f"{is_ready} of {want} replicas are ready"),
        (not rolled_out, "its new ReplicaSet isn't available"),
        (not _is_true(obj, "Available"), "it has no condition Available that is True"),
    )
    return waiting or ready(f"{have} of {want} replicas are available")


def _replica_set(obj: dict[str, Any]) -> Judgement:
    want, have = _wanted(obj), _count(obj, "replicas")
    labelled, available = _count(obj, "fullyLabeledReplicas"), _count(obj, "availableReplicas")
    is_ready = _count(obj, "readyReplicas")
    waiting = _first(
        (_is_true(obj, "ReplicaFailure"), told(condition(obj, "ReplicaFailure") or {})),
        (want > labelled, f"{labelled} of {want} replicas have all labels"),
        (want > available, f"{available} of {want} replicas are available"),
        (want > is_ready, f"{is_ready} of {want} replicas are ready"),
        (have > want, f"{have - want} replicas too many"),
    )
    return waiting or ready(f"{have} of {want} replicas are available")


def _stateful_set(obj: dict[str, Any]) -> Judgement:
    if text(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return ready("its update strategy is OnDelete")
    want, have = _wanted(obj), _count(obj, "replicas")
    is_ready, updated = _count(obj, "readyReplicas"), _count(obj, "updatedReplicas")
    current = _count(obj, "currentReplicas")
    partition = integer(obj, "spec", "updateStrategy", "rollingUpdate", "partition")
    revision, update = (
        text(obj, "status", "currentRevision"),
        text(obj, "status", "updateRevision"),
    )
    to_update = want - (partition or 0)
    whole = partition is None
    waiting = _first(
        (want > have, f"{have} of {want} replicas are there"),
        (want > is_ready, f"{is_ready} of {want} replicas are ready"),
        (have > want, f"{have - want} replicas too many"),
        (not whole and updated < to_update, f"{updated} of {to_update} replicas are updated"),
        (whole and want > current, f"{current} of {want} replicas are current"),
        (whole and revision != update, "its current revision isn't the updated one"),
    )
    return waiting or ready(f"{is_ready} of {want} replicas are ready")


def _daemon_set(obj: dict[str, Any]) -> Judgement:
    status = mapping(obj, "status")
    want = _count(obj, "desiredNumberScheduled")
    counts = {
        "scheduled": _count(obj, "currentNumberScheduled"),
        "updated": _count(obj, "updatedNumberScheduled"),
        "available": _count(obj, "numberAvailable"),
        "ready": _count(obj, "numberReady"),
    }
    waiting = _first(
        ("observedGeneration" not in status, "it has no status.observedGeneration"),
        ("desiredNumberScheduled" not in status, "it has no status.desiredNumberScheduled"),
        *((want > count, f"{count} of {want} pods are {word}") for word, count in counts.items()),
    )
    return waiting or ready(f"{counts['ready']} of {want} pods are ready")


def _service(obj: dict[str, Any]) -> Judgement:
    if text(obj, "spec", "type") == "LoadBalancer" and not text(obj, "spec", "clusterIP"):
        return in_progress("it has no cluster IP")
    return ready("a Service needs nothing more")


def _pod(obj: dict[str, Any]) -> Judgement:
    phase = text(obj, "status", "phase")
    if phase == "Succeeded":
        return ready("it has succeeded")
    if phase == "Failed":
        return failed(": ".join(p for p in ("it has failed", text(obj, "status", "reason")) if p))
    if phase == "Running" and _is_true(obj, "Ready"):
        return ready("it is running and Ready")
    looping = _crash_looping(obj)
    if phase == "Running" and looping:
        return failed(f"containers crash again and again: {', '.join(looping)}")
    scheduled = condition(obj, "PodScheduled") or {}
    if phase == "Pending" and scheduled.get("status") == "False":
        return in_progress(told(scheduled))
    return in_progress(f"its phase is {phase}, it isn't Ready" if phase else "it has no phase")


def _crash_looping(obj: dict[str, Any]) -> list[str]:
    found = mapping(obj, "status").get("containerStatuses")
    return [
        text(status, "name")
        for status in (found if isinstance(found, list) else [])
        if isinstance(status, dict)
        and text(status, "state", "waiting", "reason") == "CrashLoopBackOff"
    ]


def _claim(obj: dict[str, Any]) -> Judgement:
    phase = text(obj, "status", "phase")
    return ready("it is Bound") if phase == "Bound" else in_progress(f"its phase is {phase!r}")


def _job(obj: dict[str, Any]) -> Judgement:
    if _is_true(obj, "Complete"):
        return ready("it is complete")
    if _is_true(obj, "Failed"):
        return failed(told(condition(obj, "Failed") or {}))
    if not text(obj, "status", "startTime"):
        return in_progress("it hasn't started")
    return ready("it has started")


def _disruption_budget(obj: dict[str, Any]) -> Judgement:
    if integer(obj, "status", "observedGeneration") is None:
        return in_progress("it has no status.observedGeneration")
    return ready("its allowed disruptions are computed")


def _definition(obj: dict[str, Any]) -> Judgement:
    names, established = condition(obj, "NamesAccepted"), condition(obj, "Established")
    if names is not None and names.get("status") == "False":
        return failed(told(names))
    if established is None:
        return in_progress("it has no condition Established")
    if established.get("status") == "True":
        return ready("condition Established is True")
    if established.get("reason") != "Installing":
        return failed(told(established))
    return in_progress(told(established))


_BUILT_IN: dict[tuple[str, str], Callable[[dict[str, Any]], Judgement]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("", "Service"): _service,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("batch", "Job"): _job,
    ("policy", "PodDisruptionBudget"): _disruption_budget,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
