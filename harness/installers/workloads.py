"""Stage 3: which Deployment and which of its containers is the operator."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import msgspec

from harness.errors import TargetError
from harness.manifests.objects import Object, describe, kind_of, name_of, namespace_of, pod_spec
from harness.model.target import WorkloadSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.target import Target

__all__ = ["Chosen", "choose"]


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """A workload of the operator, found in its manifests.

    Attributes:
        spec: What the target definition says of it.
        deployment: Its manifest.
        container: Name of the container that is the operator.
        notes: Which other containers aren't run.
    """

    spec: WorkloadSpec
    deployment: Object
    container: str
    notes: tuple[str, ...] = ()

    @property
    def namespace(self) -> str:
        """Namespace of the Deployment."""
        return namespace_of(self.deployment) or "default"


def choose(target: Target, manifests: Sequence[Object]) -> tuple[Chosen, ...]:
    """Returns the workloads of the target; where it names none, each Deployment is one.

    Raises:
        TargetError: A Deployment or container that it names isn't there, there is none at all,
            or it isn't clear which container is meant.
    """
    deployments = [obj for obj in manifests if kind_of(obj) == "Deployment"]
    if not deployments:
        raise TargetError(
            f"The manifests of {target.name} contain no Deployment, so there is nothing to run.",
            hint="Check install.manifests: it must render the operator's Deployment.",
        )
    specs = target.workloads or tuple(WorkloadSpec(deployment=name_of(obj)) for obj in deployments)
    return tuple(_choose(spec, deployments) for spec in specs)


def _choose(spec: WorkloadSpec, deployments: Sequence[Object]) -> Chosen:
    names = [name_of(obj) for obj in deployments]
    if spec.deployment not in names:
        near = difflib.get_close_matches(spec.deployment, names, n=1, cutoff=0.4)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise TargetError(
            f"The rendered manifests contain no Deployment {spec.deployment!r}.",
            hint=f"workloads[].deployment: {meant}There are: {', '.join(names)}.",
        )
    deployment = deployments[names.index(spec.deployment)]
    containers = [str(item.get("name")) for item in pod_spec(deployment).get("containers") or ()]
    container = _container(spec, containers)
    return Chosen(
        spec=spec,
        deployment=deployment,
        container=container,
        notes=tuple(_notes(deployment, containers, container)),
    )


def _container(spec: WorkloadSpec, containers: Sequence[str]) -> str:
    where = f"Deployment {spec.deployment!r}"
    if spec.container is not None:
        if spec.container not in containers:
            raise TargetError(
                f"{where} has no container {spec.container!r}.",
                hint=f"workloads[].container: there are {', '.join(containers) or 'none'}.",
            )
        return spec.container
    if len(containers) == 1:
        return containers[0]
    if "manager" in containers:
        return "manager"
    raise TargetError(
        f"{where} has {len(containers)} containers, and it isn't said which is the operator.",
        hint=f"Set workloads[].container to one of: {', '.join(containers) or 'none'}.",
    )


def _notes(deployment: Object, containers: Sequence[str], chosen: str) -> list[str]:
    where = describe(deployment)
    inits = [str(item.get("name")) for item in pod_spec(deployment).get("initContainers") or ()]
    notes = [
        f"{where}: container {name} isn't run; only {chosen} is, as a process."
        for name in containers
        if name != chosen
    ]
    notes += [f"{where}: init container {name} isn't run." for name in inits]
    return notes
