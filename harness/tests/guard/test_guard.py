"""A real guard process, and real children."""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
from pathlib import Path

import msgspec
import pytest

from harness.clock import SYSTEM_CLOCK
from harness.command import spawn
from harness.errors import HarnessError
from harness.guard import Guard
from harness.guard.leftovers import read_record
from harness.guard.protocol import MAX_MESSAGE, SOCKET_NAME, Reply
from harness.model.records import LogLine, ProcessEvent
from harness.tests.guard.processes import await_end, is_running

SLEEP = ("sleep", "600")
DEAF = "trap '' TERM; echo > {ready}; while :; do sleep 1; done"
DAEMON = (
    "(setsid sh -c 'echo $$ > \"$0\"; exec sleep 600' {pid} &) ; while ! [ -s {pid} ]; do :; done"
)


def records(path: Path, kind: type[msgspec.Struct]) -> list[msgspec.Struct]:
    return [msgspec.json.decode(line, type=kind) for line in path.read_bytes().splitlines()]


def daemon(guard: Guard, env: dict[str, str], folder: Path) -> int:
    """Starts a daemon that forked twice; returns its process id."""
    pid_file = folder / "daemon.pid"
    guard.spawn("starts a daemon", ("sh", "-c", DAEMON.format(pid=pid_file)), env=env)
    assert guard.wait("starts a daemon", timeout=10).exit_code == 0
    return int(pid_file.read_text())


def test_what_it_starts_can_be_interrupted(guard: Guard, env: dict[str, str]) -> None:
    pid = guard.spawn("sleeper", SLEEP, env=env).pid
    guard.signal("sleeper", signal.SIGINT)
    assert guard.wait("sleeper", timeout=10).exit_code == -signal.SIGINT
    assert not is_running(pid)


def test_an_interrupt_is_not_lost_while_a_program_is_about_to_start(
    guard: Guard, env: dict[str, str]
) -> None:
    names = [f"sleeper {number}" for number in range(40)]
    for name in names:
        guard.spawn(name, SLEEP, env=env)
        guard.signal(name, signal.SIGINT)
    codes = {guard.wait(name, timeout=60).exit_code for name in names}
    assert codes == {-signal.SIGINT}


def test_it_is_up_within_a_moment(state: Path) -> None:
    begin = SYSTEM_CLOCK.now().mono_ns
    with Guard.start(state_dir=state, evidence=None) as guard:
        seconds = (SYSTEM_CLOCK.now().mono_ns - begin) / 1e9
        assert guard.processes() == ()
    assert seconds < 60, "0.1 s on an idle machine"


def test_its_socket_is_private(guard: Guard) -> None:
    assert stat.S_IMODE(guard.socket.stat().st_mode) == 0o600


def test_it_says_how_a_process_ended(guard: Guard, env: dict[str, str]) -> None:
    guard.spawn("job", ("sh", "-c", "exit 7"), env=env)
    ended = guard.wait("job", timeout=10)
    assert (ended.running, ended.exit_code, ended.asked) == (False, 7, False)


def test_a_wait_ends_with_its_time_out(guard: Guard, env: dict[str, str]) -> None:
    guard.spawn("job", SLEEP, env=env)
    assert guard.wait("job", timeout=0.05).running


def test_a_stop_is_marked_as_asked(guard: Guard, env: dict[str, str]) -> None:
    guard.spawn("job", SLEEP, env=env)
    ended = guard.stop("job", grace_s=10)
    assert (ended.exit_code, ended.asked) == (-signal.SIGTERM, True)


