"""Stage 3: waits until an operator in its Pods is available, leads, and its webhooks answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import InstallFault
from harness.installers.faults import not_ready
from harness.installers.incluster.causes import Cause, first_cause, told
from harness.installers.incluster.scenes import Scene, observe
from harness.kube.watch import NotObserved, await_object
from harness.manifests.objects import describe
from harness.model.findings import EvidenceRef, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clock import Clock
    from harness.kube.client import KubeClient
    from harness.manifests.objects import Object

__all__ = ["Patience", "await_available", "await_service", "fault_of", "is_available"]

_LOOK_S = 2.0  # between two looks at Pods and events
_PAUSE_S = 0.2
_UNAVAILABLE = frozenset({500, 502, 503, 504})


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long is waited, in seconds.

    Attributes:
        ready: Until a Deployment is available.
        lasting: How long a cause that doesn't pass by itself is looked at before it counts.
    """

    ready: float
    lasting: float = 6.0


def is_available(deployment: Object) -> bool:
    """Whether all replicas of the present generation are available, and no others are left."""
    spec, status = deployment["spec"], deployment.get("status") or {}
    wanted = spec.get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
        and status.get("updatedReplicas", 0) == wanted
        and status.get("availableReplicas", 0) >= wanted
        and status.get("replicas", 0) == wanted
    )


def await_available(
    client: KubeClient,
    deployment: Object,
    container: str,
    *,
    patience: Patience,
    clean: Callable[[str], str],
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Waits until a Deployment is available.

    Args:
        client: The harness's own identity.
        deployment: Name and namespace count.
        container: Name of the operator's container.
        patience: How long.
        clean: Takes secrets out of a line.
        clock: For the deadline.

    Raises:
        InstallFault: It isn't, by the first cause that can be seen.
        ApiError: The API server doesn't tell.
    """
    resource = client.resource("deployments.apps")
    name, namespace = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
    deadline = Deadline(patience.ready, clock=clock)
    seen: tuple[str, Deadline] = ("", deadline)
    while True:
        last: Any = None  # any JSON object
        try:
            await_object(
                client.connection,
                resource,
                name,
                namespace,
                lambda obj: obj is not None and is_available(obj),
                timeout=min(_LOOK_S, max(deadline.remaining, 0.1)),
                clock=clock,
            )
        except NotObserved as missed:
            last = missed.last or client.get(resource, name, namespace)
        else:
            return
        scene = observe(client, last, container, clean=clean)
        cause = first_cause(scene)
        title = cause.check + cause.pod if cause is not None and cause.lasting else ""
        if title != seen[0]:
            seen = (title, Deadline(patience.lasting, clock=clock))
        if (title and seen[1].passed) or deadline.passed:
            raise fault_of(scene, cause, seconds=patience.ready)


def fault_of(scene: Scene, cause: Cause | None, *, seconds: float) -> InstallFault:
    """Returns the fault of a Deployment that isn't available."""
    where = describe(scene.deployment)
    if cause is None:
        return not_ready(
            where,
            f"The operator isn't available after {seconds:g} s.",
            detail=f"Neither its Pods nor their events say why.\n{told(scene)}",
            tail=[line for lines in scene.logs.values() for line in lines],
        )
    log = f"evidence/operator/{cause.pod}.ndjson"
    printed = "\n".join(cause.lines)
    shown = f"Its last lines:\n{printed}" if cause.lines else ""
    return InstallFault(
        Finding(
            check=cause.check,
            severity=Severity.BLOCKER,
            title=cause.title,
            subject=where,
            detail="\n".join(part for part in (cause.detail, shown) if part),
            remedy=cause.remedy,
            evidence=(EvidenceRef(file=log, excerpt=printed),) if cause.lines else (),
        )
    )


def await_service(
    client: KubeClient,
    service: tuple[str, str, int],
    *,
    timeout: float,
    clock: Clock = SYSTEM_CLOCK,
) -> str:
    """Waits until what is behind a Service answers TLS to the API server.

    Args:
        client: The harness's own identity.
        service: Namespace, name and port.
        timeout: In seconds.
        clock: For the pauses: nothing tells when a server behind a Service answers.

    Returns:
        Empty where it answers; else what the API server said instead.

    Raises:
        ApiError: The API server itself doesn't answer.
    """
    namespace, name, port = service
    path = f"/api/v1/namespaces/{namespace}/services/https:{name}:{port}/proxy/"
    deadline = Deadline(timeout, clock=clock)
    while True:
        answer = client.raw("GET", path, headers={"Accept": "*/*"})
        text = answer.body.decode(errors="replace").strip()[:500]
        if not _from_server(answer.status, text):
            return ""
        if deadline.passed:
            return f"{answer.status}: {text}"
        clock.sleep(_PAUSE_S)


def _from_server(status: int, text: str) -> bool:
    """Whether an answer is the API server's own: it could not reach what is behind the Service."""
    refused = "error trying to reach service" in text or "no endpoints available" in text
    missing = '"kind":"Status"' in text.replace(" ", "") and '"details"' in text
    return (status in _UNAVAILABLE and (refused or '"Status"' in text)) or (
        status == 404 and missing  # noqa: PLR2004 - HTTP: there is no such Service
    )
