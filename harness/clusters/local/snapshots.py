"""Snapshots of a cluster's data: taken from a running etcd, put back into a stopped one.

A restored cluster must not seem to go back in time: a client that asks for what came after a
resource version that is larger than all the restored ones would wait for ever, or miss changes.
So revisions go on from where the cluster was before the restore, and everything older counts as
compacted: each watch that was open gets 410 Gone, and lists anew.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.clusters.local.components import argument, component_environment
from harness.command import run
from harness.errors import ClusterError, CommandError

if TYPE_CHECKING:
    from harness.clusters.local.components import Component
    from harness.clusters.local.configuration import Paths

__all__ = ["TOOLS", "find", "link_tools", "restore", "save"]

TOOLS = ("etcdctl", "etcdutl")
"""Binaries that snapshots need."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62})")
_SAVE_S = 60.0
_RESTORE_S = 60.0
_MARGIN = 1_000_000  # revisions that a killed etcd may not have written to its file yet


class _Status(msgspec.Struct, frozen=True):
    revision: int


def link_tools(paths: Paths, binaries: dict[str, Path]) -> None:
    """Links the tools into the cluster's folder, so that each process of a run finds them."""
    paths.tools.mkdir(mode=0o700, exist_ok=True)
    for tool in TOOLS:
        (paths.tools / tool).symlink_to(binaries[tool])


def find(paths: Paths, name: str) -> Path:
    """Returns the file of a snapshot.

    Raises:
        ClusterError: There is none of that name.
    """
    file = _file(paths, name)
    if not file.is_file():
        known = sorted(path.stem for path in paths.snapshots.glob("*.db"))
        raise ClusterError(
            f"The cluster has no snapshot {name!r}.",
            hint=f"It has: {', '.join(known)}." if known else "Take one first.",
        )
    return file


def save(paths: Paths, etcd: Component, name: str) -> Path:
    """Writes what a running etcd holds to a file (0600), in place of one of the same name.

    Raises:
        ClusterError: The name can't be used, or etcd doesn't answer.
    """
    file = _file(paths, name)
    paths.snapshots.mkdir(mode=0o700, exist_ok=True)
    draft = file.with_suffix(".draft")
    endpoint = f"--endpoints={argument(etcd, 'advertise-client-urls')}"
    try:
        _call(paths, "etcdctl", (endpoint, "snapshot", "save", draft), _SAVE_S)
        draft.chmod(0o600)
        os.replace(draft, file)
    except (CommandError, OSError) as error:
        draft.unlink(missing_ok=True)
        raise ClusterError(
            f"Can't take the snapshot {name!r}: {error}", hint="etcd must be running."
        ) from error
    return file


def restore(paths: Paths, etcd: Component, file: Path) -> None:
    """Makes etcd's data anew from a snapshot; etcd must be stopped.

    Where it fails, the data is as it was.

    Raises:
        ClusterError: The snapshot or the present data can't be read, or there is no space.
    """
    data = Path(argument(etcd, "data-dir"))
    fresh, old = data.with_name("etcd.restored"), data.with_name("etcd.before")
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        present = _revision(paths, data / "member" / "snap" / "db")
        bump = max(present - _revision(paths, file), 0) + _MARGIN
        _call(
            paths,
            "etcdutl",
            (
                *("snapshot", "restore", file, f"--data-dir={fresh}"),
                *(f"--bump-revision={bump}", "--mark-compacted"),
                *(
                    f"--{key}={argument(etcd, key)}"
                    for key in ("name", "initial-cluster", "initial-advertise-peer-urls")
                ),
            ),
            _RESTORE_S,
        )
        data.rename(old)
        fresh.rename(data)
    except (CommandError, OSError) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise ClusterError(
            f"Can't restore the snapshot {file.stem!r}: {error}",
            hint="The cluster's data is as it was before.",
        ) from error
    shutil.rmtree(old, ignore_errors=True)


def _file(paths: Paths, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ClusterError(
            f"A snapshot can't be named {name!r}.",
            hint="Use lower-case letters, digits, dots, dashes and underscores.",
        )
    return paths.snapshots / f"{name}.db"


def _revision(paths: Paths, file: Path) -> int:
    """Returns the newest revision in a file of etcd's that nobody writes to."""
    told = _call(paths, "etcdutl", ("snapshot", "status", file, "--write-out=json"), _RESTORE_S)
    try:
        return msgspec.json.decode(told.splitlines()[-1], type=_Status).revision
    except (msgspec.DecodeError, IndexError) as error:
        raise CommandError(f"etcdutl said of {file.name}: {told}") from error


def _call(paths: Paths, tool: str, words: tuple[str | Path, ...], seconds: float) -> str:
    done = run(
        (paths.tools / tool, *words), timeout=seconds, env=component_environment(paths.state)
    )
    return done.output
