"""Nodes of ours whose cluster is gone: found by kind's label, known by what they mount."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.clusters.kind.calls import Calls
from harness.clusters.kind.configuration import POLICY
from harness.clusters.kind.engine import CLUSTER_LABEL, remove
from harness.command import which
from harness.errors import CommandError, HarnessError
from harness.guard.leftovers import is_leftover

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["remove_leftovers"]

_ASK_S = 20.0


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
    return told


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
