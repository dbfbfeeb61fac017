"""Stage 1: the operator's own build."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness import command
from harness.errors import BuildError, CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.command import Completed
    from harness.model.target import Target

__all__ = ["BUILD_TIMEOUT_S", "Stream", "build"]

BUILD_TIMEOUT_S = 1800.0
"""A large Go operator takes minutes on a cold cache; more than half an hour is stuck."""


class Stream(Protocol):
    """Runs a process to its end, as `harness.command.stream` does."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        on_line: Callable[[str], None],
        cwd: Path,
    ) -> Completed:
        """Runs it; raises CommandError where it isn't there, fails or takes too long."""


def build(
    target: Target,
    *,
    on_line: Callable[[str], None],
    timeout: float = BUILD_TIMEOUT_S,
    stream: Stream = command.stream,
) -> None:
    """Runs each workload's build, once a command, and sees that its program is there.

    Args:
        target: Whose processes are built, in its folder.
        on_line: Called with each line that a build prints.
        timeout: Seconds that one command may take.
        stream: Runs the commands.

    Raises:
        BuildError: A command is missing, failed or took too long, or left no program.
    """
    folder = Path(target.folder)
    processes = [workload.process for workload in target.workloads if workload.process]
    for words in dict.fromkeys(process.build for process in processes if process.build):
        _run(words, folder, on_line, timeout, stream)
    for process in processes:
        program = process.command[0]
        if _program(program, folder) is None:
            built = f" after {shlex.join(process.build)}" if process.build else ""
            raise BuildError(
                f"The operator's program {program!r} isn't there{built}.",
                hint="Give workloads[].process.command the path that the build writes.",
            )


def _run(
    words: tuple[str, ...],
    folder: Path,
    on_line: Callable[[str], None],
    timeout: float,
    stream: Stream,
) -> None:
    program = _program(words[0], folder)
    if program is None:
        raise BuildError(
            f"The build {shlex.join(words)} needs {words[0]!r}, which isn't there.",
            hint=f"Install {words[0]} so that it is on PATH, or change process.build.",
        )
    try:
        stream((str(program), *words[1:]), timeout=timeout, on_line=on_line, cwd=folder)
    except CommandError as error:
        raise BuildError(
            f"The operator's build failed in {folder}: {error}",
            hint=error.hint or f"Run {shlex.join(words)} there to see it whole.",
        ) from error


def _program(name: str, folder: Path) -> Path | None:
    """Returns the program's path: in the target's folder where there is one, else on PATH."""
    local = folder / name
    return local.absolute() if local.is_file() else command.which(name)
