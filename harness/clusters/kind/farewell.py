"""`python -m harness.clusters.kind.farewell NAME`: what a guard runs at its end.

Removes a cluster's nodes and network, also where kind was killed while it made them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clusters.kind.calls import Calls
from harness.clusters.kind.engine import remove
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.guard import Guard

__all__ = ["main", "promise"]

_SETTLE_S = 1.5  # an engine that was asked for a container makes it, though nobody waits
_TIMEOUT_S = 90.0


def promise(calls: Calls, guard: Guard) -> None:
    """Has the guard remove the cluster at its end, whatever that is."""
    package = str(Path(__file__).resolve().parents[3])
    paths = os.pathsep.join(filter(None, (package, calls.env.get("PYTHONPATH"))))
    keep = ("PATH", "HOME", "LANG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")
    env = {
        key: value for key, value in calls.env.items() if key in keep or key.startswith("DOCKER_")
    }
    guard.on_end(
        calls.name,
        (sys.executable, "-P", "-m", __name__, calls.name),
        env={**env, "PYTHONPATH": paths},
        timeout=_TIMEOUT_S,
    )


def main(argv: list[str]) -> int:
    """Removes the cluster of that name; returns the exit code."""
    (name,) = argv
    try:
        remove(Calls(name), name, settle_s=_SETTLE_S)
    except HarnessError as error:
        sys.stderr.write(f"{error}\n{error.hint}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
