"""Runs kind, docker and kubectl, each call with a time-out, and remembers how long it took."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.command import Completed, environment, stream, which
from harness.errors import ClusterError, CommandError, HarnessError
from harness.guard.leftovers import STATE_VARIABLE
from harness.model.records import StageRecord
from harness.model.time import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.guard import Guard
    from harness.model.time import Stamp

__all__ = ["Calls", "docker_program", "environment_of"]

_SLICE_S = 0.05  # between two looks at what a guarded program prints
_TITLE_WORDS = 2
_TAIL_LINES = 25


class Calls:
    """The programs of one cluster.

    Args:
        name: kind's name for the cluster; also that of its network.
        state: The cluster's private folder; None without one.
        guard: Runs what must not outlive us; None where nothing of that sort is run.
    """

    def __init__(self, name: str, *, state: Path | None = None, guard: Guard | None = None) -> None:
        self.name = name
        self.state = state
        self.guard = guard
        self.docker = docker_program()
        self.env = environment_of(name, state)
        self.records: list[StageRecord] = []

    def run(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        timeout: float,
        check: bool = True,
        env: dict[str, str] | None = None,
    ) -> Completed:
        """Runs a program to its end.

        Args:
            argv: Program and arguments.
            timeout: Seconds until it is killed.
            check: Whether an exit code other than 0 raises.
            env: Its whole environment; None for the cluster's.

        Raises:
            CommandError: It isn't there, took too long or (with `check`) failed.
        """
        start, outcome = SYSTEM_CLOCK.now(), "failed"
        try:
            done = stream(
                argv, timeout=timeout, check=check, env=env or self.env, on_line=lambda _: None
            )
            outcome = "done"
        finally:
            self._note(_title(argv), start, outcome)
        return done

    def engine(self, *words: str, timeout: float, check: bool = True) -> Completed:
        """Runs docker; see `run`."""
        return self.run((self.docker, *words), timeout=timeout, check=check)

    def run_guarded(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        timeout: float,
        log: Path,
        on_line: Callable[[str], None],
    ) -> Completed:
        """Runs a program that ends with us, and passes on each line as it comes; see `run`."""
        start, outcome = SYSTEM_CLOCK.now(), "failed"
        try:
            done = self._guarded(argv, Deadline(timeout), log, on_line)
            outcome = "done"
        finally:
            self._note(_title(argv), start, outcome)
        return done

    def _guarded(
        self,
        argv: Sequence[str | os.PathLike[str]],
        deadline: Deadline,
        log: Path,
        on_line: Callable[[str], None],
    ) -> Completed:
        from harness.evidence.tail import Tail  # noqa: PLC0415 - only here

        if self.guard is None:
            raise HarnessError("No guard was given to run a program under.")
        title = _title(argv)
        lines: list[str] = []
        begin = SYSTEM_CLOCK.now()
        with Tail(log, at_end=True) as tail:  # before it can have printed anything
            self.guard.spawn(title, argv, env=self.env, cwd=self.state, log=log)
            try:
                while True:
                    status = self.guard.wait(title, timeout=_SLICE_S)
                    for line in tail.lines():
                        lines.append(line.decode(errors="replace").rstrip("\r"))
                        on_line(lines[-1])
                    if not status.running or deadline.passed:
                        break
            except BaseException:
                self.guard.stop(title, grace_s=0.0)
                raise
            if rest := tail.rest():
                lines.append(rest.decode(errors="replace"))
        last = "\n".join(lines[-_TAIL_LINES:])
        if status.running:
            self.guard.stop(title, grace_s=0.0)
            raise CommandError(
                f"{title} took longer than {deadline.seconds:g} s and was stopped:\n{last}",
                output_tail=last,
            )
        if status.exit_code != 0:
            raise CommandError(f"{title} ended with {status.exit_code}:\n{last}", output_tail=last)
        return Completed(
            argv=tuple(os.fspath(word) for word in argv),
            exit_code=0,
            output="\n".join(lines),
            seconds=(SYSTEM_CLOCK.now().mono_ns - begin.mono_ns) / 1e9,
        )

    def _note(self, title: str, start: Stamp, outcome: str) -> None:
        span = Span(start=start, end=SYSTEM_CLOCK.now())
        self.records.append(StageRecord(name=title, span=span, outcome=outcome))


def docker_program() -> Path:
    """Returns the path of docker's command line.

    Raises:
        ClusterError: There is none on PATH.
    """
    found = which("docker")
    if found is None:
        raise ClusterError(
            "A kind cluster needs Docker, and there is no `docker` on PATH.",
            hint="Install Docker, or on Debian run ci/steps/docker.sh as root. "
            "`--cluster local` needs none.",
        )
    return found


def environment_of(name: str, state: Path | None) -> dict[str, str]:
    """Returns the environment for kind and docker.

    What the user's says to kind or to clients isn't passed on, since it would override what we
    ask for. Each cluster has a network of its own, so that nobody else's is ever removed.
    """
    env = {
        key: value
        for key, value in environment().items()
        if not key.startswith(("KIND_", "KUBECONFIG"))
    }
    env |= {
        "KIND_EXPERIMENTAL_PROVIDER": "docker",
        "KIND_EXPERIMENTAL_DOCKER_NETWORK": name,
        "DOCKER_CLI_HINTS": "false",
    }
    if state is not None:
        env[STATE_VARIABLE] = str(state)
    return env


def _title(argv: Sequence[str | os.PathLike[str]]) -> str:
    """Returns the program and its first words, for people."""
    words = [os.fspath(word) for word in argv]
    plain = list(takewhile(lambda word: not word.startswith("-"), words[1:]))
    if plain[:1] == ["exec"]:
        plain[1:2] = []  # the node: its name tells nothing
    return " ".join([Path(words[0]).name, *plain[:_TITLE_WORDS]])
