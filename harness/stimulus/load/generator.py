"""Stage 4a: sends what is due when it is due, and waits for no answer to do so.

Arrivals that are due and find no free connection wait in order, `patience` long, then they are
dropped and counted; their latency runs from the intended time all the while. Those of a burst,
which are all due at once, wait until it's their turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import gevent
from gevent.pool import Group

from harness.clock import monotonic_ns
from harness.errors import UsageError
from harness.model.load import ArrivalProcess, ArrivalStatus, Operation
from harness.stimulus.load.schedule import draw_operations, offsets
from harness.stimulus.load.wire import Address, Answer, Wire

if TYPE_CHECKING:
    from harness.stimulus.load.population import Population
    from harness.stimulus.load.protocol import PhaseOrder
    from harness.stimulus.load.rendering import Requests
    from harness.stimulus.load.rows import ArrivalRows

__all__ = ["Generator", "Material"]

_NS = 1_000_000_000
_TICK_S = 0.1
_LAST_S = 0.02
_RETRY_S = 0.5
_ANSWER_NS = 30 * _NS
_IDLE_NS = 15 * _NS
"""The API server closes a connection that was never used after 32 s, and one that was after 90 s; a
request that is sent just then is lost, which would be nobody's error but ours."""
_OPENING = 8  # at a time: each handshake takes a millisecond in which nothing is sent
_OK = range(200, 300)
_GONE = 404
_CREATE, _UPDATE, _DELETE = int(Operation.CREATE), int(Operation.UPDATE), int(Operation.DELETE)
_DROPPED = int(ArrivalStatus.DROPPED)


class Material(NamedTuple):
    """What requests are made of.

    Attributes:
        samples: Object i is made from sample i modulo their number.
        namespaces: Object i lies in namespace i modulo their number; one empty name for a
            cluster-scoped resource.
        name_prefix: The index follows, seven digits.
    """

    samples: tuple[Requests, ...]
    namespaces: tuple[bytes, ...]
    name_prefix: bytes


class _Job(NamedTuple):
    arrival: int
    operation: int
    object: int
    turn: int
    intended_ns: int


