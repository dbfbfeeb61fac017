"""The processes of a cluster's components, by what kwokctl wrote down about them."""

from __future__ import annotations

import os
import select
import signal
import socket
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psutil
import yaml

from harness.clock import SYSTEM_CLOCK
from harness.command import environment
from harness.errors import ClusterError
from harness.guard.descent import start_ticks
from harness.guard.leftovers import STATE_VARIABLE, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.guard import Guard

__all__ = [
    "ASSETS",
    "BINARIES",
    "Component",
    "argument",
    "component_environment",
    "components_of",
    "find_component",
    "pids",
    "start",
    "stop",
    "tail",
]

BINARIES = {
    "etcd": "etcd",
    "kube-apiserver": "kube-apiserver",
    "kube-controller-manager": "kube-controller-manager",
    "kube-scheduler": "kube-scheduler",
    "kwok-controller": "kwok",
}
"""kwokctl's name of each component to the asset that it runs."""

ASSETS = (*BINARIES.values(), "etcdctl", "etcdutl", "kubectl", "kwokctl")
"""All binaries that a local cluster is made and kept with."""

_TAIL_LINES = 20
_TAIL_BYTES = 64 << 10
_HEAD_LINES = 3
_WIDTH = 400  # characters of a line
_STOP_S = 20.0  # an API server finishes open requests first
_KILLED_S = 5.0


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One component.

    Attributes:
        name: As kwokctl calls it.
        binary: Its program, a link of the component's name.
        work: kwokctl's folder of the cluster.
        arguments: As kwokctl starts it; empty where that isn't known yet.
        environment: What is added to kwokctl's own.
        port: Where it serves; 0 where that isn't known yet.
    """

    name: str
    binary: Path
    work: Path
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    port: int = 0

    @property
    def pid_file(self) -> Path:
        """Where its process id is written."""
        return self.work / "pids" / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.work / "logs" / f"{self.name}.log"

    def pid(self) -> int | None:
        """Returns the process id it was last started with; None before that."""
        with suppress(OSError, ValueError):
            return int(self.pid_file.read_text())
        return None

    def is_running(self) -> bool:
        """Whether its process is there (and no zombie)."""
        pid = self.pid()
        return pid is not None and start_ticks(pid) is not None

    def has_died(self) -> bool:
        """Whether it was started and ended."""
        return self.pid() is not None and not self.is_running()

    def is_serving(self) -> bool:
        """Whether it listens at its port itself: a stranger there would take connections, too."""
        pid = self.pid()
        if pid is None:
            return False
        try:
            rows = psutil.Process(pid).net_connections("tcp")
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:  # a machine that hides processes; then who answers isn't known
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.settimeout(1.0)
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        return any(row.status == psutil.CONN_LISTEN and row.laddr.port == self.port for row in rows)

    def age_s(self) -> float:
        """Returns the seconds since it was started; 0.0 before that."""
        with suppress(OSError):
            return SYSTEM_CLOCK.now().wall_ns / 1e9 - self.pid_file.stat().st_mtime
        return 0.0

    def tail(self) -> str:
        """Returns the last lines that it printed."""
        return tail(self.log)

    def last_words(self) -> str:
        """Returns the last lines, and the first ones: some tell an error before their usage."""
        with suppress(OSError), self.log.open(errors="replace") as file:
            first = [line.rstrip("\n")[:_WIDTH] for line in islice(file, _HEAD_LINES)]
            last = _before_stack(tail(self.log, 1000)).splitlines()[-_TAIL_LINES:]
            rest = sum(1 for _ in islice(file, _TAIL_LINES + 1))
            if rest > _TAIL_LINES:
                return "\n".join([*first, "…", *last])
        return _before_stack(tail(self.log, _HEAD_LINES + _TAIL_LINES)) or "(it printed nothing)"


def _before_stack(text: str) -> str:
    """Returns what a Go program printed, without the stack of its panic."""
    said, found, _ = text.partition("\ngoroutine ")
    return said if found else text


def tail(path: Path, lines: int = _TAIL_LINES) -> str:
    """Returns the last lines of a file, at most 64 KiB; empty where there is none."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    return ""


