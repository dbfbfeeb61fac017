"""Stage 4a: all workers of a load, as its driver speaks to them.

Locust carries the messages: in one process to itself, else between its master and its workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import gevent
import msgspec

from harness.errors import HarnessError
from harness.stimulus.load.protocol import PhaseOrder, Reply

if TYPE_CHECKING:
    from locust.env import Environment
    from locust.runners import MasterRunner, WorkerRunner

    from harness.stimulus.load.child.part import Part

__all__ = ["Alone", "Member", "Player", "Team", "Workers"]

_PREPARE_S = 30.0
_STEP_S = 0.01
_REPORT_S = 0.1
_PREPARE, _BEGIN, _HALT = "harness-prepare", "harness-begin", "harness-halt"
_STATE = "harness-state"


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker tells of itself.

    Attributes:
        phase: That was prepared last; -1 before the first.
        begun: Whether it was begun.
    """

    worker: int
    phase: int = -1
    begun: bool = False
    running: bool = False
    arrivals: int = 0
    arrived: int = 0
    in_flight: int = 0
    error: str = ""
    hint: str = ""


class Team(Protocol):
    """What the driver can ask for."""

    def prepare(self, order: PhaseOrder) -> None:
        """Has every worker draw the phase.

        Raises:
            HarnessError: One can't, or doesn't answer.
        """

    def begin(self, start_ns: int) -> None:
        """Has every worker run it from that instant on."""

    def halt(self) -> None:
        """Has every worker cut it short."""

    def tell(self) -> Reply:
        """Returns how it is."""


class Player:
    """A worker's part and what is told of it.

    Args:
        part: The part.
    """

    def __init__(self, part: Part) -> None:
        self._part = part
        self._phase = -1
        self._begun = False
        self._error: HarnessError | None = None

    def prepare(self, order: PhaseOrder) -> None:
        """Draws the phase; an error is kept to be told."""
        self._begun, self._error = False, None
        try:
            self._part.prepare(order)
        except HarnessError as error:
            self._error = error
        self._phase = order.index

    def begin(self, start_ns: int) -> None:
        """Runs it."""
        self._part.begin(start_ns)
        self._begun = True

    def halt(self) -> None:
        """Cuts it short."""
        self._part.halt()

    def state(self) -> _State:
        """Returns what is told."""
        arrived, arrivals, in_flight = self._part.progress
        return _State(
            worker=self._part.worker,
            phase=self._phase,
            begun=self._begun,
            running=self._part.running,
            arrivals=arrivals,
            arrived=arrived,
            in_flight=in_flight,
            error=self._part.failure or str(self._error or ""),
            hint=self._error.hint if self._error else "",
        )


class Alone:
    """One process that is all of the team."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def prepare(self, order: PhaseOrder) -> None:
        """As in Team."""
        self._player.prepare(order)
        _raise_first([self._player.state()])

    def begin(self, start_ns: int) -> None:
        """As in Team."""
        self._player.begin(start_ns)

    def halt(self) -> None:
        """As in Team."""
        self._player.halt()

    def tell(self) -> Reply:
        """As in Team."""
        return _reply([self._player.state()])


class Member:
    """A worker process: does what Locust's master passes on, and reports ten times a second.

    Args:
        player: Its part.
        runner: Locust's.
    """

    def __init__(self, player: Player, runner: WorkerRunner) -> None:
        self._player = player
        self._runner = runner
        runner.register_message(_PREPARE, self._prepare)
        runner.register_message(_BEGIN, self._begin)
        runner.register_message(_HALT, self._halt)
        gevent.spawn(self._report)

    def _prepare(self, environment: Environment, msg: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        self._player.prepare(msgspec.convert(msg.data, PhaseOrder))
        self._send()

    def _begin(self, environment: Environment, msg: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        self._player.begin(msg.data["start_ns"])

    def _halt(self, environment: Environment, msg: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        self._player.halt()

    def _report(self) -> None:
        while True:
            self._send()
            gevent.sleep(_REPORT_S)

    def _send(self) -> None:
        self._runner.send_message(_STATE, msgspec.to_builtins(self._player.state()))


class Workers:
    """The workers of Locust's master.

    Args:
        runner: Locust's.
        count: How many there must be.
    """

    def __init__(self, runner: MasterRunner, count: int) -> None:
        self._runner = runner
        self._count = count
        self._states: dict[int, _State] = {}
        self._phase = -1
        self._begun = False
        runner.register_message(_STATE, self._hear)

    def prepare(self, order: PhaseOrder) -> None:
        """As in Team."""
        self._phase, self._begun = order.index, False
        self._send(_PREPARE, msgspec.to_builtins(order))
        with gevent.Timeout(_PREPARE_S, False):  # noqa: FBT003 - gevent's own: raise nothing
            while len(self._ready) < self._count:
                gevent.sleep(_STEP_S)
        missing = sorted(set(range(self._count)) - {state.worker for state in self._ready})
        if missing:
            raise HarnessError(
                f"Workers of the load generator don't answer: {', '.join(map(str, missing))}."
            )
        _raise_first(self._ready)

    @property
    def _ready(self) -> list[_State]:
        return [state for state in self._states.values() if state.phase == self._phase]

    def begin(self, start_ns: int) -> None:
        """As in Team."""
        self._begun = True
        self._send(_BEGIN, {"start_ns": start_ns})

    def halt(self) -> None:
        """As in Team."""
        self._send(_HALT, {})

    def tell(self) -> Reply:
        """As in Team; a worker that hasn't told yet that it begins counts as running."""
        reply = _reply(list(self._states.values()))
        waiting = self._begun and not all(state.begun for state in self._ready)
        return msgspec.structs.replace(reply, running=reply.running or waiting)

    def _hear(self, environment: Environment, msg: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        state = msgspec.convert(msg.data, _State)
        self._states[state.worker] = state

    def _send(self, kind: str, data: dict[str, Any]) -> None:
        self._runner.send_message(kind, data)


def _raise_first(states: list[_State]) -> None:
    for state in states:
        if state.error:
            raise HarnessError(state.error, hint=state.hint)


def _reply(states: list[_State]) -> Reply:
    wrong = next((state for state in states if state.error), None)
    return Reply(
        error=wrong.error if wrong else "",
        hint=wrong.hint if wrong else "",
        workers=tuple(sorted(state.worker for state in states)),
        running=any(state.running for state in states),
        arrivals=sum(state.arrivals for state in states),
        arrived=sum(state.arrived for state in states),
        in_flight=sum(state.in_flight for state in states),
    )