def test_a_process_that_ignores_the_request_is_killed(
    guard: Guard, env: dict[str, str], tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    guard.spawn("deaf", ("sh", "-c", DEAF.format(ready=ready)), env=env)
    ready.read_text()  # returns when it has been written
    assert guard.stop("deaf", grace_s=0.1).exit_code == -signal.SIGKILL


def test_a_paused_process_can_be_stopped(guard: Guard, env: dict[str, str]) -> None:
    guard.spawn("job", SLEEP, env=env)
    guard.signal("job", signal.SIGSTOP)
    assert guard.stop("job", grace_s=10).exit_code == -signal.SIGTERM


def test_a_name_is_free_again_when_its_process_ended(guard: Guard, env: dict[str, str]) -> None:
    first = guard.spawn("job", SLEEP, env=env)
    with pytest.raises(HarnessError, match="running already"):
        guard.spawn("job", SLEEP, env=env)
    guard.stop("job", grace_s=10)
    second = guard.spawn("job", SLEEP, env=env)
    assert second.pid != first.pid
    assert [status.pid for status in guard.processes()] == [second.pid]


def test_a_missing_program_is_an_error_at_once(guard: Guard, env: dict[str, str]) -> None:
    with pytest.raises(HarnessError, match="no program 'no-such-program'") as error:
        guard.spawn("job", ("no-such-program",), env=env)
    assert error.value.hint


def test_an_unknown_name_is_an_error_that_lists_the_known_ones(
    guard: Guard, env: dict[str, str]
) -> None:
    guard.spawn("job", SLEEP, env=env)
    with pytest.raises(HarnessError, match=r"'jub'.*there are: job"):
        guard.stop("jub", grace_s=1)


def test_a_child_has_exactly_the_given_environment_and_folder(
    guard: Guard, env: dict[str, str], tmp_path: Path
) -> None:
    given = {**env, "ONE": "1"}
    guard.spawn("job", ("/usr/bin/env",), env=given, log=tmp_path / "env")
    guard.wait("job", timeout=10)
    assert dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines()) == given
    guard.spawn("where", ("/bin/pwd",), env=env, cwd=tmp_path, log=tmp_path / "pwd")
    guard.wait("where", timeout=10)
    assert (tmp_path / "pwd").read_text() == f"{tmp_path}\n"


def test_recorded_output_is_stamped_lines_without_secrets(
    guard: Guard, env: dict[str, str], evidence: Path
) -> None:
    guard.redact(["s3cret-canary"])
    script = "printf 'token=s3cret-'; sleep 0.05; echo canary; echo oops >&2; printf last"
    log = evidence / "operator" / "job.ndjson"
    before = SYSTEM_CLOCK.now().mono_ns
    pid = guard.spawn("job", ("sh", "-c", script), env=env, log=log, record=True).pid
    guard.wait("job", timeout=10)
    lines = [line for line in records(log, LogLine) if isinstance(line, LogLine)]
    assert sorted((line.stream, line.text) for line in lines) == [
        ("stderr", "oops"),
        ("stdout", "last"),
        ("stdout", "token=[redacted]"),
    ]
    assert all(line.pid == pid and line.stamp.mono_ns > before for line in lines)


def test_start_and_end_of_a_recorded_process_are_evidence(
    guard: Guard, env: dict[str, str], evidence: Path
) -> None:
    log = evidence / "operator" / "job.ndjson"
    guard.spawn("job", SLEEP, env=env, log=log, record=True)
    guard.stop("job", grace_s=10)
    guard.spawn("job", ("false",), env=env, log=log, record=True)
    guard.wait("job", timeout=10)
    events = records(evidence / "processes.ndjson", ProcessEvent)
    assert [(e.event, e.exit_code, e.asked) for e in events if isinstance(e, ProcessEvent)] == [
        ("started", None, False),
        ("ended", -signal.SIGTERM, True),
        ("started", None, False),
        ("ended", 1, False),
    ]


def test_another_process_reaches_it_by_its_socket(guard: Guard, env: dict[str, str]) -> None:
    guard.spawn("job", SLEEP, env=env)
    other = Guard.connect(guard.socket)
    assert other.stop("job", grace_s=10).asked
    assert not guard.status("job").running


def test_a_long_path_to_the_socket_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    deep.mkdir(parents=True)
    with Guard.start(state_dir=deep, evidence=None) as guard:
        assert len(str(guard.socket)) > 108
        assert guard.processes() == ()


@pytest.mark.parametrize("message", [b"no json\n", b'{"op":"unheard of"}\n', b"{}\n"])
def test_nonsense_is_answered_with_an_error(guard: Guard, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(guard.socket))
        client.sendall(message)
        assert "can't be read" in msgspec.json.decode(client.recv(4096), type=Reply).error
    assert guard.processes() == ()