def component_environment(state: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns the environment for kwokctl and the components.

    What the user's environment says to kwokctl or to clients isn't passed on, since it would
    override the configuration; the state folder is, by which leftovers are found.
    """
    env = {
        name: value
        for name, value in environment().items()
        if not name.startswith(("KWOK_", "ETCD_", "KUBE"))
    }
    env |= {"KWOK_WORKDIR": str(state), STATE_VARIABLE: str(state)}
    return env | dict(extra or {})


def components_of(work: Path) -> dict[str, Component]:
    """Returns the components of a cluster by name, from kwokctl's own file.

    Raises:
        ClusterError: The file isn't there or isn't kwokctl's.
    """
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        documents = list(yaml.load_all((work / "kwok.yaml").read_bytes(), Loader=loader))
    except (OSError, yaml.YAMLError) as error:
        raise ClusterError(
            f"The cluster's description {work / 'kwok.yaml'} can't be read: {error}",
            hint="The cluster was deleted, or isn't one that `harness` made.",
        ) from error
    kinds = {document["kind"]: document for document in documents if document}
    entries: list[dict[str, Any]] = kinds.get("KwokctlConfiguration", {}).get("components") or []
    return {
        entry["name"]: Component(
            name=entry["name"],
            binary=Path(entry["binary"]),
            work=work,
            arguments=tuple(entry.get("args", ())),
            environment={env["name"]: env["value"] for env in entry.get("envs", ())},
            port=next((port["port"] for port in reversed(entry.get("ports", ()))), 0),
        )
        for entry in entries
    }


def pids(work: Path) -> dict[str, int]:
    """Returns the process ids that components were last started with, by their names."""
    found = {}
    for path in sorted((work / "pids").glob("*.pid")):
        with suppress(OSError, ValueError):
            found[path.stem] = int(path.read_text())
    return found


def find_component(work: Path, name: str) -> Component:
    """Returns a component by kwokctl's name, or "kwok" for kwok-controller.

    Raises:
        ClusterError: There is none of that name.
    """
    found = components_of(work)
    for component in found.values():
        if name in {component.name, BINARIES.get(component.name)}:
            return component
    raise ClusterError(
        f"The cluster has no component {name!r}.", hint=f"It has: {', '.join(found)}."
    )


def argument(component: Component, key: str) -> str:
    """Returns the last value of one of a component's arguments.

    Raises:
        ClusterError: It was started without.
    """
    prefix = f"--{key}="
    found = [word.removeprefix(prefix) for word in component.arguments if word.startswith(prefix)]
    if not found:
        raise ClusterError(
            f"{component.name} was started without --{key}.",
            hint="This kwokctl isn't one that we know.",
        )
    return found[-1]


def stop(component: Component, *, sig: int = signal.SIGTERM) -> None:
    """Ends a component and waits until it's gone; SIGKILL follows where `sig` doesn't do.

    Raises:
        ClusterError: It stays.
    """
    pid = component.pid()
    if pid is None or not component.is_running():
        return
    for number, seconds in ((sig, _STOP_S), (signal.SIGKILL, _KILLED_S)):
        if _end(pid, number, seconds):
            component.pid_file.unlink(missing_ok=True)
            return
    raise ClusterError(f"{component.name} (pid {pid}) can't be ended.")


def _end(pid: int, number: int, seconds: float) -> bool:
    """Sends a signal; returns whether the process is gone in time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        return bool(ended.poll(int(seconds * 1000)))
    finally:
        os.close(handle)


def start(component: Component, guard: Guard, *, state: Path) -> None:
    """Starts a stopped component, with the command line that kwokctl gave it, under the guard."""
    if component.is_running():
        return
    status = guard.spawn(
        component.name,
        (component.binary, *component.arguments),
        env=component_environment(state, component.environment),
        cwd=component.work,
        log=component.log,
    )
    write_private(component.pid_file, str(status.pid).encode())
