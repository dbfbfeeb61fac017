"""The processes that the guard started itself, by name."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from contextlib import suppress
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clock import SYSTEM_CLOCK, Clock
from harness.command import spawn
from harness.errors import HarnessError
from harness.guard.capture import LogPump, RecordFile, Redactor
from harness.guard.protocol import ProcessStatus, Spawn
from harness.model.records import ProcessEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.command import Spawned

__all__ = ["Child", "Children"]

_LAUNCHER = Path(__file__).with_name("launcher.py")
_ENDING_SIGNALS = frozenset(
    {signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}
)
_HELD = frozenset({signal.SIGINT})  # until the launcher has become the program
_OOM = "OOMKilled"  # the kubelet's word
_PIPE_SIZE = 1 << 20  # bytes: a process that prints much waits for us less often


class Child:
    """One process that the guard started."""

    def __init__(
        self,
        name: str,
        process: Spawned,
        *,
        pumps: tuple[LogPump, ...] = (),
        oom_file: str | None = None,
    ) -> None:
        self.name = name
        self.pid = process.pid
        self.asked = False
        self.recorded = False
        self.pumps = pumps
        self.reason = ""
        self._process = process
        self._oom_file = Path(oom_file) if oom_file else None
        self._oom_kills = self._killed()

    @property
    def exit_code(self) -> int | None:
        """Exit code as far as it's known; None while it runs."""
        return self._process.returncode

    def status(self) -> ProcessStatus:
        """Returns what clients are told."""
        return ProcessStatus(
            name=self.name,
            pid=self.pid,
            running=self.exit_code is None,
            exit_code=self.exit_code,
            asked=self.asked,
            reason=self.reason,
        )

    def reap(self) -> None:
        """Takes the exit code of a process that has ended."""
        self._process.wait()
        by_kill = self.exit_code == -signal.SIGKILL and not self.asked
        if by_kill and self._killed() > self._oom_kills:
            self.reason = _OOM

    def send(self, sig: int) -> None:
        """Sends a signal to it and its process group."""
        if sig in _ENDING_SIGNALS:
            self.asked = True
        with suppress(ProcessLookupError):
            os.killpg(self.pid, sig)

    def _killed(self) -> int:
        """Returns how many of its control group the kernel has ended at the limit so far."""
        if self._oom_file is None:
            return 0
        try:
            lines = self._oom_file.read_text("ascii").splitlines()
        except OSError:  # the launcher makes the group
            return 0
        return next((int(x.split()[1]) for x in lines if x.startswith("oom_kill ")), 0)

    def terminate(self) -> None:
        """Asks it to end, also where it's paused."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)


class Children:
    """Starts and reaps.

    Args:
        events: Where recorded processes' starts and ends go; None without a run.
        on_pump: Called with each new pump, to watch it.
        off_pump: Called with a pump that has nothing more to give; closes it.
    """

    def __init__(
        self,
        *,
        events: RecordFile | None,
        redactor: Redactor,
        on_pump: Callable[[LogPump], None],
        off_pump: Callable[[LogPump], None],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._events = events
        self._redactor = redactor
        self._on_pump = on_pump
        self._off_pump = off_pump
        self._clock = clock
        self._children: dict[str, Child] = {}
        self._logs: dict[str, RecordFile] = {}

    def all(self) -> tuple[Child, ...]:
        """Returns every process, the newest of each name."""
        return tuple(self._children.values())

    def get(self, name: str) -> Child:
        """Returns a process by name.

        Raises:
            HarnessError: None of this name was started.
        """
        if name not in self._children:
            known = ", ".join(sorted(self._children)) or "none"
            raise HarnessError(f"No process named {name!r} was started (there are: {known}).")
        return self._children[name]

    def start(self, request: Spawn) -> Child:
        """Starts a process.

        Raises:
            HarnessError: The name is taken by a running one, or it can't be started.
        """
        self.reap()  # one that was killed a moment ago gives its name back
        present = self._children.get(request.name)
        if present is not None and present.exit_code is None:
            raise HarnessError(f"{request.name!r} is running already (pid {present.pid}).")
        argv = (_executable(request), *request.argv[1:])
        if request.record:
            child = self._start_recorded(request, argv)
        else:
            process = _launch(request, argv, *_open_log(request.log))
            child = Child(request.name, process, oom_file=request.oom_file)
        self._children[request.name] = child
        return child

    def _start_recorded(self, request: Spawn, argv: tuple[str, ...]) -> Child:
        if request.log is None:
            raise HarnessError(f"{request.name!r} can't be recorded without a log file.")
        log = self._logs.get(request.log)
        if log is None:
            log = self._logs[request.log] = RecordFile(Path(request.log))
        pumps: list[LogPump] = []
        writers: list[int] = []
        for stream in ("stdout", "stderr"):
            reader, writer = os.pipe()
            os.set_blocking(reader, False)
            with suppress(OSError):  # over the user's limit; the default size does too
                fcntl(reader, F_SETPIPE_SZ, _PIPE_SIZE)
            writers.append(writer)
            pumps.append(LogPump(reader, stream=stream, write=log.write, redactor=self._redactor))
        try:
            process = _launch(request, argv, writers[0], writers[1])
        except HarnessError:
            for pump in pumps:
                pump.close()
            raise
        child = Child(request.name, process, pumps=tuple(pumps), oom_file=request.oom_file)
        child.recorded = True
        for pump in pumps:
            pump.pid = child.pid
            self._on_pump(pump)
        self._note(child, "started")
        return child

    def reap(self) -> None:
        """Takes the exit codes of all that ended, orphans included."""
        own = {child.pid: child for child in self._children.values()}
        while (pid := _ended_pid()) is not None:
            child = own.get(pid)
            if child is None or child.exit_code is not None:
                with suppress(ChildProcessError):
                    os.waitpid(pid, 0)
                continue
            if child.asked:  # what it started in its session must not outlive it
                child.send(signal.SIGKILL)
            child.reap()
            for pump in child.pumps:
                if pump.fd >= 0 and not pump.drain():
                    self._off_pump(pump)
            self._note(child, "ended")

    def _note(self, child: Child, event: str) -> None:
        if self._events is None or not child.recorded:
            return
        self._events.write(
            ProcessEvent(
                name=child.name,
                pid=child.pid,
                event=event,
                stamp=self._clock.now(),
                exit_code=child.exit_code,
                asked=child.asked,
                reason=child.reason,
            )
        )


def _ended_pid() -> int | None:
    """Returns a child that has ended, and leaves it to be reaped."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if ended is None else ended.si_pid


