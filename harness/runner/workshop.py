"""A private room under a guard: what is run there ends, and its files are gone, when we end.

Builds and the collection of tests run before a run has a guard of its own. Killed by SIGKILL, we
could end neither their processes nor remove what they keep in their temporary folder.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness import clusters, command
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.command import Completed
from harness.errors import CommandError, HarnessError
from harness.evidence.tail import Tail
from harness.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Workshop", "temporary_folder", "workshop"]

_STEP_SECONDS = 0.1
_NAME = "command"


class Workshop:
    """Runs commands, one at a time.

    Attributes:
        folder: Private (0700); removed at the end.
    """

    def __init__(self, folder: Path, guard: Guard) -> None:
        self.folder = folder
        self._guard = guard
        self._runs = 0

    def stream(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        timeout: float,
        on_line: Callable[[str], None],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> Completed:
        """Runs a process to its end and passes on each line; as `command.stream`.

        Raises:
            CommandError: It isn't there, took too long or (with `check`) failed.
        """
        words = tuple(os.fspath(word) for word in argv)
        start = SYSTEM_CLOCK.now()
        self._runs += 1
        log = self.folder / f"{self._runs}.log"
        lines: list[str] = []
        try:
            self._guard.spawn(
                _NAME,
                words,
                env={
                    **(env or command.environment()),
                    "TMPDIR": str(temporary_folder(self.folder)),
                },
                cwd=cwd or Path.cwd(),
                log=log,
            )
        except HarnessError as error:
            raise CommandError(f"Can't run {words[0]!r}: {error}", hint=error.hint) from error
        try:
            code = self._follow(log, Deadline(timeout), lambda line: _both(lines, on_line, line))
        finally:
            self._guard.stop(_NAME, grace_s=0.0)
        end = SYSTEM_CLOCK.now()
        done = Completed(
            argv=words,
            exit_code=-1 if code is None else code,
            output="\n".join(lines),
            seconds=(end.mono_ns - start.mono_ns) / 1e9,
        )
        if code is None:
            raise CommandError(
                f"{done.title} took longer than {timeout:g} s and was stopped:\n{done.tail}",
                output_tail=done.tail,
                timed_out=True,
            )
        if check and code != 0:
            raise CommandError(
                f"{done.title} ended with {code}:\n{done.tail}", output_tail=done.tail
            )
        return done

    def _follow(self, log: Path, deadline: Deadline, take: Callable[[str], None]) -> int | None:
        """Reads a log until its process has ended; returns the exit code, None if time ran out."""
        with Tail(log) as tail:
            while True:
                status = self._guard.wait(_NAME, timeout=_STEP_SECONDS)
                for line in tail.lines():
                    take(line.decode(errors="replace"))
                if not status.running:
                    if rest := tail.rest():
                        take(rest.decode(errors="replace"))
                    return status.exit_code
                if deadline.passed:
                    return None


def _both(lines: list[str], on_line: Callable[[str], None], line: str) -> None:
    lines.append(line)
    on_line(line)


@contextmanager
def workshop() -> Iterator[Workshop]:
    """Makes a workshop, and removes it with all that still runs there.

    What killed runs left is swept first.

    Raises:
        HarnessError: The private folder can't be made, or the guard doesn't start.
    """
    clusters.sweep()
    folder = clusters.new_state_dir()
    try:
        with Guard.start(state_dir=folder, evidence=None) as guard:
            guard.owns(folder)
            yield Workshop(folder, guard)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # the guard did it, if it came to be


def temporary_folder(state: Path) -> Path:
    """Returns the folder for temporary files below a private state folder, made if absent."""
    folder = state / "tmp"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