class Generator:
    """One worker's part of the load.

    Args:
        address: Of the API server.
        connections: How many at most; what is in flight can't be more.
        burst_connections: So many are open from the begin and send a burst; the others are opened
            when arrivals wait, and stay open.
        patience_ns: How long an arrival may wait for a connection.
        idle_ns: A connection that was idle for so long is closed, and opened again when arrivals
            wait; shorter than the server's own limit.
        material: What requests are made of.
        population: This worker's objects.
        rows: Takes a row for each arrival that has ended.
        seed: Of the run.
        worker: Its number, from 0; of a phase's arrivals it takes that one of each `workers`.
        workers: How many share the load.
    """

    def __init__(
        self,
        *,
        address: Address,
        connections: int,
        burst_connections: int,
        patience_ns: int,
        material: Material,
        population: Population,
        rows: ArrivalRows,
        seed: int,
        worker: int = 0,
        workers: int = 1,
        idle_ns: int = _IDLE_NS,
    ) -> None:
        self._idle_ns = idle_ns
        self._patience_ns = self._usual_patience_ns = patience_ns
        self._material = material
        self._name = material.name_prefix + b"%07d"
        self._population = population
        self._rows = rows
        self._seed = seed
        self._worker = worker
        self._workers = workers
        self._wires = [Wire(address, self._ended) for _ in range(connections)]
        self._always = min(burst_connections, connections)
        self._spare: list[Wire] = []
        self._idle: list[Wire] = []
        self._opening = Group()
        self._due: list[int] = []
        self._operations: list[int] = []
        self._first = self._phase = self._start_ns = 0
        self._next = self._arrived = 0
        self._may_create = True
        self._stopped = False
        self.in_flight = 0

    def open(self) -> None:
        """Opens a first connection, to see whether that can be done; the calling greenlet waits.

        Raises:
            OSError: It can't.
        """
        self._wires[0].open()

    def close(self) -> None:
        """Closes all connections and writes the last rows."""
        self._stopped = True
        self._opening.kill()
        for wire in self._wires:
            wire.close()
        self._rows.close()

    def renew(self, material: Material) -> None:
        """Takes the same material with newer headers."""
        self._material = material

    def prepare(self, order: PhaseOrder) -> int:
        """Draws a phase's arrivals; returns how many are this worker's.

        Connections that were closed meanwhile are opened again.

        Raises:
            UsageError: It can't be drawn, or asks for updates of a target without mutations.
        """
        schedule, mix = order.schedule, order.mix
        if mix.update and not all(sample.updates for sample in self._material.samples):
            raise UsageError(
                "The load has updates of the spec, and the target declares no mutation.",
                hint="Declare one in target.yaml under kinds: mutations.",
            )
        if schedule.process is ArrivalProcess.BURST and not schedule.count:
            count = len(self._population)
            self._due = [0] * count
            whole = draw_operations(mix, count, seed=self._seed, phase=order.draw)
            self._operations = whole.tolist()
        else:
            due = offsets(schedule, seed=self._seed, phase=order.draw)
            whole = draw_operations(mix, len(due), seed=self._seed, phase=order.draw)
            self._due = due[self._worker :: self._workers].tolist()
            self._operations = whole[self._worker :: self._workers].tolist()
        burst = schedule.process is ArrivalProcess.BURST
        self._patience_ns = 0 if burst else self._usual_patience_ns
        self._may_create = mix.create > 0
        self._first, self._phase = order.first_arrival, order.index
        self._next = self._arrived = 0
        always, others = self._wires[: self._always], self._wires[self._always :]
        self._opening.kill()
        self._close_idle(monotonic_ns())
        gevent.joinall([gevent.spawn(self._reopen, wire) for wire in always])
        if burst:
            others = []
        self._idle = [wire for wire in (*others, *always) if wire.is_open]  # taken from the end
        self._spare = [wire for wire in others if not wire.is_open]
        return len(self._due)

    def run(self, start_ns: int) -> None:
        """Runs the phase that was prepared, until each of its arrivals has ended.

        Args:
            start_ns: Its first instant.
        """
        self._start_ns = start_ns
        self._stopped = False
        ticker = gevent.spawn(self._tick)
        try:
            self._dispatch()
            while self.in_flight or self._next < self._arrived:
                gevent.sleep(_LAST_S)
        finally:
            ticker.kill()
            self._rows.flush()

    def stop(self) -> None:
        """Ends the phase: what is in flight is awaited, the rest never arrives."""
        self._stopped = True
        self._arrived = self._next

    @property
    def progress(self) -> tuple[int, int]:
        """How many arrivals have been due, and how many there are."""
        return self._arrived, len(self._due)

    def _dispatch(self) -> None:
        due, count, start = self._due, len(self._due), self._start_ns
        while not self._stopped and self._arrived < count:
            wait = start + due[self._arrived] - monotonic_ns()
            if wait > 0:
                gevent.sleep(min(wait / _NS, _TICK_S))
                continue
            now = monotonic_ns() - start
            arrived = self._arrived + 1
            while arrived < count and due[arrived] <= now:
                arrived += 1
            self._arrived = arrived
            self._feed()

    def _feed(self) -> None:
        """Gives free connections what has arrived."""
        idle = self._idle
        while idle and self._next < self._arrived:
            wire = idle.pop()
            if not wire.is_open:  # closed while it was idle
                self._spare.append(wire)
            elif not self._send(wire):
                return
        wanted = min(self._arrived - self._next, _OPENING) - len(self._opening)
        for _ in range(min(wanted, len(self._spare))):
            self._opening.spawn(self._revive, self._spare.pop())

    def _send(self, wire: Wire) -> bool:
        """Sends the next arrival that can be sent, or leaves the connection idle; tells which."""
        while self._next < self._arrived:
            at = self._next
            self._next = at + 1
            intended = self._start_ns + self._due[at]
            arrival = self._first + at * self._workers + self._worker
            if self._patience_ns and monotonic_ns() - intended > self._patience_ns:
                self._drop(arrival, self._operations[at], -1, intended)
                continue
            operation, found, turn = self._choose(self._operations[at])
            if found < 0 and self.in_flight:  # an object will be there when an answer has come
                self._next = at
                break
            if found < 0:
                self._drop(arrival, operation, found, intended)
                continue
            material = self._material
            sample = material.samples[found % len(material.samples)]
            before, between, after = sample.pieces(operation, turn)
            place = material.namespaces[found % len(material.namespaces)]
            request = b"".join((before, place, between, self._name % found, after))
            self.in_flight += 1
            wire.send(request, _Job(arrival, operation, found, turn, intended))
            return True
        self._idle.append(wire)
        return False

    def _choose(self, operation: int) -> tuple[int, int, int]:
        """Returns the operation, its object (-1 if there is none) and the object's turn."""
        if operation != _CREATE:
            taken = self._population.take()
            if taken is not None:
                return operation, *taken
            if not self._may_create:
                return operation, -1, 0
        return _CREATE, self._population.create(), 0

    def _drop(self, arrival: int, operation: int, found: int, intended: int) -> None:
        now = monotonic_ns()
        self._rows.add((arrival, self._phase, operation, found, intended, 0, now, _DROPPED, 0, 0))

    def _ended(self, wire: Wire, now: int, answer: Answer) -> None:
        job: _Job = wire.job
        wire.job = None
        self.in_flight -= 1
        status, generation, uid, last = answer
        operation, found = job.operation, job.object
        self._rows.add(
            (
                job.arrival,
                self._phase,
                operation,
                found,
                job.intended_ns,
                wire.sent_ns,
                now,
                status,
                generation,
                uid,
            )
        )
        if status in _OK:
            if operation != _DELETE:
                turn = job.turn
                if operation == _UPDATE:
                    turn = self._material.samples[found % len(self._material.samples)].turn_after(
                        turn
                    )
                self._population.put(found, turn)
        elif operation != _CREATE and status != _GONE:
            self._population.put(found, job.turn)
        if last:
            self._opening.spawn(self._revive, wire)
        else:
            self._send(wire)

    def _revive(self, wire: Wire) -> None:
        while not wire.is_open:
            self._reopen(wire)
            if not wire.is_open:
                gevent.sleep(_RETRY_S)
        self._opening.discard(gevent.getcurrent())
        self._send(wire)
        if self._next < self._arrived:
            self._feed()  # others may be needed, too

    def _reopen(self, wire: Wire) -> None:
        if wire.is_open:
            return
        try:
            wire.open()
        except OSError:
            return  # the next attempt may succeed; meanwhile arrivals are dropped

    def _tick(self) -> None:
        """Writes rows, drops what has waited too long, gives up on answers that don't come."""
        while True:
            gevent.sleep(_TICK_S)
            self._rows.flush()
            now = monotonic_ns()
            patience = self._patience_ns
            while (
                patience
                and self._next < self._arrived
                and now - self._start_ns - self._due[self._next] > patience
            ):
                at = self._next
                self._next = at + 1
                arrival = self._first + at * self._workers + self._worker
                self._drop(arrival, self._operations[at], -1, self._start_ns + self._due[at])
            self._close_idle(now)
            for wire in self._wires:
                if wire.job is not None and now - wire.sent_ns > _ANSWER_NS:
                    wire.break_off(ArrivalStatus.TIMEOUT)

    def _close_idle(self, now: int) -> None:
        """Closes what the server might close; it's opened again when arrivals wait."""
        for wire in self._wires:
            if wire.is_open and wire.job is None and now - wire.used_ns > self._idle_ns:
                wire.close()
