"""Two runs at a time, and runs that are killed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from harness import assets, command
from harness.assets import Component
from harness.assets.lock import Busy, exclusive
from harness.assets.store import Store
from harness.clock import Deadline, FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.command import Spawned
    from harness.tests.assets.fakes import Machine

TIMEOUT_S = 20.0
RESOLVE = """
import sys
from harness import assets
found = assets.resolve([sys.argv[1]], on_progress=lambda text: print(text, flush=True))
print("source:", found.assets[0].source, flush=True)
"""


class Run:
    """A process that resolves a component, and what it says."""

    def __init__(self, component: str) -> None:
        self._output, write = os.pipe()
        self.process: Spawned = command.spawn(
            [sys.executable, "-c", RESOLVE, component],
            env=command.environment(),
            stdout=write,
            stderr=write,
        )
        os.close(write)
        self.said = ""

    def await_text(self, text: str) -> None:
        """Reads until it has said something."""
        deadline = Deadline(TIMEOUT_S)
        while text not in self.said:
            ready, _, _ = select.select([self._output], [], [], deadline.remaining)
            assert ready, f"no {text!r} in {self.said!r}"
            chunk = os.read(self._output, 4096)
            assert chunk, f"ended without {text!r}: {self.said!r}"
            self.said += chunk.decode()

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=TIMEOUT_S)
        os.close(self._output)


@contextlib.contextmanager
def running(component: str = "etcd") -> Iterator[Run]:
    run = Run(component)
    try:
        yield run
    finally:
        run.close()


def await_start(fifo: Path) -> None:
    """Returns when Go is in the middle of a build."""
    fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        ready, _, _ = select.select([fd], [], [], TIMEOUT_S)
        assert ready, "the build doesn't start"
    finally:
        os.close(fd)


@pytest.fixture
def held(machine: Machine) -> Iterator[tuple[Path, int]]:
    """A Go that writes half a binary, says so in a pipe, and waits until another is closed.

    Then it prints, and so dies if nobody listens any more, as the real one does.
    """
    started, release = machine.fifo("started"), machine.fifo("release")
    # Opened before it says so: a pipe that nobody holds any more would be waited for without end.
    wait = f"exec 3< {release}; echo > {started}; cat <&3 > /dev/null; echo go on"
    machine.go(before=f'echo half > "${{out}}server"; {wait}')
    # Opened for both, so that Go's open doesn't wait; closing it is the end of the file.
    fd = os.open(release, os.O_RDWR)
    yield started, fd
    with contextlib.suppress(OSError):
        os.close(fd)


def test_two_runs_build_once_and_the_second_says_for_whom_it_waits(
    machine: Machine, held: tuple[Path, int]
) -> None:
    started, release = held
    with running() as first:
        await_start(started)
        with running() as second:
            second.await_text(f"waiting for process {first.process.pid} (building etcd, since ")
            os.close(release)
            first.await_text("source: built from Go modules")
            second.await_text("source: cache")
    assert len(machine.builds) == 1


def test_a_run_killed_half_way_leaves_nothing_that_is_used(
    machine: Machine, held: tuple[Path, int]
) -> None:
    started, release = held
    with running() as run:
        await_start(started)
        os.kill(run.process.pid, signal.SIGKILL)
    os.close(release)
    assert list(Store().root.glob(".draft-*/out/server"))
    assert assets.survey([Component.ETCD]).missing == (Component.ETCD,)
    machine.go()
    assert assets.resolve([Component.ETCD]).assets[0].source == "built from Go modules"
    assert not list(Store().root.glob(".draft-*"))


def test_a_lock_that_is_not_had_in_time_names_its_holder(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    said: list[str] = []
    with (
        exclusive(file, doing="building etcd", timeout=0.0),
        pytest.raises(Busy, match=rf"process {os.getpid()} \(building etcd, since "),
        exclusive(file, doing="x", timeout=60.0, on_wait=said.append, clock=FakeClock()),
    ):
        pass
    assert len(said) == 1
    with exclusive(file, doing="y", timeout=0.0):
        pass
