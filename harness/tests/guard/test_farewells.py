"""Commands that run when a guard ends, whatever ended it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError
from harness.guard import Guard
from harness.guard.farewells import read_farewells, seconds_of
from harness.guard.leftovers import end_leftover, read_record
from harness.tests.guard.processes import await_end

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def say(notes: Path, text: str, *, then: str = "true") -> tuple[str, ...]:
    return ("/bin/sh", "-c", f"echo {text} >> {notes}; {then}")


def test_they_run_when_the_guard_is_closed_the_last_one_first(
    state: Path, env: dict[str, str], notes: Path
) -> None:
    with Guard.start(state_dir=state, evidence=None) as guard:
        guard.on_end("first", say(notes, "first"), env=env, timeout=10)
        guard.on_end("second", say(notes, "second"), env=env, timeout=10)
        assert not notes.exists()
    assert notes.read_text().split() == ["second", "first"]
    assert read_farewells(state) == ()


def test_they_run_after_all_that_the_guard_started_has_ended(
    state: Path, env: dict[str, str], notes: Path
) -> None:
    with Guard.start(state_dir=state, evidence=None) as guard:
        pid = guard.spawn("job", ("sleep", "600"), env=env).pid
        guard.on_end("look", say(notes, f"$(ls -d /proc/{pid} || echo gone)"), env=env, timeout=10)
    assert notes.read_text().split() == ["gone"]


def test_one_can_be_replaced_and_forgotten(state: Path, env: dict[str, str], notes: Path) -> None:
    with Guard.start(state_dir=state, evidence=None) as guard:
        guard.on_end("a", say(notes, "old"), env=env, timeout=10)
        guard.on_end("a", say(notes, "new"), env=env, timeout=10)
        guard.on_end("b", say(notes, "never"), env=env, timeout=10)
        guard.forget_end("b")
    assert notes.read_text().split() == ["new"]


def test_they_run_when_the_owner_is_killed(
    state: Path, env: dict[str, str], notes: Path, tmp_path: Path
) -> None:
    reader, writer = os.pipe()
    owner = os.fork()
    if not owner:  # a harness that gets no chance to say goodbye
        guard = Guard.start(state_dir=state, evidence=None)
        guard.owns(state)
        guard.on_end("a", say(notes, "done"), env=env, timeout=10)
        os.write(writer, b"x")
        signal.pause()
    os.read(reader, 1)
    record = read_record(state)
    assert record is not None
    os.kill(owner, signal.SIGKILL)
    os.waitpid(owner, 0)
    assert await_end(record.guard.pid)
    assert notes.read_text().split() == ["done"]
    assert not state.exists()
    for fd in (reader, writer):
        os.close(fd)
    assert tmp_path.exists()


def test_a_sweep_runs_them_when_the_guard_was_killed(
    state: Path, env: dict[str, str], notes: Path
) -> None:
    guard = Guard.start(state_dir=state, evidence=None)
    guard.on_end("a", say(notes, "done"), env=env, timeout=10)
    record = read_record(state)
    assert record is not None
    os.kill(record.guard.pid, signal.SIGKILL)
    guard.close()
    assert not notes.exists()
    end_leftover(state)
    assert notes.read_text().split() == ["done"]
    assert not state.exists()


def test_a_folder_stays_until_its_farewells_succeed(
    state: Path, env: dict[str, str], notes: Path, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    with Guard.start(state_dir=state, evidence=None) as guard:
        guard.owns(state)
        guard.on_end("good", say(notes, "good"), env=env, timeout=10)
        guard.on_end("bad", say(notes, "bad", then=f"test -e {mended}"), env=env, timeout=10)
    assert notes.read_text().split() == ["bad", "good"], "one failure doesn't keep the others"
    assert [left.name for left in read_farewells(state)] == ["bad"]
    assert "bad" in (state / "guard.log").read_text()
    end_leftover(state)
    assert state.exists()
    mended.touch()
    end_leftover(state)
    assert not state.exists()


def test_one_that_takes_too_long_is_a_failure_and_closing_waits_for_it(
    state: Path, env: dict[str, str]
) -> None:
    with Guard.start(state_dir=state, evidence=None) as guard:
        guard.on_end("slow", ("/bin/sleep", "600"), env=env, timeout=0.2)
        assert seconds_of(state) == pytest.approx(0.2)
    assert [left.name for left in read_farewells(state)] == ["slow"]


def test_they_are_kept_in_a_private_file(state: Path, env: dict[str, str], notes: Path) -> None:
    with Guard.start(state_dir=state, evidence=None) as guard:
        guard.on_end("a", say(notes, "x"), env=env, timeout=10)
        (file,) = state.glob("farewells*")
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_closed_guard_takes_none(state: Path, env: dict[str, str], notes: Path) -> None:
    guard = Guard.start(state_dir=state, evidence=None)
    guard.close()
    with pytest.raises(HarnessError):
        guard.on_end("late", say(notes, "late"), env=env, timeout=10)
