"""The load's processes under the guard: load generator, its workers, and the watch receiver."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.clock import Deadline
from harness.command import environment
from harness.errors import HarnessError
from harness.probes.receiver.plan import ReceiverPlan, ReceiverState
from harness.stimulus.load.client import LoadClient
from harness.stimulus.load.protocol import Assignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load.setup import Setup

__all__ = ["Processes"]

_START_S = 60.0
_STEP_S = 0.05
_GRACE_S = 5.0
_GENERATOR = "load-generator"
_RECEIVER = "load-receiver"


class Processes:
    """Starts them and ends them.

    Args:
        context: The suite's view of the run.
        setup: What the load is made of.
        ui: HOST:PORT of Locust's web UI; empty for none.
    """

    def __init__(self, context: Context, setup: Setup, *, ui: str = "") -> None:
        self._context = context
        self._setup = setup
        self._ui = ui
        self._running: list[str] = []

    def start(self) -> LoadClient:
        """Starts all of them; returns who speaks to the load generator.

        Raises:
            HarnessError: One doesn't start.
        """
        self._start_receiver()
        plan = self._setup.plan
        run, private = self._context.run, self._context.private
        socket_path = private / "load.sock"
        socket_path.unlink(missing_ok=True)
        file = private / "load.json"
        assignment = Assignment(
            plan=plan,
            kubeconfig=str(self._setup.identity.kubeconfig),
            renderings=self._setup.renderings,
            folder=str(run.load),
            socket=str(socket_path),
            ui=self._ui,
            master=f"127.0.0.1:{_free_port()}" if plan.workers > 1 else "",
        )
        file.write_bytes(msgspec.json.encode(assignment))
        self._spawn(_GENERATOR, "harness.stimulus.load.child", [str(file)])
        for worker in range(plan.workers if plan.workers > 1 else 0):
            name = f"{_GENERATOR}-{worker}"
            self._spawn(name, "harness.stimulus.load.child", [str(file), str(worker)])
        self._await(_GENERATOR, socket_path)
        return LoadClient(socket_path)

    def check(self) -> None:
        """Looks whether all of them run.

        Raises:
            HarnessError: Names the one that doesn't.
        """
        ended = self._ended()
        for name, code in ended.items():
            raise HarnessError(
                f"The process {name} has ended with {code} while there was load:\n"
                f"{self._tail(name)}".rstrip(),
                hint=f"All that it printed is in evidence/load/{name}.log.",
            )

    @property
    def dead_workers(self) -> tuple[int, ...]:
        """Numbers of the workers that have ended."""
        ended, workers = self._ended(), self._setup.plan.workers
        if workers == 1:
            return (0,) if _GENERATOR in ended else ()
        return tuple(number for number in range(workers) if f"{_GENERATOR}-{number}" in ended)

    def _ended(self) -> dict[str, int | None]:
        """Returns the exit codes of those that have ended."""
        return {
            status.name: status.exit_code
            for status in self._context.guard.processes()
            if status.name in self._running and not status.running
        }

    def stop(self) -> None:
        """Ends all of them, the receiver last."""
        for name in reversed(self._running):
            with suppress(HarnessError):  # it has ended already
                self._context.guard.stop(name, grace_s=_GRACE_S)
        self._running.clear()

    def _start_receiver(self) -> None:
        plan = self._setup.plan
        private = self._context.private
        file, state = private / "receiver.json", private / "receiver-state.json"
        state.unlink(missing_ok=True)
        told = ReceiverPlan(
            kubeconfig=str(self._context.kubeconfig),
            resource=plan.resource,
            ready=plan.ready,
            name_prefix=plan.name_prefix,
            folder=str(self._context.run.load),
            state=str(state),
            namespaces=plan.namespaces[:1] if len(plan.namespaces) == 1 else (),
        )
        file.write_bytes(msgspec.json.encode(told))
        self._spawn(_RECEIVER, "harness.probes.receiver", [str(file)])
        self._await(_RECEIVER, state)
        error = msgspec.json.decode(state.read_bytes(), type=ReceiverState).error
        if error:
            raise HarnessError(f"The watch receiver can't watch {plan.resource.key}: {error}")

    def _spawn(self, name: str, module: str, arguments: Sequence[str]) -> None:
        package = str(Path(__file__).resolve().parents[3])
        paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
        self._context.guard.spawn(
            name,
            [sys.executable, "-P", "-m", module, *arguments],
            env=environment({"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}),
            log=self._log(name),
        )
        self._running.append(name)

    def _await(self, name: str, path: Path) -> None:
        """Waits for a file that a process makes when it's ready."""
        deadline = Deadline(_START_S, clock=self._context.clock)
        while not path.exists():
            self.check()
            if deadline.passed:
                raise HarnessError(
                    f"The process {name} isn't ready within {_START_S:g} s:\n{self._tail(name)}"
                )
            self._context.clock.sleep(_STEP_S)

    def _log(self, name: str) -> Path:
        return self._context.run.load / f"{name}.log"

    def _tail(self, name: str) -> str:
        with suppress(OSError):
            lines = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
            return "\n".join(lines[-10:])
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
