"""`python -m harness.probes.receiver PLAN`: receives until SIGTERM, SIGINT or its lifeline."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from harness.command import hurry
from harness.errors import HarnessError, UsageError
from harness.probes.receiver.plan import read_plan
from harness.probes.receiver.receiver import Receiver


def main() -> int:
    """Runs the receiver and returns its exit code."""
    try:
        if len(sys.argv) != 2:  # noqa: PLR2004 - the program and the plan
            raise UsageError("usage: python -m harness.probes.receiver PLAN")
        plan = read_plan(Path(sys.argv[1]))
        hurry()
        receiver = Receiver(plan)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: receiver.stop())
        if plan.lifeline >= 0:
            follow = (receiver, plan.lifeline)
            threading.Thread(target=_follow, args=follow, daemon=True, name="lifeline").start()
        receiver.run()
    except HarnessError as error:
        hint = f" {error.hint}" if error.hint else ""
        sys.stderr.write(f"watch receiver: {error}{hint}\n")
        return int(error.exit_code)
    return 0


def _follow(receiver: Receiver, lifeline: int) -> None:
    with suppress(OSError):
        while os.read(lifeline, 4096):
            pass
    receiver.stop()


if __name__ == "__main__":
    sys.exit(main())
