"""`python -m harness.guard`: started by `harness.guard.Guard.start` only."""

from __future__ import annotations

import os
import sys
from fcntl import F_SETFD, FD_CLOEXEC, fcntl
from pathlib import Path

from harness.guard.protocol import READY
from harness.guard.server import Server


def main(argv: list[str]) -> None:
    """Serves.

    Args:
        argv: State folder, evidence folder or "", descriptors of lifeline and readiness pipe.
    """
    state_dir, evidence, lifeline, ready = argv
    os.chdir("/")  # keep no folder of the user busy
    server = Server(
        state_dir=Path(state_dir),
        evidence=Path(evidence) if evidence else None,
        lifeline=int(lifeline),
    )

    def tell_ready() -> None:
        os.write(int(ready), READY)
        os.close(int(ready))

    for fd in (lifeline, ready):
        fcntl(int(fd), F_SETFD, FD_CLOEXEC)
    server.run(on_ready=tell_ready)


if __name__ == "__main__":
    main(sys.argv[1:])
