"""Stage 3: what is decided of a process before anything is applied: program, ports, notes."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.command import which
from harness.errors import BuildError, TargetError
from harness.installers.process import cgroups
from harness.installers.process.identity import service_account_of
from harness.installers.process.plan import Instance, elects_leader
from harness.installers.process.ports import (
    container_port,
    free_port,
    known_ports,
    leads_to,
    plan_ports,
    rewrite,
)
from harness.installers.workloads import Chosen, choose
from harness.manifests.objects import Object, describe, find, pod_spec
from harness.model.installation import Alteration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.installers.process.ports import PortPlan
    from harness.model.target import Target

__all__ = ["Draft", "draft", "find_program", "locate", "preflight"]

_PROJECTED = ("configMap", "secret", "projected")
_NOT_APPLIED = (
    "runAsUser",
    "runAsGroup",
    "capabilities",
    "readOnlyRootFilesystem",
    "seccompProfile",
)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A process that will stand for a Deployment's Pod."""

    chosen: Chosen
    instance: Instance
    alterations: tuple[Alteration, ...] = ()
    notes: tuple[str, ...] = ()


def draft(
    chosen: Chosen,
    manifests: Sequence[Object],
    *,
    target: Target,
    folder: Path,
    logs: Path,
    isolated: bool,
    grace_s: float,
    taken: Iterable[int],
) -> Draft:
    """Decides how a workload will run.

    Args:
        chosen: Deployment and container.
        manifests: All manifests.
        target: Whose workload it is.
        folder: Private folder of all processes.
        logs: Folder of the logs.
        isolated: Whether this machine allows namespaces.
        grace_s: Seconds between SIGTERM and SIGKILL where the Pod says nothing.
        taken: Ports that other processes of the operator will have.

    Raises:
        TargetError: The target definition has no command for it.
        BuildError: The command isn't there.
        ClusterError: There is no free port.
    """
    container = _container(chosen)
    where = f"{describe(chosen.deployment)}, container {chosen.container}"
    argv = find_program(target, chosen)
    known = known_ports(chosen.deployment, container, manifests, chosen.spec)
    used = list(taken)

    def allocate() -> int:
        used.append(free_port(used))
        return used[-1]

    ports = plan_ports(container, known, allocate=allocate)
    instance = msgspec.structs.replace(
        _instance(chosen, container, folder=folder, logs=logs, grace_s=grace_s),
        argv=argv,
        target_folder=target.folder,
        known=known,
        ports=ports,
        isolated=isolated,
    )
    return Draft(
        chosen=chosen,
        instance=instance,
        alterations=(
            _command_alteration(where, container, chosen.spec.process),
            *rewrite(container, known, ports, subject=where).alterations,
        ),
        notes=(*chosen.notes, *_notes(chosen, container, ports, instance.cgroups)),
    )


def _instance(
    chosen: Chosen, container: Mapping[str, Any], *, folder: Path, logs: Path, grace_s: float
) -> Instance:
    """Returns what the Deployment alone tells of its process."""
    name = chosen.spec.deployment
    pod_grace = pod_spec(chosen.deployment).get("terminationGracePeriodSeconds")
    return Instance(
        process=name,
        deployment=name,
        namespace=chosen.namespace,
        container=chosen.container,
        argv=(),
        folder=str(folder / name),
        target_folder="",
        log=str(logs / f"{name}.ndjson"),
        service_account=service_account_of(chosen.deployment),
        elects=elects_leader(container),
        grace_s=float(pod_grace) if pod_grace is not None else grace_s,
        cgroups=cgroups.usable(name) if cgroups.wanted(container) else (),
    )


def preflight(target: Target, manifests: Sequence[Object]) -> None:
    """Checks without a cluster that each workload can be run as a process.

    Args:
        target: What is to be installed, built already.
        manifests: As `render` returned them.

    Raises:
        TargetError: The target definition says no command.
        BuildError: The command isn't there.
    """
    for chosen in choose(target, manifests):
        find_program(target, chosen)


