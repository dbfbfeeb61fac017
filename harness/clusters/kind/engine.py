"""What the Docker engine has of kind's: nodes, networks; and how it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.clock import SYSTEM_CLOCK, Clock, Deadline
from harness.clusters.kind.troubles import explained
from harness.errors import ClusterError, CommandError

if TYPE_CHECKING:
    from harness.clusters.kind.calls import Calls

__all__ = ["CLUSTER_LABEL", "Info", "ask_info", "nodes_of", "remove"]

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
"""kind's label of a node's container; its value is the cluster's name."""

_ASK_S = 20.0
_REMOVE_S = 60.0  # a node's file system is deleted with it
_PAUSE_S = 0.3
_GONE = ("no such network", "not found")


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """What `docker info` says, as far as we need it.

    Attributes:
        server: Version of the engine.
        cgroup: Version of the control groups, "1" or "2".
        root: Folder in which the engine keeps images and containers.
        memory: Of the engine's machine, in bytes.
        problems: What it says in place of all that, where it can't be reached.
    """

    server: str = msgspec.field(name="ServerVersion", default="")
    cgroup: str = msgspec.field(name="CgroupVersion", default="1")
    root: str = msgspec.field(name="DockerRootDir", default="")
    memory: int = msgspec.field(name="MemTotal", default=0)
    problems: tuple[str, ...] = msgspec.field(name="ServerErrors", default=())


def ask_info(calls: Calls) -> Info:
    """Asks the engine how it is.

    Raises:
        ClusterError: It can't be reached; says why.
    """
    try:
        done = calls.engine("info", "--format", "{{json .}}", timeout=_ASK_S, check=False)
        info = msgspec.json.decode(done.output.splitlines()[-1], type=Info)
    except (CommandError, msgspec.MsgspecError, IndexError) as error:
        text = str(error) if isinstance(error, CommandError) else _said(done.output)
        raise explained("Docker can't be asked", text) from error
    if info.problems or not info.server:
        raise explained(
            "The Docker engine doesn't answer", "\n".join(info.problems) or _said(done.output)
        )
    return info


def _said(output: str) -> str:
    """Returns what was said to people; a client without an engine prints an empty record, too."""
    return "\n".join(line for line in output.splitlines() if not line.startswith("{"))


def nodes_of(calls: Calls, name: str) -> tuple[str, ...]:
    """Returns the names of a cluster's nodes, running or not.

    Raises:
        ClusterError: The engine doesn't answer.
    """
    try:
        done = calls.engine(
            *("ps", "--all", "--filter", f"label={CLUSTER_LABEL}={name}"),
            *("--format", "{{.Names}}"),
            timeout=_ASK_S,
        )
    except CommandError as error:
        raise explained(f"The nodes of {name} can't be listed", str(error)) from error
    return tuple(sorted(done.output.split()))


def remove(
    calls: Calls,
    name: str,
    *,
    settle_s: float = 0.0,
    timeout: float = _REMOVE_S,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Removes a cluster's nodes and its network, and sees that none is left.

    Args:
        calls: Runs docker.
        name: kind's name of the cluster.
        settle_s: Seconds for which none may come up again: where kind was killed, the engine
            may still be making one.
        timeout: Seconds until all must be gone.
        clock: Tells and waits.

    Raises:
        ClusterError: Something stays.
    """
    deadline = Deadline(timeout, clock=clock)
    quiet = Deadline(settle_s, clock=clock)
    while True:
        if names := nodes_of(calls, name):
            calls.engine(
                "rm", "--force", "--volumes", *names, timeout=deadline.remaining + 1, check=False
            )
            quiet = Deadline(settle_s, clock=clock)
        elif quiet.passed:
            break
        if deadline.passed:
            raise ClusterError(
                f"The nodes of {name} can't be removed: {', '.join(names)}.",
                hint=f"Try by hand: docker rm --force --volumes {' '.join(names)}",
            )
        clock.sleep(_PAUSE_S if settle_s else 0.0)
    _remove_network(calls, name, deadline, clock)


def _remove_network(calls: Calls, name: str, deadline: Deadline, clock: Clock) -> None:
    """Removes the cluster's own network; one of kind's common name stays."""
    while True:
        done = calls.engine("network", "rm", name, timeout=_ASK_S, check=False)
        if done.exit_code == 0 or any(word in done.output.lower() for word in _GONE):
            return
        if deadline.passed:
            raise explained(f"The network {name} can't be removed", done.output)
        clock.sleep(_PAUSE_S)
