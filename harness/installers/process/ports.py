"""Stage 3: ports of a container become free ports of this machine, where a flag sets them."""

from __future__ import annotations

import errno
import re
import secrets
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import ClusterError
from harness.manifests.objects import Object, namespace_of, pod_labels, selected, strings
from harness.model.installation import Alteration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.model.target import WorkloadSpec

__all__ = [
    "PortPlan",
    "Rewritten",
    "container_port",
    "free_port",
    "is_free",
    "known_ports",
    "leads_to",
    "plan_ports",
    "rewrite",
]

_LOWEST, _COUNT = 20_000, 10_000  # below the range from which the kernel takes outgoing ports
_ATTEMPTS = 200
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_ADDRESS = re.compile(
    r"^(?P<scheme>\w+://)?(?P<host>\[::\]|\[::1\]|\*|0\.0\.0\.0|127\.0\.0\.1|localhost|\$\(\w+\)|)"
    r":(?P<port>\d{1,5})(?P<path>/\S*)?$"
)
_BINDS = re.compile(r"bind|listen|(metrics|health|probe|webhook|pprof).*addr", re.IGNORECASE)
_PORT_NAME = re.compile(r"port$", re.IGNORECASE)
_OWN_PORT = re.compile(
    r"(webhook|metrics|health|healthz|probe|pprof|bind|listen|secure|server|serving)[-_.]?port$",
    re.IGNORECASE,
)
_HIGHEST_PORT = 65_535


class PortPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Which ports of a container are moved where.

    Attributes:
        moved: Port of this machine by container port.
        fixed: Container ports that no flag sets, and what is known of each.
        open: Ports of this machine that are bound on all addresses, since only a port is set.
    """

    moved: dict[int, int] = {}
    fixed: dict[int, str] = {}
    open: tuple[int, ...] = ()

    def local(self, port: int) -> int:
        """Returns where a container port is found on this machine."""
        return self.moved.get(port, port)


class Rewritten(msgspec.Struct, frozen=True, kw_only=True):
    """A container's arguments and literal environment, with moved ports."""

    args: tuple[str, ...]
    env: dict[str, str] = {}
    alterations: tuple[Alteration, ...] = ()


class _Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One place that sets a port: an argument, a flag's value or an environment variable.

    Attributes:
        index: Of the argument; -1 for the environment.
        prefix: What stands before the value, for example "--metrics-bind-address=".
    """

    name: str
    value: str
    index: int
    prefix: str = ""


def container_port(container: Mapping[str, Any], port: object) -> int:
    """Returns the number of a port that is given by number or name; 0 where it isn't known."""
    if isinstance(port, int):
        return port
    if isinstance(port, str) and port.isdecimal():
        return int(port)
    for entry in container.get("ports") or ():
        if entry.get("name") == port:
            return int(entry.get("containerPort") or 0)
    return 0


def known_ports(
    deployment: Object,
    container: Mapping[str, Any],
    manifests: Iterable[Object],
    spec: WorkloadSpec,
) -> dict[int, str]:
    """Returns the ports on which the container listens, as far as its manifests tell.

    Args:
        deployment: Its Deployment.
        container: The container of the template.
        manifests: All manifests, for Services that lead to it.
        spec: For the ports of metrics and profiles.

    Returns:
        What each port is for, in words, by its number.
    """
    known: dict[int, str] = {}
    if spec.pprof is not None:
        known[spec.pprof.port] = "profiles"
    for service in manifests:
        if leads_to(service, deployment):
            name = service["metadata"]["name"]
            for entry in service["spec"].get("ports") or ():
                target = entry.get("targetPort", entry.get("port"))
                known[container_port(container, target)] = f"Service {name}"
    for probe in _PROBES:
        known[_probe_port(container, probe)] = probe
    if spec.metrics is not None:
        known[spec.metrics.port] = "metrics"
    for entry in container.get("ports") or ():
        if entry.get("protocol", "TCP") == "TCP":
            number = int(entry.get("containerPort") or 0)
            known.setdefault(number, f"container port {entry.get('name') or number}")
    known.pop(0, None)
    return known


def leads_to(service: Object, deployment: Object) -> bool:
    """Whether a manifest is a Service that selects a Deployment's pods."""
    if service.get("kind") != "Service" or service.get("apiVersion") != "v1":
        return False
    same = (namespace_of(service) or "default") == (namespace_of(deployment) or "default")
    selector = {"matchLabels": strings(service.get("spec", {}).get("selector"))}
    return same and bool(selector["matchLabels"]) and selected(pod_labels(deployment), selector)


def _probe_port(container: Mapping[str, Any], probe: str) -> int:
    handler = container.get(probe) or {}
    for kind in ("httpGet", "tcpSocket", "grpc"):
        if kind in handler:
            return container_port(container, handler[kind].get("port"))
    return 0


