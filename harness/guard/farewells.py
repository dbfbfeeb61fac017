"""Commands that must run when a guard ends, for what isn't a process of this machine.

A container, say, belongs to an engine that outlives us. The commands are written down in the
state folder, so that they can be run even where the guard itself was killed: whoever finds the
leftover runs them. They must bear being run twice.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from harness.command import run
from harness.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Farewell", "read_farewells", "say_farewells", "seconds_of", "write_farewells"]

_FILE = "farewells.json"


class Farewell(msgspec.Struct, frozen=True, kw_only=True):
    """A command.

    Attributes:
        name: By which it's replaced or forgotten.
        argv: Program (an absolute path) and arguments.
        env: Its whole environment.
        timeout_s: Seconds after which it counts as failed.
    """

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    timeout_s: float


def read_farewells(folder: Path) -> tuple[Farewell, ...]:
    """Returns the commands that are still to run for a state folder, first registered first."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=tuple[Farewell, ...])
    except (OSError, msgspec.MsgspecError):
        return ()


def write_farewells(folder: Path, farewells: tuple[Farewell, ...]) -> None:
    """Writes down which commands are to run (0600).

    Raises:
        OSError: It can't be written.
    """
    from harness.guard.leftovers import write_private  # noqa: PLC0415 - it imports us

    write_private(folder / _FILE, msgspec.json.encode(farewells))


def seconds_of(folder: Path) -> float:
    """Returns how long all of them may take together."""
    return sum(farewell.timeout_s for farewell in read_farewells(folder))


def say_farewells(folder: Path) -> tuple[str, ...]:
    """Runs the commands, last registered first, and forgets those that succeed.

    Returns:
        A text for each that failed; it stays written down.
    """
    failures: list[str] = []
    left: list[Farewell] = []
    waiting = read_farewells(folder)
    for farewell in reversed(waiting):
        try:
            run(farewell.argv, timeout=farewell.timeout_s, env=farewell.env)
        except CommandError as error:
            failures.append(f"{farewell.name}: {error}")
            left.append(farewell)
    if waiting:
        with suppress(OSError):  # they bear being run again
            write_farewells(folder, tuple(reversed(left)))
    return tuple(failures)
