"""The load child as a process: one, and Locust's master with workers."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import msgspec
import pytest

import harness
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.command import environment, run, spawn
from harness.errors import HarnessError
from harness.evidence.columns import read_columns
from harness.model.load import LoadPlan, Mix
from harness.model.target import Mutation, Readiness
from harness.pytest_plugin.load.losses import write_losses
from harness.stimulus.load.client import LoadClient
from harness.stimulus.load.protocol import Assignment, PhaseOrder
from harness.stimulus.load.rendering import plan_changes
from harness.stimulus.load.schedule import Schedule
from harness.tests.stimulus.load.server import Server, serving
from harness.tests.stimulus.load.test_rendering import _RESOURCE, kind, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.command import Spawned

_START_S = 60.0
_PACKAGE = str(Path(harness.__file__).resolve().parents[1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def hurried_policy() -> int:
    """Returns the scheduling policy of those who send: realtime where that is allowed."""
    trial = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
    allowed = run((sys.executable, "-c", trial), timeout=_START_S, check=False).exit_code == 0
    return os.SCHED_RR if allowed else os.sched_getscheduler(0)


class Team:
    """A child, and its workers if it has any."""

    def __init__(self, folder: Path, server: Server, *, workers: int = 1, ui: str = "") -> None:
        self.folder = folder
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_bytes(
            msgspec.json.encode(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "c",
                    "contexts": [{"name": "c", "context": {"cluster": "s", "user": "u"}}],
                    "clusters": [
                        {"name": "s", "cluster": {"server": f"http://127.0.0.1:{server.port}"}}
                    ],
                    "users": [{"name": "u", "user": {"token": "t"}}],
                }
            )
        )
        self.plan = LoadPlan(
            seed=5,
            profile="test",
            resource=_RESOURCE,
            samples=("box",),
            namespaces=("one",),
            ready=Readiness(),
            identity="somebody",
            workers=workers,
            connections=4,
            patience_ms=60_000,  # a slow machine drops nothing
        )
        assignment = Assignment(
            plan=self.plan,
            kubeconfig=str(kubeconfig),
            renderings=(
                plan_changes(kind(Mutation(path="spec.size", values=(1, 2))), stored(size=1)),
            ),
            folder=str(folder),
            socket=str(folder / "load.sock"),
            master=f"127.0.0.1:{free_port()}" if workers > 1 else "",
            ui=ui,
        )
        file = folder / "load.json"
        file.write_bytes(msgspec.json.encode(assignment))
        own = [(), *((str(number),) for number in range(workers if workers > 1 else 0))]
        self.processes = [self._spawn(file, *words) for words in own]
        deadline = Deadline(_START_S)
        while not (folder / "load.sock").exists():
            assert not deadline.passed
            assert all(process.poll() is None for process in self.processes)
            SYSTEM_CLOCK.sleep(0.02)
        self.client = LoadClient(folder / "load.sock")
        self._first = 0
        self._phases = 0

    def _spawn(self, file: Path, *words: str) -> Spawned:
        return spawn(
            (sys.executable, "-P", "-m", "harness.stimulus.load.child", file, *words),
            env=environment({"PYTHONPATH": _PACKAGE}),
            stderr=2,
        )

    def prepare(self, schedule: Schedule, mix: Mix | None = None) -> PhaseOrder:
        order = PhaseOrder(
            index=self._phases, first_arrival=self._first, schedule=schedule, mix=mix or Mix()
        )
        self._phases += 1
        self._first += self.client.prepare(order).arrivals * self.plan.workers
        return order

    def run(self, schedule: Schedule, mix: Mix | None = None) -> None:
        self.prepare(schedule, mix)
        self.client.begin(SYSTEM_CLOCK.now().mono_ns)
        while self.client.ask(wait_s=5.0).running:
            pass

    def column(self, name: str) -> list[int]:
        files = [self.folder / f"arrivals-{k}.i64" for k in range(self.plan.workers)]
        return [value for file in files for value in read_columns(file)[name]]

    def end(self) -> None:
        self.client.quit()
        self.client.close()
        assert self.processes[0].wait(20) == 0


@contextmanager
def running(folder: Path, server: Server, *, workers: int = 1, ui: str = "") -> Iterator[Team]:
    team = Team(folder, server, workers=workers, ui=ui)
    try:
        yield team
    finally:
        team.client.close()
        for process in team.processes:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
            process.wait(10)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def test_one_process_runs_phases_and_shows_them_in_locusts_web_ui(
    tmp_path: Path, server: Server
) -> None:
    ui = f"127.0.0.1:{free_port()}"
    with running(tmp_path, server, ui=ui) as team:
        team.run(Schedule.constant(200, 0.2))
        team.run(Schedule.burst(), Mix(create=0, update=1))
        with urlopen(f"http://{ui}/stats/requests") as answer:
            shown = msgspec.json.decode(answer.read())
        team.end()

    assert sorted(team.column("arrival")) == list(range(80))
    assert team.column("status") == [201] * 40 + [200] * 40
    counted = {one["method"]: one["num_requests"] for one in shown["stats"] if one["method"]}
    assert counted == {"CREATE": 40, "UPDATE": 40}


def test_what_can_not_be_drawn_is_refused_and_the_next_phase_runs(
    tmp_path: Path, server: Server
) -> None:
    with running(tmp_path, server) as team:
        with pytest.raises(HarnessError, match="can't be drawn"):
            team.prepare(Schedule.burst(1), Mix(create=0))
        team.run(Schedule.burst(3))
        team.end()

    assert team.column("status") == [201] * 3


def test_workers_share_a_phase_and_one_that_dies_leaves_nothing_uncounted(
    tmp_path: Path, server: Server
) -> None:
    with running(tmp_path, server, workers=2) as team:
        policies = [os.sched_getscheduler(process.pid) for process in team.processes]
        sends = hurried_policy()
        assert policies == [os.sched_getscheduler(0), sends, sends], "the master sends nothing"
        team.run(Schedule.constant(400, 0.25))
        assert sorted(team.column("arrival")) == list(range(100))
        assert len(server.objects) == 100

        order = team.prepare(Schedule.constant(100, 600))
        start = SYSTEM_CLOCK.now().mono_ns
        team.client.begin(start)
        file = tmp_path / "arrivals-1.i64"
        while len(read_columns(file)) < 60:
            team.client.ask(wait_s=0.05)
        os.kill(team.processes[2].pid, signal.SIGKILL)
        team.processes[2].wait(10)
        until = SYSTEM_CLOCK.now().mono_ns
        team.client.halt()
        while len(set(team.column("arrival")) & {order.first_arrival}) == 0:
            team.client.ask(wait_s=0.05)

    write_losses(file, order, team.plan, worker=1, start_ns=start, until_ns=until)
    own = read_columns(file)["arrival"]
    assert len(own) == len(set(own))
    due = {
        order.first_arrival + at for at in range(1, 60_000, 2) if start + at * 10_000_000 <= until
    }
    assert due <= set(own)
