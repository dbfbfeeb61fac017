"""Stage 4a: the child of the load as its driver sees it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Self

import msgspec

from harness.errors import HarnessError
from harness.guard.protocol import socket_address
from harness.stimulus.load.protocol import Ask, Begin, Halt, Prepare, Quit, Reply, Request

if TYPE_CHECKING:
    from pathlib import Path

    from harness.stimulus.load.protocol import PhaseOrder

__all__ = ["LoadClient"]

_ANSWER_S = 60.0


class LoadClient:
    """Speaks to a running child; every method raises HarnessError where it doesn't answer.

    Args:
        path: Of its socket.
    """

    def __init__(self, path: Path) -> None:
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection.settimeout(_ANSWER_S)
        try:
            with socket_address(path) as address:
                self._connection.connect(address)
        except OSError as error:
            self._connection.close()
            raise HarnessError(f"The load generator doesn't answer: {error}") from error
        self._lines = self._connection.makefile("rb")

    def prepare(self, order: PhaseOrder) -> Reply:
        """Has a phase drawn; the reply tells how many arrivals it has."""
        return self._call(Prepare(order=order))

    def begin(self, start_ns: int) -> Reply:
        """Runs the phase that was prepared, from an instant of CLOCK_MONOTONIC on."""
        return self._call(Begin(start_ns=start_ns))

    def ask(self, *, wait_s: float = 0.0) -> Reply:
        """Returns how the phase is, when none runs any more or after `wait_s` seconds."""
        return self._call(Ask(wait_s=wait_s))

    def halt(self) -> Reply:
        """Cuts the phase short."""
        return self._call(Halt())

    def quit(self) -> None:
        """Ends the child."""
        self._call(Quit())

    def close(self) -> None:
        """Closes the connection."""
        self._lines.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, request: Request) -> Reply:
        try:
            self._connection.sendall(msgspec.json.encode(request) + b"\n")
            line = self._lines.readline()
        except OSError as error:
            raise HarnessError(f"The load generator doesn't answer: {error}") from error
        if not line:
            raise HarnessError(
                "The load generator has ended.", hint="Its log is in the evidence folder."
            )
        reply = msgspec.json.decode(line, type=Reply)
        if reply.error:
            raise HarnessError(reply.error, hint=reply.hint)
        return reply