def _executable(request: Spawn) -> str:
    """Returns the absolute path of the program; found now, so that a typo is an error at once."""
    if not request.argv:
        raise HarnessError(f"{request.name!r} has no command.")
    word = request.argv[0]
    folder = Path(request.cwd) if request.cwd else Path.cwd()
    if "/" in word:
        path = folder / word
        found = str(path) if os.access(path, os.X_OK) and path.is_file() else None
    else:
        found = shutil.which(word, path=request.env.get("PATH", os.defpath))
    if found is None:
        raise HarnessError(
            f"Can't start {request.name!r}: there is no program {word!r}.",
            hint=f"Check that {word!r} exists and may be executed.",
        )
    return str(Path(found).absolute())


def _open_log(log: str | None) -> tuple[int, int]:
    if log is None:
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        return null, os.dup(null)
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    return fd, os.dup(fd)


def _launch(request: Spawn, argv: tuple[str, ...], stdout: int, stderr: int) -> Spawned:
    """Starts the launcher with these streams, and closes our ends of them.

    It inherits a mask in which SIGINT waits: Python, which the launcher is until it executes the
    program, would take it for a KeyboardInterrupt and may lose that.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    try:
        return spawn(
            (sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), *argv),
            env=request.env,
            cwd=Path(request.cwd) if request.cwd else None,
            stdout=stdout,
            stderr=stderr,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(stdout)
        os.close(stderr)
