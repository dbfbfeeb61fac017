"""Stage 3: why a Deployment isn't available: the first cause, from recorded objects alone.

What comes first in the life of a Pod is looked at first: a Pod that isn't made has no image that
could be missing, and a container that doesn't run has no probe that could fail.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from harness.manifests.objects import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.installers.incluster.scenes import Scene

__all__ = ["Cause", "denied", "first_cause", "told"]

Json = dict[str, Any]  # any JSON object

_IMAGE = ("ErrImageNeverPull", "ImagePullBackOff", "ErrImagePull", "InvalidImageName")
_GIVEN_UP = ("ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName")
_CONFIG = ("CreateContainerConfigError",)
_UNSTARTED = ("CreateContainerError", "RunContainerError", "StartError")
_FORBIDDEN = re.compile(
    r'is forbidden: User \\?"(?P<user>[^"\\]+)\\?" cannot (?P<verb>\w+) resource '
    r'\\?"(?P<resource>[^"\\]+)\\?" in API group \\?"(?P<group>[^"\\]*)\\?"'
    r'(?P<where> in the namespace \\?"[^"\\]+\\?"| at the cluster scope)?'
)
_LOST_MOUNT = re.compile(r"(?P<kind>secret|configmap) \"(?P<name>[^\"]+)\" not found")
_NO_ACCOUNT = re.compile(r"serviceaccounts? \"(?P<name>[^\"]+)\" not found")
_FIRST_LINES, _LAST_LINES = 8, 17
_SIGKILL = 137


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why an operator doesn't run, or isn't ready.

    Attributes:
        check: "INS-001" where the cluster can't run what the manifests say, "INS-002" where the
            operator itself doesn't become ready.
        title: One sentence.
        detail: Conditions and events, as the cluster tells them.
        remedy: What to do.
        lasting: Whether it doesn't pass by itself, so that waiting is of no use.
        lines: What the operator printed last.
        pod: Which Pod it's about; empty where there is none.
    """

    check: str
    title: str
    detail: str = ""
    remedy: str = ""
    lasting: bool = False
    lines: tuple[str, ...] = ()
    pod: str = ""


def first_cause(scene: Scene) -> Cause | None:
    """Returns the first cause that can be seen; None where nothing tells."""
    looks: tuple[Callable[[Scene], Cause | None], ...] = (
        _not_made,
        _not_placed,
        _not_mounted,
        _no_image,
        _not_started,
        _not_alive,
        _not_ready,
    )
    for look in looks:
        if cause := look(scene):
            return cause
    return None


# A Pod isn't made


def _not_made(scene: Scene) -> Cause | None:
    if any(not _ends(pod) for pod in scene.pods):
        return None
    message = _creation_failure(scene)
    if not message:
        return None
    where = describe(scene.deployment)
    account = _NO_ACCOUNT.search(message)
    if account:
        title = f"{where} gets no Pod: its ServiceAccount {account['name']} isn't there."
        remedy = "Add the ServiceAccount to the manifests, in the Deployment's namespace."
    elif "exceeded quota" in message:
        title = f"{where} gets no Pod: a ResourceQuota of its namespace is exceeded."
        remedy = "Ask for less, or raise the quota; the message names what it counts."
    elif "violates PodSecurity" in message:
        title = f"{where} gets no Pod: its namespace's Pod Security level forbids it."
        remedy = "Set the securityContext that the level asks for; the message names it."
    else:
        title = f"{where} gets no Pod: its creation is refused."
        remedy = "The message says who refuses it."
    return Cause(
        check="INS-001", title=title, detail=told(scene, message), remedy=remedy, lasting=True
    )


def _creation_failure(scene: Scene) -> str:
    for holder in (*scene.replica_sets[::-1], scene.deployment):
        for condition in (holder.get("status") or {}).get("conditions") or ():
            if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
                return str(condition.get("message"))
    for event in reversed(scene.events):
        if event.get("reason") == "FailedCreate":
            return str(event.get("message"))
    return ""


# It finds no node, or lacks a volume


def _not_placed(scene: Scene) -> Cause | None:
    for pod in _alive(scene):
        condition = _condition(pod, "PodScheduled")
        if condition.get("status") == "False" and condition.get("reason") == "Unschedulable":
            return Cause(
                check="INS-001",
                title=f"{describe(pod)} fits on no node: {_short(condition.get('message'))}",
                detail=told(scene, str(condition.get("message"))),
                remedy="Ask for less, or add what the message misses: a node, a label, a volume.",
                pod=_name(pod),
            )
    return None