def test_a_message_without_end_is_refused(guard: Guard) -> None:
    with pytest.raises(HarnessError, match="too long"):
        guard.redact(["x" * MAX_MESSAGE])
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(guard.socket))
        try:
            client.sendall(b"x" * (MAX_MESSAGE + (1 << 17)))
            answer = client.recv(4096)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""  # it had closed the connection before all was sent
        assert b"too long" in answer or not answer
    assert guard.processes() == ()


def test_closing_ends_everything_and_removes_what_it_owns(
    state: Path, env: dict[str, str], tmp_path: Path
) -> None:
    kept, outside = tmp_path / "kept", tmp_path / "outside"
    kept.mkdir()
    outside.mkdir()
    (outside / "file").touch()
    (kept / "link").symlink_to(outside)
    guard = Guard.start(state_dir=state, evidence=None)
    child = guard.spawn("job", SLEEP, env=env).pid
    twice = daemon(guard, env, tmp_path)
    guard.owns(kept)
    guard.close()
    assert not is_running(child)
    assert not is_running(twice)
    assert not kept.exists()
    assert (outside / "file").exists(), "a link is removed, not what it leads to"


def test_daemons_are_written_down_for_a_later_sweep(
    guard: Guard, env: dict[str, str], tmp_path: Path
) -> None:
    twice = daemon(guard, env, tmp_path)
    guard.spawn("job", SLEEP, env=env)  # each start is an occasion to look
    record = read_record(guard.socket.parent)
    assert record is not None
    assert twice in {process.pid for process in record.processes}


def start_elsewhere(state: Path, extra: str = "") -> tuple[int, int, Guard]:
    """Starts a guard from a process of its own; returns that one, a child, and a client."""
    script = f"""
import os, sys, signal
from pathlib import Path
from harness.guard import Guard
guard = Guard.start(state_dir=Path({str(state)!r}), evidence=None)
guard.owns(Path({str(state)!r}))
pid = guard.spawn("job", ("sleep", "600"), env=dict(os.environ)).pid
{extra}
print(pid, flush=True)
signal.pause()
"""
    reader, writer = os.pipe()
    starter = spawn((sys.executable, "-c", script), env=dict(os.environ), stdout=writer)
    os.close(writer)
    with os.fdopen(reader) as told:
        child = int(told.readline())
    starter.returncode = 0  # reaped by `await_end`, not by Popen
    return starter.pid, child, Guard.connect(state / SOCKET_NAME)


def guard_pid(state: Path) -> int:
    record = read_record(state)
    assert record is not None
    return record.guard.pid


def test_it_ends_with_its_starter_even_by_sigkill(state: Path) -> None:
    starter, child, _ = start_elsewhere(state)
    pid = guard_pid(state)
    os.kill(starter, signal.SIGKILL)
    assert await_end(starter)
    assert await_end(pid)
    assert not is_running(child)
    assert not state.exists()


def test_a_detached_guard_outlives_its_starter(state: Path) -> None:
    starter, child, guard = start_elsewhere(state, "guard.detach()")
    pid = guard_pid(state)
    os.kill(starter, signal.SIGKILL)
    assert await_end(starter)
    assert guard.status("job").running
    guard.close()
    assert await_end(pid)
    assert not is_running(child)


def test_ctrl_c_in_the_terminal_does_not_end_it(guard: Guard) -> None:
    pid = guard_pid(guard.socket.parent)
    assert os.getsid(pid) == pid, "a terminal signals its foreground group only"
    os.kill(pid, signal.SIGINT)
    assert guard.processes() == ()


def test_its_own_children_die_with_it(state: Path) -> None:
    starter, child, guard = start_elsewhere(state)
    pid = guard_pid(state)
    os.kill(pid, signal.SIGKILL)
    assert await_end(pid)
    assert await_end(child)
    with pytest.raises(HarnessError, match="doesn't answer"):
        guard.processes()
    os.kill(starter, signal.SIGKILL)
    assert await_end(starter)
