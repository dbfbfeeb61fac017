"""Nodes and networks of ours whose cluster is gone.

Nodes are found by kind's label and known by what they mount, networks by their name.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.clock import SYSTEM_CLOCK, utc
from harness.clusters.kind.calls import Calls
from harness.clusters.kind.configuration import CLUSTER_PREFIX, POLICY
from harness.clusters.kind.engine import CLUSTER_LABEL, remove
from harness.clusters.state import clusters_home
from harness.command import which
from harness.errors import CommandError, HarnessError
from harness.guard.leftovers import is_leftover

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["remove_leftovers"]

_ASK_S = 20.0
_NETWORK = re.compile(rf"{CLUSTER_PREFIX}[0-9a-f]{{8}}")
_NETWORK_AGE_S = 120.0  # a younger one may be that of a cluster that is being made


class _Mount(msgspec.Struct):
    source: str = msgspec.field(name="Source", default="")
    destination: str = msgspec.field(name="Destination", default="")


def remove_leftovers() -> list[str]:
    """Removes the nodes of clusters whose harness and guard are gone.

    A cluster's node mounts its state folder; so it's known which one it belongs to, wherever that
    folder lies. Without an engine that answers nothing is done.

    Returns:
        A sentence for each.
    """
    if which("docker") is None:
        return []
    calls = Calls("harness")
    told = []
    for name, state in _ours(calls):
        if state.exists() and not is_leftover(state):
            continue
        try:
            remove(calls, name)
            told.append(f"Removed the kind cluster {name} that a killed run left.")
        except HarnessError as error:
            told.append(f"Can't remove the kind cluster {name}: {error} {error.hint}")
    return told + _remove_networks(calls)


def _remove_networks(calls: Calls) -> list[str]:
    """Removes networks whose cluster never got a node, since all was killed before."""
    listed = calls.engine(
        *("network", "ls", "--filter", f"name={CLUSTER_PREFIX}"),
        *("--format", "{{.Name}} {{.CreatedAt}}"),
        timeout=_ASK_S,
        check=False,
    )
    told = []
    for line in listed.output.splitlines() if listed.exit_code == 0 else ():
        name, _, created = line.partition(" ")
        if not _NETWORK.fullmatch(name) or _age_s(created) < _NETWORK_AGE_S:
            continue
        state = clusters_home() / name.removeprefix(CLUSTER_PREFIX)
        if state.exists() and not is_leftover(state):
            continue
        # One that is in use is refused by the engine.
        if calls.engine("network", "rm", name, timeout=_ASK_S, check=False).exit_code == 0:
            told.append(f"Removed the network {name} that a killed run left.")
    return told


def _age_s(created: str) -> float:
    """Returns the age of a network, by what docker says: "2026-01-31 23:59:59.1 +0000 UTC"."""
    with suppress(ValueError):
        day, time, zone, *_ = created.split()
        stamp = datetime.strptime(f"{day} {time[:8]} {zone}", "%Y-%m-%d %H:%M:%S %z")
        return (utc(SYSTEM_CLOCK.now()) - stamp).total_seconds()
    return 0.0


def _ours(calls: Calls) -> Iterator[tuple[str, Path]]:
    """Yields kind's name and the state folder of each cluster that the harness made."""
    try:
        listed = calls.engine(
            *("ps", "--all", "--filter", f"label={CLUSTER_LABEL}"),
            *("--format", f'{{{{.Names}}}} {{{{.Label "{CLUSTER_LABEL}"}}}}'),
            timeout=_ASK_S,
        )
    except CommandError:
        return
    for line in listed.output.splitlines():
        node, _, name = line.partition(" ")
        if (folder := _state_of(calls, node)) is not None:
            yield name, folder


def _state_of(calls: Calls, node: str) -> Path | None:
    done = calls.engine(
        *("inspect", "--type=container", "--format", "{{json .Mounts}}", node),
        timeout=_ASK_S,
        check=False,
    )
    try:
        mounts = msgspec.json.decode(done.output, type=list[_Mount])
    except msgspec.MsgspecError:
        return None  # it went away meanwhile
    sources = [mount.source for mount in mounts if mount.destination == POLICY]
    return Path(sources[0]).parent if sources else None
