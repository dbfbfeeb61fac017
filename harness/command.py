"""The one way to run a process; nothing else imports `subprocess`.

Every call has a time-out, no call has a shell, and standard input is closed unless given.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from harness.clock import SYSTEM_CLOCK
from harness.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Completed", "Spawned", "environment", "hurry", "run", "spawn", "stream", "which"]

_TAIL_LINES = 25
_TITLE_WORDS = 6
_REALTIME = 1  # the lowest priority of all that are realtime
_HURRIED = -10  # of nice(2): before what the user runs, behind what the system must


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """A process that ended.

    Attributes:
        output: Standard output and standard error, merged in the order they came.
        seconds: How long it took.
    """

    argv: tuple[str, ...]
    exit_code: int
    output: str
    seconds: float

    @property
    def title(self) -> str:
        """The first words of the command, for messages."""
        return shlex.join(self.argv[:_TITLE_WORDS])

    @property
    def tail(self) -> str:
        """The last lines of the output."""
        return "\n".join(self.output.splitlines()[-_TAIL_LINES:])


class Spawned(Protocol):
    """A running process, as far as callers need to know it."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """Returns the exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end and returns the exit code."""

    def send_signal(self, sig: int) -> None:
        """Sends a signal."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns our environment for a child: loopback never goes through a proxy.

    Args:
        extra: Variables to set on top.
    """
    env = dict(os.environ)
    loopback = "127.0.0.1,localhost,::1"
    for name in ("NO_PROXY", "no_proxy"):
        env[name] = ",".join(part for part in (env.get(name, ""), loopback) if part)
    env.update(extra or {})
    return env


def hurry() -> bool:
    """Lets this process go before others, where that is allowed; returns whether it is.

    For those that send or stamp at an exact time and need little of the processor. Realtime, since
    a processor that is busy makes others wait for milliseconds, however nice it is to them; and
    niceness counts only within a session where Linux groups processes by it (sched(7), autogroup).
    Its threads and processes that start later inherit it.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_REALTIME))
    except (AttributeError, OSError):  # not Linux; or not allowed, or not in this cgroup
        try:
            os.setpriority(os.PRIO_PROCESS, 0, _HURRIED)
        except PermissionError:
            return False
    return True


def which(name: str) -> Path | None:
    """Returns the absolute path of a program on PATH, or None."""
    found = shutil.which(name)
    return Path(found).absolute() if found else None


def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    check: bool = True,
) -> Completed:
    """Runs a process to its end.

    Args:
        argv: Program and arguments.
        timeout: Seconds after which its whole process group is killed.
        cwd: Working directory.
        env: The child's whole environment; None for `environment()`.
        stdin: Text for its standard input.
        check: Whether an exit code other than 0 raises.

    Raises:
        CommandError: It isn't there, took too long or (with `check`) failed.
    """
    lines: list[str] = []
    return stream(
        argv, timeout=timeout, cwd=cwd, env=env, stdin=stdin, check=check, on_line=lines.append
    )


def stream(
    argv: Sequence[str | os.PathLike[str]],
    *,
    timeout: float,
    on_line: Callable[[str], None],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    check: bool = True,
) -> Completed:
    """Runs a process to its end and passes on each line of output as it comes.

    The other arguments and the errors are those of `run`; `on_line` is called with each line,
    without its newline.
    """
    words = tuple(os.fspath(word) for word in argv)
    start = SYSTEM_CLOCK.now()
    try:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env=environment() if env is None else dict(env),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise CommandError(
            f"Can't run {shlex.join(words)}: {error.strerror or error}",
            hint=f"Check that {words[0]!r} exists and may be executed.",
        ) from error
    output = _pump(process, words, timeout=timeout, stdin=stdin, on_line=on_line)
    seconds = (SYSTEM_CLOCK.now().mono_ns - start.mono_ns) / 1e9
    done = Completed(argv=words, exit_code=process.returncode, output=output, seconds=seconds)
    if check and done.exit_code != 0:
        raise CommandError(
            f"{done.title} ended with {done.exit_code}:\n{done.tail}",
            output_tail=done.tail,
        )
    return done


def _pump(
    process: subprocess.Popen[str],
    words: tuple[str, ...],
    *,
    timeout: float,
    stdin: str | None,
    on_line: Callable[[str], None],
) -> str:
    """Reads the output until the process ends, and kills its group when time runs out."""
    import threading  # noqa: PLC0415 - only here

    timed_out = threading.Event()

    def expire() -> None:
        timed_out.set()
        _kill_group(process.pid)

    timer = threading.Timer(timeout, expire)
    timer.daemon = True
    timer.start()
    lines: list[str] = []
    try:
        if stdin is not None and process.stdin is not None:
            process.stdin.write(stdin)
            process.stdin.close()
        if process.stdout is not None:
            for line in process.stdout:
                text = line.rstrip("\n")
                lines.append(text)
                on_line(text)
        process.wait()
    except BaseException:
        _kill_group(process.pid)
        process.wait()
        raise
    finally:
        timer.cancel()
        if process.stdout is not None:
            process.stdout.close()
    output = "\n".join(lines)
    if timed_out.is_set():
        tail = "\n".join(lines[-_TAIL_LINES:])
        raise CommandError(
            f"{shlex.join(words[:_TITLE_WORDS])} took longer than {timeout:g} s "
            f"and was stopped:\n{tail}",
            output_tail=tail,
            timed_out=True,
        )
    return output


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def spawn(
    argv: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    pass_fds: Sequence[int] = (),
    new_session: bool = True,
) -> subprocess.Popen[bytes]:
    """Starts a process and returns at once; the caller owns its end.

    Args:
        argv: Program and arguments.
        cwd: Working directory.
        env: The child's whole environment.
        stdout: File descriptor, or None for /dev/null.
        stderr: File descriptor, or None for /dev/null.
        pass_fds: Descriptors that it inherits.
        new_session: Whether it leads a session of its own.

    Raises:
        CommandError: It can't be started.
    """
    words = tuple(os.fspath(word) for word in argv)
    try:
        return subprocess.Popen(
            words,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if stdout is None else stdout,
            stderr=subprocess.DEVNULL if stderr is None else stderr,
            pass_fds=tuple(pass_fds),
            start_new_session=new_session,
        )
    except OSError as error:
        raise CommandError(
            f"Can't start {shlex.join(words)}: {error.strerror or error}",
            hint=f"Check that {words[0]!r} exists and may be executed.",
        ) from error
