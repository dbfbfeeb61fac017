"""`python -m harness.stimulus.load.child ASSIGNMENT [WORKER]`.

Without a worker's number it is the only process, or, where the assignment names a master's
address, Locust's master.
"""

from __future__ import annotations

# Replaces parts of Python's library, so it comes before all that may import them.
from locust import User, task  # isort: split

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
import msgspec
from gevent.event import Event
from locust.env import Environment
from locust.stats import stats_history

from harness.command import hurry
from harness.errors import HarnessError
from harness.stimulus.load.child.listener import Listener
from harness.stimulus.load.child.part import Part
from harness.stimulus.load.child.teams import Alone, Member, Player, Team, Workers
from harness.stimulus.load.protocol import Assignment

if TYPE_CHECKING:
    from locust.runners import Runner

_CONNECT_S = 30.0


def main(arguments: list[str]) -> int:
    """Runs the child until the driver ends it; returns its exit code."""
    assignment = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Assignment)
    worker = int(arguments[1]) if len(arguments) > 1 else None
    if worker is not None or not assignment.master:  # the master sends nothing
        hurry()
    leaving = Event()
    gevent.signal_handler(signal.SIGTERM, leaving.set)
    try:
        if worker is not None:
            _work(assignment, worker, leaving)
        else:
            _lead(assignment, leaving)
    except HarnessError as error:
        print(error, error.hint, file=sys.stderr)  # noqa: T201 - its log
        return int(error.exit_code)
    return 0


def _lead(assignment: Assignment, leaving: Event) -> None:
    count = assignment.plan.workers
    environment = Environment(user_classes=[_Arrivals])
    team: Team
    runner: Runner
    part = None
    if assignment.master:
        host, _, port = assignment.master.rpartition(":")
        runner = master = environment.create_master_runner(host, int(port))
        team = Workers(master, count)
        with gevent.Timeout(_CONNECT_S, HarnessError("Workers of the load generator are late.")):
            while master.worker_count < count:
                gevent.sleep(0.02)
    else:
        runner = environment.create_local_runner()
        part = _Arrivals.part = Part(assignment, 0, environment)
        team = Alone(Player(part))
    if assignment.ui:
        host, _, port = assignment.ui.rpartition(":")
        environment.create_web_ui(host, int(port))
        gevent.spawn(stats_history, runner)
    running = Event()
    environment.events.spawning_complete.add_listener(lambda **_: running.set())  # type: ignore[no-untyped-call]
    runner.start(count, spawn_rate=count)  # one user a worker
    running.wait()
    stopped = Event()
    environment.events.test_stopping.add_listener(lambda **_: stopped.set())  # type: ignore[no-untyped-call]
    Listener(Path(assignment.socket), team, stopped=stopped.is_set, leave=leaving.set)
    leaving.wait()
    if part is not None:
        part.close()
    runner.quit()


def _work(assignment: Assignment, worker: int, leaving: Event) -> None:
    environment = Environment(user_classes=[_Arrivals])
    part = _Arrivals.part = Part(assignment, worker, environment)
    host, _, port = assignment.master.rpartition(":")
    runner = environment.create_worker_runner(host, int(port))
    Member(Player(part), runner)
    gevent.spawn(lambda: (runner.greenlet.join(), leaving.set()))  # the master has said quit
    leaving.wait()
    part.close()


class _Arrivals(User):
    """Locust's user: one a worker, which runs the worker's part of every phase."""

    part: Part

    @task
    def arrive(self) -> None:
        """Runs phases until it is stopped."""
        self.part.serve()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
