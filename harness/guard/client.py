"""The guard as the rest of the harness sees it."""

from __future__ import annotations

import os
import select
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from harness.clock import Deadline
from harness.command import environment, spawn
from harness.errors import HarnessError
from harness.guard import protocol
from harness.guard.farewells import Farewell, seconds_of
from harness.guard.protocol import ProcessStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.command import Spawned

__all__ = ["Guard"]

_START_S = 15.0
_ANSWER_S = 15.0
_CLOSE_S = 20.0
_LOG_NAME = "guard.log"


class Guard:
    """Client of the guard; several processes and threads may use one guard at once.

    Made by `Guard.start` (in the process that the guard watches over) or `Guard.connect`.
    As a context manager, it closes the guard at the end.

    Every method raises HarnessError where the guard refuses or can't be reached.
    """

    def __init__(self, socket: Path, *, process: Spawned | None = None, lifeline: int = -1) -> None:
        self.socket = socket
        self._process = process
        self._lifeline = lifeline

    @classmethod
    def start(cls, *, state_dir: Path, evidence: Path | None) -> Guard:
        """Starts a guard that ends when we do.

        Args:
            state_dir: Existing private folder; the guard's socket lies in it.
            evidence: The run's evidence folder, for processes.ndjson; None without a run.

        Raises:
            HarnessError: It doesn't start.
        """
        lifeline_read, lifeline = os.pipe()
        ready, ready_write = os.pipe()
        log = state_dir / _LOG_NAME
        errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        package = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
        folders = (str(state_dir.absolute()), str(evidence.absolute()) if evidence else "")
        descriptors = (str(lifeline_read), str(ready_write))
        try:
            process = spawn(
                (sys.executable, "-P", "-m", "harness.guard", *folders, *descriptors),
                env=environment({"PYTHONPATH": paths}),
                stderr=errors,
                pass_fds=(lifeline_read, ready_write),
            )
        except HarnessError:
            os.close(ready)
            os.close(lifeline)
            raise
        finally:
            for fd in (lifeline_read, ready_write, errors):
                os.close(fd)
        guard = cls(state_dir / protocol.SOCKET_NAME, process=process, lifeline=lifeline)
        guard._await_ready(ready, log)
        return guard

    def _await_ready(self, ready: int, log: Path) -> None:
        try:
            answered, _, _ = select.select([ready], [], [], _START_S)
            if answered and os.read(ready, len(protocol.READY)) == protocol.READY:
                return
        finally:
            os.close(ready)
        self._release()
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
        raise HarnessError(f"The guard process didn't start:\n{tail}")

    @classmethod
    def connect(cls, socket: Path) -> Guard:
        """Returns a client of a running guard."""
        guard = cls(socket)
        guard.processes()
        return guard

    @property
    def pid(self) -> int:
        """Of the guard's own process; 0 for a client that didn't start it."""
        return self._process.pid if self._process is not None else 0

    def spawn(
        self,
        name: str,
        argv: Sequence[str | os.PathLike[str]],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        log: Path | None = None,
        record: bool = False,
        oom_file: Path | None = None,
    ) -> ProcessStatus:
        """Starts a process under the guard, in a session of its own.

        Args:
            name: By which it's called from now on; free again when it has ended.
            argv: Program (found by `env`'s PATH) and arguments.
            env: Its whole environment.
            cwd: Its working directory; "/" by default.
            log: File for what it prints; None to drop it.
            record: Whether the log is NDJSON of LogLines, without known secrets, and its start
                and end go to the evidence's processes.ndjson.
            oom_file: memory.events or memory.oom_control of the control group that it will be in.
        """
        return self._one(
            protocol.Spawn(
                name=name,
                argv=tuple(os.fspath(word) for word in argv),
                env=dict(env),
                cwd=str(cwd.absolute()) if cwd is not None else None,
                log=str(log.absolute()) if log is not None else None,
                record=record,
                oom_file=str(oom_file) if oom_file is not None else None,
            )
        )

    def signal(self, name: str, sig: int) -> None:
        """Sends a signal to a running process and its group."""
        self._call(protocol.Signal(name=name, signal=int(sig)))

    def stop(self, name: str, *, grace_s: float) -> ProcessStatus:
        """Ends a process: SIGTERM, then SIGKILL after `grace_s` seconds."""
        return self._one(protocol.Stop(name=name, grace_s=grace_s), within=grace_s)

    def status(self, name: str) -> ProcessStatus:
        """Returns how a process is."""
        return self.wait(name, timeout=0.0)

    def processes(self) -> tuple[ProcessStatus, ...]:
        """Returns how all are that were started, the newest of each name."""
        return self._call(protocol.List())

    def wait(self, name: str, *, timeout: float) -> ProcessStatus:
        """Waits until a process ends, `timeout` seconds at most; tells which by `.running`."""
        return self._one(protocol.Wait(name=name, timeout_s=timeout), within=timeout)

    def redact(self, values: Sequence[str]) -> None:
        """Has these values replaced in captured logs from now on; kept in memory only."""
        self._call(protocol.Redact(values=tuple(value for value in values if value)))

    def owns(self, path: Path) -> None:
        """Has this folder removed when the guard ends."""
        self._call(protocol.Owns(path=str(path.absolute())))

    def on_end(
        self,
        name: str,
        argv: Sequence[str | os.PathLike[str]],
        *,
        env: Mapping[str, str],
        timeout: float,
    ) -> None:
        """Has a command run when the guard ends, after all processes that it started have ended.

        It's for what isn't a process of ours, such as a container. If the guard is killed, a
        sweep of leftovers runs it; so it must bear being run twice.

        Args:
            name: A later command of the same name takes its place.
            argv: Program (an absolute path) and arguments.
            env: Its whole environment, kept in a private file until then.
            timeout: Seconds that it may take.
        """
        words = tuple(os.fspath(word) for word in argv)
        self._call(
            protocol.OnEnd(
                farewell=Farewell(name=name, argv=words, env=dict(env), timeout_s=timeout)
            )
        )

    def forget_end(self, name: str) -> None:
        """Doesn't run that command at the end: what it's for is gone already."""
        self._call(protocol.Forget(name=name))

    def detach(self) -> None:
        """Lets the guard run on when we end; `close` still ends it."""
        self._call(protocol.Detach())
        self._release()
        if self._process is not None:
            self._process.returncode = 0  # it isn't ours to wait for any more

    def close(self) -> None:
        """Ends everything that was started, removes what the guard owns, and ends the guard."""
        patience = _CLOSE_S + seconds_of(self.socket.parent)
        try:
            with self._connection(patience) as connection:
                connection.sendall(msgspec.json.encode(protocol.Close()) + b"\n")
                while connection.recv(4096):
                    pass
        except TimeoutError as error:
            raise HarnessError(
                f"The guard didn't end within {patience:g} s.",
                hint="A process that can't be killed is waiting for a device or a file system.",
            ) from error
        except OSError:
            pass  # it's gone already
        self._release()
        if self._process is not None:
            self._process.wait(patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _release(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def _one(self, request: protocol.Request, *, within: float = 0.0) -> ProcessStatus:
        return self._call(request, within=within)[0]

    def _call(self, request: protocol.Request, *, within: float = 0.0) -> tuple[ProcessStatus, ...]:
        message = msgspec.json.encode(request) + b"\n"
        if len(message) > protocol.MAX_MESSAGE:
            raise HarnessError(f"A message of {len(message)} bytes is too long for the guard.")
        try:
            with self._connection(within + _ANSWER_S) as connection:
                connection.sendall(message)
                line = _read_line(connection, Deadline(within + _ANSWER_S))
        except OSError as error:
            raise HarnessError(
                f"The guard process at {self.socket} doesn't answer: {error.strerror or error}",
                hint="It was killed, or the run that started it is over.",
            ) from error
        reply = msgspec.json.decode(line, type=protocol.Reply)
        if reply.error:
            raise HarnessError(reply.error, hint=reply.hint)
        return reply.processes

    def _connection(self, seconds: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        try:
            with protocol.socket_address(self.socket) as address:
                connection.connect(address)
        except BaseException:
            connection.close()
            raise
        return connection


def _read_line(connection: socket.socket, deadline: Deadline) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        connection.settimeout(max(deadline.remaining, 0.001))
        part = connection.recv(1 << 16)
        if not part:
            raise ConnectionResetError("it closed the connection")
        received += part
    return bytes(received)
