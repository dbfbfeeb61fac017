"""Stage 3: from a container and its Pod to a plan for the launcher; touches nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.installers.process.environment import container_environment
from harness.installers.process.expansion import expand
from harness.installers.process.ports import PortPlan, container_port, rewrite
from harness.installers.process.volumes import Mounted, Volume, container_volumes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.installers.process.references import Context
    from harness.manifests.objects import Object

__all__ = [
    "PRIVATE_FOLDERS",
    "ApiServer",
    "Bind",
    "ControlGroup",
    "Instance",
    "LaunchPlan",
    "Planned",
    "elects_leader",
    "hostname_of",
    "make_plan",
    "probe_urls",
    "volume_folder",
]

PRIVATE_FOLDERS = ("/tmp",)  # noqa: S108 - where the pod's own empty one is shown
_HOSTNAME_LIMIT = 63
_ELECTION_FLAG = re.compile(r"^-+(enable-?)?leader-?elect(ion)?(-enabled)?$", re.IGNORECASE)
_ELECTION_ENV = re.compile(r"^(ENABLE_)?LEADER_?ELECT(ION)?(_ENABLED)?$")
_FALSE = ("false", "0", "no", "off", "")
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


class ApiServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where in-cluster configuration finds the API server.

    Attributes:
        kubeconfig: What the process is told instead, where that isn't enough; else empty.
    """

    host: str
    port: int
    kubeconfig: str = ""


class ControlGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A control group that the process enters: `files` are its limits, by file name."""

    path: str
    files: dict[str, str]


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the operator: all that is needed to start it again, without secrets.

    Attributes:
        process: Name under which the guard knows it.
        deployment, namespace, container: What it stands for.
        argv: Program (absolute) and leading arguments.
        folder: Private folder: volumes, token, plan.
        target_folder: The target's own folder, where it stands unless the container says more.
        log: File of its LogLines.
        known: What each container port is for.
        ports: Where they are on this machine.
        health: URLs of its probes, by name.
        hostname: By which its Lease's holder begins.
        elects: Whether its arguments ask for leader election.
        grace_s: Seconds between SIGTERM and SIGKILL.
        isolated: Whether it runs in namespaces of its own.
        limited: Whether its resource limits are applied.
        primary: Process that it is a replica of; empty for a primary.
        started_ns: Wall clock at its last start.
        token_secret: Secret that the token of its next start is bound to; empty for its Pod.
    """

    process: str
    deployment: str
    namespace: str
    container: str
    argv: tuple[str, ...]
    folder: str
    target_folder: str
    log: str
    service_account: str
    known: dict[int, str] = {}
    ports: PortPlan = PortPlan()
    pod: str = ""
    pod_uid: str = ""
    health: dict[str, str] = {}
    hostname: str = ""
    elects: bool = False
    grace_s: float = 30.0
    isolated: bool = True
    cgroups: tuple[str, ...] = ()
    primary: str = ""
    started_ns: int = 0
    token_secret: str = ""


