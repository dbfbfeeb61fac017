"""Stage 4a: the child's unix socket, on which the driver's requests come."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
import gevent.socket
import msgspec
from gevent.server import StreamServer

from harness.errors import HarnessError
from harness.guard.protocol import socket_address
from harness.stimulus.load.protocol import Ask, Begin, Halt, Prepare, Quit, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.stimulus.load.child.teams import Team

__all__ = ["Listener"]

_STEP_S = 0.02


class Listener:
    """Answers the driver.

    Args:
        path: Of the socket, in a private folder.
        team: Does what is asked.
        stopped: Tells whether a user has ended the load in Locust's web UI.
        leave: Ends the child.
    """

    def __init__(
        self, path: Path, team: Team, *, stopped: Callable[[], bool], leave: Callable[[], None]
    ) -> None:
        self._team = team
        self._stopped = stopped
        self._leave = leave
        self._decoder = msgspec.json.Decoder(Request)
        listener = gevent.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        draft = path.with_name(f".{path.name}")
        with socket_address(draft) as address:
            listener.bind(address)
        draft.chmod(0o600)
        listener.listen(4)
        self._server = StreamServer(listener, self._serve)
        self._server.start()
        os.replace(draft, path)  # who finds it finds it listening

    def _serve(self, connection: socket.socket, _: object) -> None:
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                request = self._decoder.decode(line)
                connection.sendall(msgspec.json.encode(self._answer(request)) + b"\n")
                if isinstance(request, Quit):
                    self._leave()

    def _wait(self, seconds: float) -> None:
        with gevent.Timeout(seconds, False):  # noqa: FBT003 - gevent's own: raise nothing
            while self._team.tell().running and not self._stopped():
                gevent.sleep(_STEP_S)

    def _answer(self, request: Request) -> Reply:
        try:
            match request:
                case Prepare(order=order):
                    self._team.prepare(order)
                case Begin(start_ns=start_ns):
                    self._team.begin(start_ns)
                case Halt():
                    self._team.halt()
                case Ask(wait_s=wait_s):
                    self._wait(wait_s)
                case Quit():
                    pass
        except HarnessError as error:
            return Reply(error=str(error), hint=error.hint)
        return msgspec.structs.replace(self._team.tell(), stopped=self._stopped())
