"""Stage 1: which workloads are the operator, and what of them isn't run as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.manifests.objects import Object, describe, kind_of, name_of, namespace_of, pod_spec
from harness.targets.detection.containers import (
    Container,
    containers_of,
    is_sidecar,
    leads_to,
    metrics_port,
    pprof_port,
)
from harness.targets.detection.facts import FoundWorkload
from harness.targets.detection.grants import account_of, grants_of, serves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.targets.detection.facts import Crd, Report

__all__ = ["Operator", "choose_operators", "describe_operator"]

_OTHERS = ("StatefulSet", "DaemonSet")
_DEFAULT = "kubectl.kubernetes.io/default-container"
_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """A Deployment that is the operator, or part of it.

    Attributes:
        reason: Why it was chosen.
    """

    deployment: Object
    container: Container
    reason: str


def choose_operators(
    manifests: Sequence[Object], crds: Sequence[Crd], report: Report
) -> tuple[Operator, ...]:
    """Returns the Deployments that serve the CRDs or their webhooks.

    What else runs, and so won't here, is reported.
    """
    deployments = [obj for obj in manifests if kind_of(obj) == "Deployment"]
    for other in manifests:
        if kind_of(other) in _OTHERS and _served(other, manifests, crds):
            report.lacks(
                f"{describe(other)} serves {', '.join(_served(other, manifests, crds))}, but only "
                "Deployments can be run as a process: with `--cluster local` it isn't run."
            )
    chosen: list[Operator] = []
    for deployment in deployments:
        reason = _reason(deployment, manifests, crds)
        if reason:
            chosen.append(_operator(deployment, reason, report))
    if not chosen and deployments:
        chosen = [_operator(deployments[0], "it is the only Deployment", report)]
        if len(deployments) > 1:
            names = ", ".join(name_of(obj) for obj in deployments)
            report.lacks(
                f"which Deployment is the operator: none of {names} has a ServiceAccount that may "
                f"watch the custom resources; {name_of(deployments[0])} was taken."
            )
    taken = [name_of(operator.deployment) for operator in chosen]
    for deployment in deployments:
        if name_of(deployment) not in taken:
            report.lacks(
                f"{describe(deployment)} isn't part of the operator, by its rules: it is applied, "
                "and its Pod is simulated."
            )
    return tuple(chosen)


def _reason(deployment: Object, manifests: Sequence[Object], crds: Sequence[Crd]) -> str:
    served = _served(deployment, manifests, crds)
    if served:
        _, account = account_of(deployment)
        return f"its ServiceAccount {account} may watch {', '.join(served)}"
    for configuration in manifests:
        if kind_of(configuration) not in _WEBHOOKS:
            continue
        for webhook in configuration.get("webhooks") or ():
            service = (webhook.get("clientConfig") or {}).get("service") or {}
            for obj in manifests:
                meant = (name_of(obj), namespace_of(obj) or "default")
                wanted = (service.get("name"), service.get("namespace"))
                if kind_of(obj) == "Service" and meant == wanted and leads_to(obj, deployment):
                    return f"Service {name_of(obj)} leads webhooks to it"
    return ""


def _served(workload: Object, manifests: Sequence[Object], crds: Sequence[Crd]) -> list[str]:
    grants = grants_of(workload, manifests)
    return [crd.resource for crd in crds if serves(grants, crd.resource)]


def _operator(deployment: Object, reason: str, report: Report) -> Operator:
    return Operator(deployment=deployment, container=_main(deployment, report), reason=reason)


def _main(deployment: Object, report: Report) -> Container:
    """Returns the container that is the operator."""
    containers = containers_of(deployment)
    names = {str(item["name"]): item for item in containers}
    template = (deployment.get("spec") or {}).get("template") or {}
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    for name in (annotations.get(_DEFAULT), "manager"):
        if name in names:
            return names[name]
    own = [item for item in containers if not is_sidecar(item)] or containers
    if len(own) > 1:
        report.lacks(
            f"which container of {describe(deployment)} is the operator: {own[0]['name']} was "
            f"taken of {', '.join(str(item['name']) for item in own)}."
        )
    return own[0]


def describe_operator(
    operator: Operator, manifests: Sequence[Object], *, default_metrics: int
) -> FoundWorkload:
    """Returns what target.yaml says of a workload, its program left out.

    Args:
        operator: The workload.
        manifests: All manifests.
        default_metrics: Port of metrics where no manifest says one; 0 for none.
    """
    containers = containers_of(operator.deployment)
    port, reason = metrics_port(operator.deployment, operator.container, manifests)
    if not port and not reason and default_metrics:
        port, reason = default_metrics, "the default in its sources"
    return FoundWorkload(
        deployment=name_of(operator.deployment),
        container=str(operator.container["name"]) if len(containers) > 1 else "",
        metrics=port,
        metrics_reason=reason,
        pprof=pprof_port(operator.container),
        reasons=(f"Chosen, since {operator.reason}.", *_not_run(operator)),
    )


def _not_run(operator: Operator) -> list[str]:
    main = operator.container["name"]
    spec = pod_spec(operator.deployment)
    others = [str(c["name"]) for c in spec.get("containers") or () if c["name"] != main]
    inits = [str(c["name"]) for c in spec.get("initContainers") or ()]
    notes = []
    if others:
        notes.append(f"As a process, only {main} is run; not run: {', '.join(others)}.")
    if inits:
        notes.append(f"Init containers aren't run as processes: {', '.join(inits)}.")
    if (operator.deployment.get("spec") or {}).get("replicas") == 0:
        notes.append("The Deployment has 0 replicas, so nothing would run.")
    return notes
