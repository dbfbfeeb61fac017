"""Follows an API server's audit log on this machine into the evidence.

Run under the guard as `python -m harness.clusters.existing.auditlog SOURCE COPY`. What was in the
log before the run isn't copied.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness import command
from harness.clock import SYSTEM_CLOCK
from harness.errors import ClusterError, UsageError
from harness.evidence.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.guard import Guard
    from harness.kube.client import KubeClient

__all__ = ["check_readable", "follow", "main"]

_NAME = "audit-log"
_POLL_S = 0.02
_FIRST_S = 10.0  # until a request of ours must be in the log


def check_readable(path: Path) -> None:
    """Refuses a file that can't be read.

    Raises:
        UsageError: It isn't there, or isn't ours to read.
    """
    if not path.is_file():
        raise UsageError(
            f"--audit-log {path}: there is no such file.",
            hint="Name the file of the API server's --audit-log-path, on this machine.",
        )
    if not os.access(path, os.R_OK):
        raise UsageError(f"--audit-log {path}: it can't be read by this user.")


def follow(source: Path, copy: Path, *, client: KubeClient, guard: Guard, log: Path) -> None:
    """Starts following a log, and waits until a request of ours has come through it.

    Args:
        source: The API server's file.
        copy: Where its lines go from now on.
        client: Sends the request.
        guard: Under which it's followed.
        log: For errors of the follower.

    Raises:
        ClusterError: The log isn't that of this API server, or its policy leaves our requests out.
    """
    copy.touch()
    package = str(Path(__file__).resolve().parents[3])
    guard.spawn(
        _NAME,
        (sys.executable, "-P", "-m", "harness.clusters.existing.auditlog", str(source), str(copy)),
        env=command.environment({"PYTHONPATH": package}),
        log=log,
    )
    name = f"harness-barrier-{secrets.token_hex(8)}"
    mark = name.encode()
    with Tail(source, at_end=True) as live, Tail(copy) as tail:
        client.raw("GET", f"/api/v1/namespaces/default/configmaps/{name}")
        if not live.wait_for(lambda line: mark in line, timeout=_FIRST_S):
            raise ClusterError(
                f"The audit log {source} shows no request of ours within {_FIRST_S:g} s.",
                hint="Is it the log of this cluster's API server? Its policy must log requests "
                "for ConfigMaps at level Metadata, stage ResponseComplete, and may not batch.",
            )
        # The follower may have begun behind that request: another one is certain.
        while not tail.wait_for(lambda line: mark in line, timeout=1.0):
            if not guard.status(_NAME).running:
                raise ClusterError(f"The audit log {source} can't be followed; see {log}.")
            client.raw("GET", f"/api/v1/namespaces/default/configmaps/{name}")


def main(arguments: Sequence[str]) -> None:
    """Copies whole lines until it's ended."""
    source, copy = map(Path, arguments)
    clock = SYSTEM_CLOCK
    with Tail(source, at_end=True, clock=clock) as tail, copy.open("ab", buffering=0) as out:
        while True:
            lines = list(tail.lines())
            if lines:
                out.write(b"\n".join(lines) + b"\n")
            else:
                clock.sleep(_POLL_S)


if __name__ == "__main__":
    main(sys.argv[1:])