def plan_ports(
    container: Mapping[str, Any], known: Mapping[int, str], *, allocate: Callable[[], int]
) -> PortPlan:
    """Decides which ports are moved.

    Args:
        container: The container of the template.
        known: Its ports, by `known_ports`.
        allocate: Returns a free port of this machine at each call.
    """
    moved: dict[int, int] = {}
    everywhere: set[int] = set()
    for setting in _settings(container):
        port = _bound_port(setting, known)
        if port and port not in moved:
            moved[port] = allocate()
        if port and setting.value.isdecimal():
            everywhere.add(moved[port])
    fixed = {port: what for port, what in known.items() if port not in moved}
    return PortPlan(moved=moved, fixed=fixed, open=tuple(sorted(everywhere)))


def rewrite(
    container: Mapping[str, Any], known: Mapping[int, str], plan: PortPlan, *, subject: str
) -> Rewritten:
    """Returns the container's arguments and environment with the plan's ports.

    Args:
        container: The container, as in `plan_ports`.
        known: As in `plan_ports`.
        plan: What `plan_ports` decided.
        subject: What alterations call it.
    """
    args = [str(arg) for arg in container.get("args") or ()]
    env: dict[str, str] = {}
    alterations: list[Alteration] = []
    for setting in _settings(container):
        port = _bound_port(setting, known)
        if port not in plan.moved:
            continue
        after = _moved(setting.value, plan.moved[port])
        if setting.index >= 0:
            args[setting.index] = f"{setting.prefix}{after}"
            place = f"argument {setting.name}" if setting.name else "argument"
        else:
            env[setting.name] = after
            place = f"environment variable {setting.name}"
        what = known.get(port)
        alterations.append(
            Alteration(
                subject=f"{subject}, {place}",
                before=setting.value,
                after=after,
                reason="The process shares this machine's network"
                + (f" ({what})." if what else "."),
            )
        )
    return Rewritten(args=tuple(args), env=env, alterations=tuple(alterations))


def _settings(container: Mapping[str, Any]) -> list[_Setting]:
    args = [str(arg) for arg in container.get("args") or ()]
    found: list[_Setting] = []
    for index, arg in enumerate(args):
        if arg.startswith("-") and "=" in arg:
            flag, _, value = arg.partition("=")
            found.append(_Setting(name=flag, value=value, index=index, prefix=f"{flag}="))
        elif not arg.startswith("-"):
            flag = args[index - 1] if index else ""
            name = flag if flag.startswith("-") and "=" not in flag else ""
            found.append(_Setting(name=name, value=arg, index=index))
    for entry in container.get("env") or ():
        if isinstance(entry.get("value"), str):
            found.append(_Setting(name=str(entry.get("name")), value=entry["value"], index=-1))
    return found


def _bound_port(setting: _Setting, known: Mapping[int, str]) -> int:
    """Returns the container port that a setting binds; 0 where it doesn't look like one."""
    if setting.value.isdecimal():
        port = int(setting.value)
        names = bool(_OWN_PORT.search(setting.name)) or (
            port in known and bool(_PORT_NAME.search(setting.name))
        )
        return port if names and 0 < port <= _HIGHEST_PORT else 0
    match = _ADDRESS.match(setting.value)
    if match is None or (match["path"] and not match["scheme"]):
        return 0
    port = int(match["port"])
    anywhere = match["host"] in ("", "0.0.0.0", "[::]", "*")  # noqa: S104 - recognised, not bound
    binds = port in known or bool(_BINDS.search(setting.name)) or (anywhere and bool(setting.name))
    return port if binds and 0 < port <= _HIGHEST_PORT else 0


def _moved(value: str, port: int) -> str:
    if value.isdecimal():
        return str(port)
    match = _ADDRESS.match(value)
    scheme, path = (match["scheme"], match["path"]) if match else ("", "")
    return f"{scheme or ''}127.0.0.1:{port}{path or ''}"


def free_port(taken: Sequence[int] = ()) -> int:
    """Returns a port on which nothing listens, on any address of this machine.

    No other run is given it while this process lives: it is bound only when the operator starts.

    Args:
        taken: Ports that are spoken for.

    Raises:
        ClusterError: None was found.
    """
    for _ in range(_ATTEMPTS):
        port = _LOWEST + secrets.randbelow(_COUNT)
        if port not in taken and is_free(port) and _reserve(port):
            return port
    raise ClusterError(
        f"No free port between {_LOWEST} and {_LOWEST + _COUNT - 1} was found on this machine.",
        hint="Something on this machine listens on nearly all of them; `ss -tln` shows what.",
    )


def _reserve(port: int) -> bool:
    """Takes the name by which local clusters reserve ports, too; False where another has it.

    The kernel gives each abstract name once in a network namespace, and takes it back when its
    process ends; the descriptor is left open for that long.
    """
    hold = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        hold.bind(f"\0operator-harness/port/{port}")
    except OSError as error:
        hold.close()
        return error.errno != errno.EADDRINUSE  # elsewhere there are no such names
    hold.detach()
    return True


def is_free(port: int) -> bool:
    """Whether a process could listen on a port, on every address of this machine."""
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 - closed at once
        try:
            with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET6 and error.errno in _NO_IPV6:
                continue
            return False
    return True