def find_program(target: Target, chosen: Chosen) -> tuple[str, ...]:
    """Returns the operator's program, as an absolute path, and its leading arguments.

    Raises:
        TargetError: The target definition names none.
        BuildError: It isn't there.
    """
    process = chosen.spec.process
    if process is None or not process.command:
        raise TargetError(
            f"The target definition says no command that runs {describe(chosen.deployment)} here.",
            hint=f"Set workloads[].process.command for the deployment {chosen.spec.deployment!r}, "
            "for example [bin/manager].",
        )
    word, *rest = process.command
    path = Path(target.folder) / word
    if path.is_file() and os.access(path, os.X_OK):
        return (str(path), *rest)
    found = which(word) if "/" not in word else None
    if found is None:
        build = shlex.join(process.build)
        raise BuildError(
            f"The operator's program {word!r} isn't there, neither as {path} nor on PATH.",
            hint=f"Build it: {build}" if build else "Set workloads[].process.build to make it.",
        )
    return (str(found), *rest)


def locate(
    drafts: Sequence[Draft], manifests: Sequence[Object], service: tuple[str, str, int]
) -> int | None:
    """Returns the port of this machine to which a Service's port leads; None where to none.

    Args:
        drafts: The processes.
        manifests: All manifests.
        service: Namespace, name and port.
    """
    namespace, name, port = service
    manifest = find(manifests, "Service", name, namespace)
    if manifest is None:
        return None
    for entry in manifest["spec"].get("ports") or ():
        if entry.get("port") != port:
            continue
        for item in drafts:
            number = container_port(_container(item.chosen), entry.get("targetPort", port))
            if number and leads_to(manifest, item.chosen.deployment):
                return item.instance.ports.local(number)
    return None


def _container(chosen: Chosen) -> Mapping[str, Any]:
    for item in pod_spec(chosen.deployment).get("containers") or ():
        if item.get("name") == chosen.container:
            found: Mapping[str, Any] = item
            return found
    raise TargetError(f"{describe(chosen.deployment)} has no container {chosen.container!r}.")


def _command_alteration(where: str, container: Mapping[str, Any], process: Any) -> Alteration:  # noqa: ANN401 - Process | None
    before = shlex.join(str(word) for word in container.get("command") or ())
    return Alteration(
        subject=f"{where}, command",
        before=before or f"as in the image {container.get('image')}",
        after=shlex.join(process.command) if process is not None else "",
        reason="The operator runs as a process of this machine, not from its image.",
    )


def _notes(
    chosen: Chosen, container: Mapping[str, Any], ports: PortPlan, groups: Sequence[str]
) -> list[str]:
    where = describe(chosen.deployment)
    notes = [
        f"{where} listens on fixed port {port} ({what}): no flag of its manifests moves it, so a "
        "second copy can't run beside it on this machine."
        for port, what in ports.fixed.items()
    ]
    if ports.open:
        opened = ", ".join(str(port) for port in ports.open)
        notes.append(
            f"{where} listens on all addresses of this machine at {opened}: its flag takes a port "
            "only, no address."
        )
    if cgroups.wanted(container) and not groups:
        notes.append(f"{where}: its resource limits aren't applied; no control group is writable.")
    volumes = {
        str(item.get("name")): item for item in pod_spec(chosen.deployment).get("volumes", ())
    }
    mounted = [
        volumes.get(str(item.get("name")), {}) for item in container.get("volumeMounts") or ()
    ]
    if any(kind in volume for volume in mounted for kind in _PROJECTED):
        notes.append(
            f"{where}: its volumes of ConfigMaps and Secrets are as they were at its start; what "
            "is changed later is seen after a restart."
        )
    contexts = [pod_spec(chosen.deployment).get("securityContext") or {}]
    contexts.append(container.get("securityContext") or {})
    ignored = [key for key in _NOT_APPLIED if any(key in context for context in contexts)]
    if ignored:
        notes.append(
            f"{where}: of its securityContext, {', '.join(ignored)} isn't applied; the process "
            "runs as the user of the harness."
        )
    return notes