class Bind(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder of this machine, and where the process sees it."""

    source: str
    target: str
    read_only: bool = False


class LaunchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the launcher does; holds the process's environment, so its file is private.

    Attributes:
        folders: Working directories to try, in order.
        private: Folders that the process sees empty.
        keep: Paths below those that stay visible: the operator itself.
        staging: Empty folder for a root of its own, should a mount need one.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    folders: tuple[str, ...]
    hostname: str
    isolated: bool
    staging: str
    mounts: tuple[Bind, ...] = ()
    private: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    cgroups: tuple[ControlGroup, ...] = ()
    no_new_privileges: bool = False

    def __repr__(self) -> str:
        return f"LaunchPlan(argv={self.argv!r})"


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, and the files that it needs.

    Attributes:
        volumes: To be written below `volume_folder` of each.
        tokens: Files that hold the ServiceAccount's token.
    """

    launch: LaunchPlan
    volumes: tuple[Volume, ...]
    tokens: tuple[str, ...]


def make_plan(
    instance: Instance,
    context: Context,
    *,
    server: ApiServer,
    path: str,
    cgroups: tuple[ControlGroup, ...] = (),
) -> Planned:
    """Returns how the process is started.

    Args:
        instance: Which process.
        context: Its container and Pod; the sources learn what is missing.
        server: The API server.
        path: PATH for the process, unless its container sets one.
        cgroups: Control groups with its limits.
    """
    container = context.container
    changed = rewrite(container, instance.known, instance.ports, subject="")
    service = _given(instance, server, path)
    env = container_environment(context, service=service, literal=changed.env)
    volumes, mounted = container_volumes(context, env=env)
    args = [expand(arg, env) for arg in changed.args]
    binds = tuple(_bind(instance, mount) for mount in mounted if _is_mounted(mount, volumes))
    if not instance.isolated:
        args, env = _without_namespaces(instance, args, env, binds)
    folders = tuple(filter(None, (container.get("workingDir"), instance.target_folder)))
    launch = LaunchPlan(
        argv=(*instance.argv, *args),
        env=env,
        folders=folders,
        hostname=instance.hostname,
        isolated=instance.isolated,
        staging=str(Path(instance.folder) / "root"),
        mounts=binds,
        private=PRIVATE_FOLDERS,
        keep=_kept(instance),
        cgroups=cgroups,
        no_new_privileges=_no_new_privileges(container),
    )
    return Planned(launch=launch, volumes=volumes, tokens=_tokens(instance, volumes))


def _given(instance: Instance, server: ApiServer, path: str) -> dict[str, str]:
    """Returns what image and kubelet would have put into the environment."""
    return {
        "PATH": path,
        "HOME": str(Path(instance.folder) / "home"),
        "HOSTNAME": instance.hostname,
        "KUBERNETES_SERVICE_HOST": server.host,
        "KUBERNETES_SERVICE_PORT": str(server.port),
        "KUBERNETES_SERVICE_PORT_HTTPS": str(server.port),
        **({"KUBECONFIG": server.kubeconfig} if server.kubeconfig else {}),
    }


def volume_folder(folder: str, volume: str) -> Path:
    """Returns where a volume's files lie; `folder` is the instance's."""
    return Path(folder) / "volumes" / volume


def _bind(instance: Instance, mount: Mounted) -> Bind:
    source = volume_folder(instance.folder, mount.volume) / mount.sub_path
    return Bind(source=str(source), target=mount.path, read_only=mount.read_only)


def _is_mounted(mount: Mounted, volumes: tuple[Volume, ...]) -> bool:
    """Whether a mount is needed: an emptyDir at /tmp is what the process sees there anyway."""
    empty = {volume.name for volume in volumes if volume.writable}
    return not (mount.volume in empty and mount.path.rstrip("/") in PRIVATE_FOLDERS)


def _kept(instance: Instance) -> tuple[str, ...]:
    """Returns what must stay visible where a folder is covered: the operator's own files."""
    program = Path(instance.argv[0])
    kept = {instance.target_folder, str(Path(instance.folder) / "home")}
    for path in (program, program.resolve()):
        folder = path.parent.parent if path.parent.name == "bin" else path.parent
        kept.add(str(path if str(folder) in (*PRIVATE_FOLDERS, "/") else folder))
    return tuple(sorted(kept))


def _no_new_privileges(container: Mapping[str, Any]) -> bool:
    context = container.get("securityContext") or {}
    return context.get("allowPrivilegeEscalation") is False


def _tokens(instance: Instance, volumes: tuple[Volume, ...]) -> tuple[str, ...]:
    return tuple(
        str(volume_folder(instance.folder, volume.name) / file.path)
        for volume in volumes
        for file in volume.files
        if file.token
    )


def _without_namespaces(
    instance: Instance, args: list[str], env: dict[str, str], binds: tuple[Bind, ...]
) -> tuple[list[str], dict[str, str]]:
    """Returns arguments and environment that name the files where they really lie."""
    places = {bind.target.rstrip("/"): bind.source for bind in binds}
    temporary = str(Path(instance.folder) / "tmp")
    env = {name: _moved_path(value, places) for name, value in env.items()}
    env |= {"KUBECONFIG": str(Path(instance.folder) / "kubeconfig"), "TMPDIR": temporary}
    return [_moved_path(arg, places) for arg in args], env


def _moved_path(text: str, places: Mapping[str, str]) -> str:
    for target in sorted(places, key=len, reverse=True):
        pattern = rf"(?<![\w./-]){re.escape(target)}(?=/|$|[^\w./-])"
        text = re.sub(pattern, lambda _, place=places[target]: place, text)  # type: ignore[misc]  # bound now
    return text


def probe_urls(container: Mapping[str, Any], ports: PortPlan) -> tuple[dict[str, str], list[str]]:
    """Returns where each probe of a container is answered on this machine, and notes."""
    urls: dict[str, str] = {}
    notes: list[str] = []
    for probe in _PROBES:
        handler = container.get(probe) or {}
        if http := handler.get("httpGet"):
            port = ports.local(container_port(container, http.get("port")))
            scheme = str(http.get("scheme") or "HTTP").lower()
            where = str(http.get("path") or "/").lstrip("/")
            urls[probe] = f"{scheme}://127.0.0.1:{port}/{where}"
        elif socket := handler.get("tcpSocket") or handler.get("grpc"):
            port = ports.local(container_port(container, socket.get("port")))
            urls[probe] = f"tcp://127.0.0.1:{port}"
        elif handler.get("exec"):
            notes.append(f"The {probe} runs a command in its container; it isn't asked here.")
    return urls, notes


def elects_leader(container: Mapping[str, Any]) -> bool:
    """Whether arguments or environment ask for leader election."""
    args = [str(arg) for arg in [*(container.get("command") or ()), *(container.get("args") or ())]]
    for arg, following in zip(args, [*args[1:], ""], strict=False):
        flag, equals, value = arg.partition("=")
        if _ELECTION_FLAG.match(flag):
            said = value if equals else following
            return said.lower() not in _FALSE if equals else said.lower() != "false"
    return any(
        _ELECTION_ENV.match(str(entry.get("name")))
        and str(entry.get("value") or "").lower() not in _FALSE
        for entry in container.get("env") or ()
    )


def hostname_of(pod: Object) -> str:
    """Returns the host name that a Pod's containers have."""
    name = str(pod["spec"].get("hostname") or pod["metadata"]["name"])
    return name[:_HOSTNAME_LIMIT].rstrip("-.")
