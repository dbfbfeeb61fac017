"""Private folders of clusters, and which of them are alive, kept or left over."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from harness.errors import ClusterError
from harness.guard.descent import is_alive
from harness.guard.leftovers import (
    end_leftover,
    is_leftover,
    make_state_folder,
    owner_runs,
    read_record,
    write_private,
)
from harness.guard.protocol import SOCKET_NAME
from harness.model.cluster import Cluster
from harness.settings import state_home

__all__ = [
    "clusters_home",
    "guard_socket",
    "is_kept",
    "new_state_dir",
    "read_clusters",
    "remember",
    "sweep",
]

_CLUSTER = "cluster.json"
_ODD = re.compile(r"""[\s,;"'`$\\]""")


def clusters_home() -> Path:
    """Returns the folder that holds a folder for each cluster."""
    return state_home() / "clusters"


def new_state_dir() -> Path:
    """Makes the private folder (0700) of a new cluster; its name is the cluster's id.

    Raises:
        ClusterError: It can't be made, or no cluster can work there.
    """
    home = clusters_home()
    if odd := _ODD.search(str(home)):
        raise ClusterError(
            f"No cluster can be kept below {home}: kwokctl splits paths at {odd[0]!r}.",
            hint="Set XDG_STATE_HOME to a folder without blanks, commas and quotes in its path.",
        )
    try:
        return make_state_folder(home)
    except OSError as error:
        raise ClusterError(
            f"Can't make a folder below {home}: {error.strerror or error}",
            hint="Set XDG_STATE_HOME to a folder that can be written.",
        ) from error


def remember(cluster: Cluster, state_dir: Path) -> None:
    """Writes down a cluster, so that other commands find it."""
    write_private(state_dir / _CLUSTER, msgspec.json.encode(cluster))


def guard_socket(cluster: Cluster) -> Path:
    """Returns the socket of the guard that keeps a cluster."""
    return Path(cluster.state_dir) / SOCKET_NAME


def read_clusters() -> tuple[Cluster, ...]:
    """Returns the clusters whose guard runs, oldest first."""
    found: list[tuple[float, Cluster]] = []
    for folder in _folders():
        record = read_record(folder)
        if record is None or not is_alive(record.guard):
            continue
        try:
            file = folder / _CLUSTER
            found.append(
                (file.stat().st_mtime, msgspec.json.decode(file.read_bytes(), type=Cluster))
            )
        except (OSError, msgspec.MsgspecError):
            continue  # it's being made, or just went away
    return tuple(cluster for _, cluster in sorted(found, key=lambda entry: entry[0]))


def is_kept(cluster: Cluster) -> bool:
    """Whether the run or command that made this cluster is over."""
    return not owner_runs(Path(cluster.state_dir))


def sweep() -> list[str]:
    """Ends and removes what runs left that were killed together with their guard.

    Returns:
        A sentence for each.
    """
    told = []
    for folder in _folders():
        if is_leftover(folder):
            ended = end_leftover(folder)
            if folder.exists():
                told.append(
                    f"Can't remove all that a killed run left: {folder.name}. "
                    f"The next try is at the next run, or now: harness cluster down --all"
                )
            else:
                told.append(
                    f"Removed what a killed run left: {folder.name}, {len(ended)} processes ended."
                )
    return told


def _folders() -> list[Path]:
    home = clusters_home()
    return sorted(path for path in home.iterdir() if path.is_dir()) if home.is_dir() else []