def _not_mounted(scene: Scene) -> Cause | None:
    for pod in _alive(scene):
        if any(_waiting(status) != "ContainerCreating" for status in _statuses(pod)):
            continue
        message = _last_event(scene, pod, "FailedMount")
        if not message:
            continue
        lost = _LOST_MOUNT.search(message)
        what = f"the {lost['kind']} {lost['name']} isn't there" if lost else _short(message)
        webhook = lost is not None and _serves_webhooks(scene, pod, lost["name"])
        purpose = ", which holds its webhooks' certificate" if webhook else ""
        return Cause(
            check="INS-001",
            title=f"{describe(pod)} can't start: {what}{purpose}.",
            detail=told(scene, message),
            remedy="Let install.webhooks be `managed`, or add the Certificate or the Secret to "
            "the manifests."
            if webhook
            else "Add it to the manifests, or mark the volume optional.",
            lasting=True,
            pod=_name(pod),
        )
    return None


def _serves_webhooks(scene: Scene, pod: Json, secret: str) -> bool:
    """Whether a Secret's volume looks like that of a serving certificate."""
    volumes = {
        str(volume.get("name"))
        for volume in pod["spec"].get("volumes") or ()
        if (volume.get("secret") or {}).get("secretName") == secret
    }
    return any(
        str(mount.get("name")) in volumes and "cert" in f"{mount.get('mountPath')}{secret}"
        for container in pod["spec"].get("containers") or ()
        if container.get("name") == scene.container
        for mount in container.get("volumeMounts") or ()
    )


# Its container can't begin


def _no_image(scene: Scene) -> Cause | None:
    for pod, status in _each(scene):
        reason = _waiting(status)
        if reason not in _IMAGE:
            continue
        message = _last_event(scene, pod, "Failed", of="image") or _message(status)
        image = status.get("image")
        why = {
            "ErrImageNeverPull": "isn't on the node, and imagePullPolicy is Never",
            "InvalidImageName": "isn't the name of an image",
        }.get(reason, "isn't on the node, and can't be pulled")
        return Cause(
            check="INS-001",
            title=f"The image {image} {why}.",
            detail=told(scene, message),
            remedy="Name an image that can be pulled from there, or let the harness make it: by "
            "workloads[].process.build (a static program) or install.image.",
            lasting=reason in _GIVEN_UP,
            pod=_name(pod),
        )
    return None


def _not_started(scene: Scene) -> Cause | None:
    for pod, status in _each(scene):
        reason = _waiting(status)
        ended = (status.get("state") or {}).get("terminated") or {}
        if reason not in (*_CONFIG, *_UNSTARTED) and ended.get("reason") not in _UNSTARTED:
            continue
        message = _message(status) or str(ended.get("message") or "")
        return Cause(
            check="INS-001",
            title=f"Container {status.get('name')} of {describe(pod)} can't start: "
            f"{_short(message)}",
            detail=told(scene, message),
            remedy="Mend what the message names: a missing Secret or ConfigMap, the user, the "
            "command.",
            lasting=True,
            pod=_name(pod),
        )
    return None


# It runs, and ends, or isn't ready


def _not_alive(scene: Scene) -> Cause | None:
    for pod, status in _each(scene):
        ended = _ended(status)
        if not ended or status.get("ready") or _is_done(pod, status):
            continue
        looping = _waiting(status) == "CrashLoopBackOff"
        lines = scene.logs.get(_name(pod), ())
        code = ended.get("exitCode")
        if ended.get("reason") == "OOMKilled":
            title = f"The operator ends by its memory limit (OOMKilled): {describe(pod)}."
            remedy = "Raise resources.limits.memory, or find what holds the memory."
        elif missed := denied(lines):
            title, remedy = f"The operator ends since {missed}", _GRANT
        else:
            probe = _last_event(scene, pod, "Unhealthy") if code == _SIGKILL else ""
            killed = f" Its liveness probe had failed: {_short(probe)}" if probe else ""
            title = f"The operator ends at start with exit code {code}, again and again.{killed}"
            remedy = "Read the operator's log; it names what it could not do."
        return Cause(
            check="INS-002",
            title=title,
            detail=told(scene, _message(status)),
            remedy=remedy,
            lasting=looping,
            lines=_excerpt(lines),
            pod=_name(pod),
        )
    return None


_GRANT = "Add the permission to its Role or ClusterRole, and check its binding's subjects."


