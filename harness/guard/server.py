"""The guard's event loop: one thread, so that a child's parent never ends before the guard."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.clock import Deadline
from harness.errors import HarnessError
from harness.guard import protocol
from harness.guard.capture import LogPump, RecordFile, Redactor
from harness.guard.children import Child, Children
from harness.guard.descent import ProcessId, become_subreaper, descendants, identify
from harness.guard.farewells import Farewell, read_farewells, say_farewells, write_farewells
from harness.guard.leftovers import StateRecord, write_record

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Server"]

_GRACE_S = 1.0  # between SIGTERM and SIGKILL when everything ends
_KILLED_S = 5.0  # until a killed process must be gone
_SCANS_S = (0.1, 2.0)  # between two looks at our descendants: after a change, and at rest


class _Pending:
    """A client that waits for a process's end."""

    def __init__(self, peer: _Peer, child: Child, *, seconds: float, kill: bool) -> None:
        self.peer = peer
        self.child = child
        self.deadline = Deadline(seconds)
        self.kill = kill


class _Peer:
    """A client's connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.received = b""

    def answer(self, reply: protocol.Reply) -> None:
        with suppress(OSError):  # it went away: nobody to tell
            self.connection.sendall(msgspec.json.encode(reply) + b"\n")


class Server:
    """The guard.

    Args:
        state_dir: Private folder: socket and record of processes.
        evidence: Folder for processes.ndjson; None without a run.
        lifeline: Read end of the starter's pipe.
    """

    def __init__(self, *, state_dir: Path, evidence: Path | None, lifeline: int) -> None:
        self._state_dir = state_dir
        self._selector = selectors.DefaultSelector()
        self._redactor = Redactor()
        events = RecordFile(evidence / "processes.ndjson") if evidence is not None else None
        self._children = Children(
            events=events, redactor=self._redactor, on_pump=self._watch, off_pump=self._unwatch
        )
        self._pending: list[_Pending] = []
        self._owned: list[Path] = []
        self._ending = False
        self._scan_s = _SCANS_S[0]
        self._scan = Deadline(0.0)
        self._recorded: tuple[ProcessId, ...] | None = None
        self._lifeline = lifeline
        self._selector.register(lifeline, selectors.EVENT_READ, self._lifeline_readable)
        self._listener = self._listen()
        self._wake_on_signals()

    def _listen(self) -> socket.socket:
        path = self._state_dir / protocol.SOCKET_NAME
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.settimeout(0.0)
        before = os.umask(0o177)
        try:
            with protocol.socket_address(path) as address:
                listener.bind(address)
        finally:
            os.umask(before)
        listener.listen(64)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        return listener

    def _wake_on_signals(self) -> None:
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        # The byte in the pipe is what counts. SIGINT and SIGHUP count for nothing, but SIG_IGN
        # would be inherited: nobody could interrupt what we start.
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)

        def woken() -> None:
            self._ending |= signal.SIGTERM in os.read(reader, 512)
            self._scan_s = _SCANS_S[0]
            self._scan = Deadline(0.0)

        self._selector.register(reader, selectors.EVENT_READ, woken)

    def run(self, *, on_ready: Callable[[], None]) -> None:
        """Serves until the starter is gone or somebody asks for the end, then ends all."""
        become_subreaper()
        try:
            self._record()
            on_ready()
            while not self._ending:
                self._turn(self._next_deadline())
                self._look_around()
        finally:
            self._end_everything()

    def _turn(self, seconds: float) -> None:
        """Handles what happens within `seconds`."""
        steps = [key.data for key, _ in self._selector.select(seconds)]
        for step in (*steps, self._children.reap, self._answer_pending):
            try:
                step()
            except OSError as error:  # a full disk must not end what guards the processes
                sys.stderr.write(f"guard: {error}\n")

    def _next_deadline(self) -> float:
        return min([self._scan.remaining, *(wait.deadline.remaining for wait in self._pending)])

    def _look_around(self) -> None:
        """Writes down our descendants, often after a change and seldom at rest."""
        if self._scan.passed:
            self._record()
            self._scan = Deadline(self._scan_s)
            self._scan_s = min(self._scan_s * 2, _SCANS_S[1])

    def _record(self) -> None:
        own = identify(os.getpid())
        found = tuple(
            process for pid in descendants(os.getpid()) if (process := identify(pid)) is not None
        )
        if found == self._recorded or own is None:
            return
        try:
            write_record(self._state_dir, StateRecord(guard=own, processes=found))
        except OSError as error:
            sys.stderr.write(f"guard: can't record processes: {error}\n")
        self._recorded = found

    def _lifeline_readable(self) -> None:
        if not os.read(self._lifeline, 64):
            self._detach()
            self._ending = True

    def _watch(self, pump: LogPump) -> None:
        self._selector.register(
            pump.fd, selectors.EVENT_READ, lambda: None if pump.pump() else self._unwatch(pump)
        )

    def _unwatch(self, pump: LogPump) -> None:
        self._selector.unregister(pump.fd)
        pump.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        credentials = connection.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
        )
        if struct.unpack("3i", credentials)[1] not in {0, os.getuid()}:
            connection.close()
            return
        connection.settimeout(5.0)
        peer = _Peer(connection)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._readable(peer))

    def _readable(self, peer: _Peer) -> None:
        try:
            data = peer.connection.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self._drop(peer)
            return
        peer.received += data
        while b"\n" in peer.received:
            line, peer.received = peer.received.split(b"\n", 1)
            self._handle(peer, line)
        if len(peer.received) > protocol.MAX_MESSAGE:
            peer.answer(protocol.Reply(error="The message is too long."))
            self._drop(peer)

    def _drop(self, peer: _Peer) -> None:
        self._selector.unregister(peer.connection)
        peer.connection.close()
        self._pending = [wait for wait in self._pending if wait.peer is not peer]

    def _handle(self, peer: _Peer, line: bytes) -> None:
        try:
            request = msgspec.json.decode(line, type=protocol.Request)
            reply = self._perform(peer, request)
        except msgspec.MsgspecError as error:
            reply = protocol.Reply(error=f"The message can't be read: {error}")
        except HarnessError as error:
            reply = protocol.Reply(error=str(error), hint=error.hint)
        except OSError as error:
            reply = protocol.Reply(error=f"{error.filename or 'guard'}: {error.strerror}")
        if reply is not None:
            peer.answer(reply)

    def _perform(self, peer: _Peer, request: protocol.Request) -> protocol.Reply | None:
        """Meets a request; None where the answer comes later."""
        match request:
            case protocol.Spawn():
                return _about(self._spawn(request))
            case protocol.Signal():
                return _about(self._signal(request))
            case protocol.Stop() | protocol.Wait():
                return self._await(peer, request)
            case protocol.List():
                return _about(*self._children.all())
            case protocol.Redact():
                self._redactor.add(request.values)
            case protocol.Owns():
                self._owned.append(Path(request.path))
            case protocol.OnEnd() | protocol.Forget():
                self._remember(request)
            case protocol.Detach():
                self._detach()
            case protocol.Close():
                self._ending = True
                return None
        return protocol.Reply()

    def _remember(self, request: protocol.OnEnd | protocol.Forget) -> None:
        """Writes down what to run at the end under a name, if anything."""
        new: tuple[Farewell, ...] = ()
        if isinstance(request, protocol.OnEnd):
            new = (request.farewell,)
        if new and self._ending:
            raise HarnessError(f"{request.name!r} comes too late, since everything is ending.")
        others = [known for known in read_farewells(self._state_dir) if known.name != request.name]
        write_farewells(self._state_dir, (*others, *new))

    def _spawn(self, request: protocol.Spawn) -> Child:
        if self._ending:
            raise HarnessError(f"{request.name!r} isn't started, since everything is ending.")
        child = self._children.start(request)
        self._scan_s = _SCANS_S[0]
        self._record()
        return child

    def _signal(self, request: protocol.Signal) -> Child:
        child = self._children.get(request.name)
        self._children.reap()
        if child.exit_code is not None:
            raise HarnessError(
                f"{request.name!r} isn't running; it ended with exit code {child.exit_code}."
            )
        child.send(request.signal)
        return child

    def _await(self, peer: _Peer, request: protocol.Stop | protocol.Wait) -> protocol.Reply | None:
        child = self._children.get(request.name)
        self._children.reap()
        if child.exit_code is not None:
            return _about(child)
        if isinstance(request, protocol.Stop):
            child.terminate()
            wait = _Pending(peer, child, seconds=request.grace_s, kill=True)
        else:
            wait = _Pending(peer, child, seconds=request.timeout_s, kill=False)
        self._pending.append(wait)
        return None

    def _answer_pending(self) -> None:
        for wait in tuple(self._pending):
            if wait.child.exit_code is None and not wait.deadline.passed:
                continue
            if wait.child.exit_code is None and wait.kill:
                wait.child.send(signal.SIGKILL)
                wait.kill = False
                wait.deadline = Deadline(_KILLED_S)
                continue
            self._pending.remove(wait)
            wait.peer.answer(_about(wait.child))

    def _detach(self) -> None:
        if self._lifeline in self._selector.get_map():
            self._selector.unregister(self._lifeline)

    def _end_everything(self) -> None:
        """Ends all descendants, runs the farewells and removes the folders that are ours."""
        for child in self._children.all():
            child.asked = True
        for number, seconds in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, _KILLED_S)):
            deadline = Deadline(seconds)
            told: set[int] = set()
            while (left := descendants(os.getpid())) and not deadline.passed:
                for pid in set(left) - told:
                    _tell(pid, number)
                told.update(left)
                self._turn(0.02)
        self._children.reap()
        failures = say_farewells(self._state_dir)
        for text in failures:
            sys.stderr.write(f"guard: {text}\n")
        for folder in self._owned:
            if not failures or folder != self._state_dir:  # a sweep must find what is left to do
                shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            (self._state_dir / protocol.SOCKET_NAME).unlink()


def _tell(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)


def _about(*children: Child) -> protocol.Reply:
    return protocol.Reply(processes=tuple(child.status() for child in children))
