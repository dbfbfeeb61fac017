"""Compacts etcd: every watch that was open before can't go on where it was, and lists anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.clusters.local.components import component_environment
from harness.command import run
from harness.errors import ClusterError, CommandError

if TYPE_CHECKING:
    from harness.clusters.local.components import Component
    from harness.clusters.local.configuration import Paths

__all__ = ["compact"]

_SECONDS = 60.0
_ALREADY = "has been compacted"


class _Header(msgspec.Struct, frozen=True):
    revision: int


class _Status(msgspec.Struct, frozen=True):
    header: _Header


class _Endpoint(msgspec.Struct, frozen=True):
    status: _Status = msgspec.field(name="Status")


def compact(paths: Paths, etcd: Component, endpoints: str) -> int:
    """Has a running etcd forget everything before its present revision, which it returns.

    Args:
        paths: Of the cluster.
        etcd: The component.
        endpoints: Where it serves clients, as it was told itself.

    Raises:
        ClusterError: It doesn't answer.
    """

    def call(*words: str) -> str:
        done = run(
            (paths.tools / "etcdctl", f"--endpoints={endpoints}", *words),
            timeout=_SECONDS,
            env=component_environment(paths.state),
        )
        return done.output

    try:
        told = call("endpoint", "status", "--write-out=json").splitlines()
        (status,) = msgspec.json.decode(told[-1], type=tuple[_Endpoint, ...])
        revision = status.status.header.revision
        try:
            call("compact", str(revision))
        except CommandError as error:
            if _ALREADY not in str(error):
                raise
    except (CommandError, msgspec.DecodeError, ValueError, IndexError) as error:
        raise ClusterError(
            f"etcd can't be compacted: {error}", hint=f"{etcd.name} must be running."
        ) from error
    return revision