def _not_ready(scene: Scene) -> Cause | None:
    for pod in _alive(scene):
        if _condition(pod, "Ready").get("status") == "True":
            continue
        lines = scene.logs.get(_name(pod), ())
        message = _last_event(scene, pod, "Unhealthy")
        if missed := denied(lines):
            title, remedy = f"The operator doesn't become ready: {missed}", _GRANT
        elif message:
            title = f"The operator doesn't become ready: {_short(message)}"
            remedy = "Read the operator's log; it names what it could not do."
        else:
            continue
        return Cause(
            check="INS-002",
            title=title,
            detail=told(scene, message),
            remedy=remedy,
            lines=_excerpt(lines),
            pod=_name(pod),
        )
    return None


def denied(lines: Sequence[str]) -> str:
    """Returns in words which permission the operator's log misses; empty for none."""
    for line in lines:
        if found := _FORBIDDEN.search(line):
            group = f" of {found['group']}" if found["group"] else ""
            where = (found["where"] or "").replace('\\"', '"').replace('"', "")
            return f"{found['user']} may not {found['verb']} {found['resource']}{group}{where}."
    return ""


def _excerpt(lines: Sequence[str]) -> tuple[str, ...]:
    """Returns the last lines, and the first: a program that prints its usage says why before it."""
    if len(lines) <= _FIRST_LINES + _LAST_LINES:
        return tuple(lines)
    return (*lines[:_FIRST_LINES], "…", *lines[-_LAST_LINES:])


# Reading objects


def _alive(scene: Scene) -> Iterator[Json]:
    """Yields Pods that aren't on their way out, the newest first."""
    return (pod for pod in reversed(scene.pods) if not _ends(pod))


def _ends(pod: Json) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _each(scene: Scene) -> Iterator[tuple[Json, Json]]:
    for pod in _alive(scene):
        for status in _statuses(pod):
            yield pod, status


def _statuses(pod: Json) -> list[Json]:
    status = pod.get("status") or {}
    return [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]


def _waiting(status: Json) -> str:
    return str(((status.get("state") or {}).get("waiting") or {}).get("reason") or "")


def _message(status: Json) -> str:
    return str(((status.get("state") or {}).get("waiting") or {}).get("message") or "")


def _ended(status: Json) -> Json:
    """Returns how a container ended; empty for one that never did."""
    for state in ("state", "lastState"):
        ended: Json = (status.get(state) or {}).get("terminated") or {}
        if ended:
            return ended
    return {}


def _is_done(pod: Json, status: Json) -> bool:
    """Whether it's an init container that ended well."""
    first = (pod.get("status") or {}).get("initContainerStatuses") or ()
    ended = (status.get("state") or {}).get("terminated") or {}
    return status in first and ended.get("exitCode") == 0


def _condition(pod: Json, kind: str) -> Json:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind:
            found: Json = condition
            return found
    return {}


def _last_event(scene: Scene, pod: Json, reason: str, *, of: str = "") -> str:
    for event in reversed(scene.events):
        about = (event.get("involvedObject") or {}).get("uid") == pod["metadata"].get("uid")
        if about and event.get("reason") == reason and of in str(event.get("message")):
            return str(event.get("message"))
    return ""


def _name(pod: Json) -> str:
    return str(pod["metadata"]["name"])


def _short(message: object) -> str:
    """Returns the first sentence-like part of a message, with a full stop."""
    text = str(message or "it isn't said why").strip().splitlines()[0][:300].rstrip(".")
    return f"{text}."


def told(scene: Scene, message: str = "") -> str:
    """Returns a message, each Pod's state and the warnings of the scene, a line each."""
    lines = [message.strip()] if message.strip() else []
    for pod in scene.pods:
        states = [f"{item.get('name')} {_state(item)}" for item in _statuses(pod)]
        phase = (pod.get("status") or {}).get("phase")
        lines.append(f"{describe(pod)}: {phase}; {', '.join(states) or 'no container yet'}")
    warnings = [
        f"  {event.get('reason')}: {str(event.get('message')).strip()}"
        for event in scene.events
        if event.get("type") == "Warning"
    ]
    unique = list(dict.fromkeys(warnings))[-8:]
    return "\n".join([*lines, *(["Warnings:", *unique] if unique else [])])


def _state(status: Json) -> str:
    for kind, state in (status.get("state") or {}).items():
        reason = f" ({state['reason']})" if state.get("reason") else ""
        return f"{kind}{reason}, restarted {status.get('restartCount', 0)} times"
    return "unknown"
