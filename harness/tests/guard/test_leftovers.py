"""State folders of runs that were killed together with their guard."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from harness.command import spawn
from harness.guard.descent import ProcessId, identify
from harness.guard.leftovers import (
    STATE_VARIABLE,
    StateRecord,
    end_leftover,
    is_leftover,
    make_state_folder,
    write_private,
    write_record,
)
from harness.tests.guard.processes import await_end, is_running

DEAD = ProcessId(pid=1, start_ticks=-1, boot="another boot", namespace=0)


def abandon(folder: Path) -> None:
    write_private(folder / "owner.json", msgspec.json.encode(DEAD))


def sleeper(env: dict[str, str] | None = None) -> int:
    process = spawn(("sleep", "600"), env={"PATH": os.environ["PATH"], **(env or {})})
    process.returncode = 0  # reaped by `await_end`, not by Popen
    environment = Path(f"/proc/{process.pid}/environ")
    while not environment.read_bytes():  # Popen comes back while the kernel still loads it
        pass
    return process.pid


def test_a_state_folder_is_private_and_has_an_owner(tmp_path: Path) -> None:
    folder = make_state_folder(tmp_path / "clusters")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "owner.json").stat().st_mode) == 0o600
    assert not is_leftover(folder), "we own it, and we run"


def test_a_folder_whose_owner_is_dead_is_a_leftover_unless_its_guard_runs(tmp_path: Path) -> None:
    folder = make_state_folder(tmp_path)
    abandon(folder)
    assert is_leftover(folder)
    own = identify(os.getpid())
    assert own is not None
    write_record(folder, StateRecord(guard=own))
    assert not is_leftover(folder)


def test_a_folder_that_is_just_being_made_is_left_alone(tmp_path: Path) -> None:
    draft = tmp_path / ".draft"
    draft.mkdir()
    assert not is_leftover(draft)
    os.utime(draft, (0, 0))
    assert is_leftover(draft)


def test_a_process_that_got_the_number_of_another_is_not_touched(tmp_path: Path) -> None:
    folder = make_state_folder(tmp_path)
    abandon(folder)
    innocent = sleeper()
    same = identify(innocent)
    assert same is not None
    other = msgspec.structs.replace(same, start_ticks=same.start_ticks - 1)
    write_record(folder, StateRecord(guard=DEAD, processes=(other,)))
    assert end_leftover(folder) == ()
    assert is_running(innocent)
    assert not folder.exists()
    os.kill(innocent, 9)
    assert await_end(innocent)


def test_recorded_processes_and_daemons_of_the_folder_are_ended(tmp_path: Path) -> None:
    folder = make_state_folder(tmp_path)
    abandon(folder)
    recorded, daemon = sleeper(), sleeper({STATE_VARIABLE: str(folder)})
    known = identify(recorded)
    assert known is not None
    write_record(folder, StateRecord(guard=DEAD, processes=(known,)))
    assert {process.pid for process in end_leftover(folder)} == {recorded, daemon}
    assert await_end(recorded)
    assert await_end(daemon)
    assert not folder.exists()


def test_a_folder_with_a_similar_name_keeps_its_processes(tmp_path: Path) -> None:
    folder = make_state_folder(tmp_path)
    abandon(folder)
    neighbour = sleeper({STATE_VARIABLE: f"{folder}2"})
    assert end_leftover(folder) == ()
    assert is_running(neighbour)
    os.kill(neighbour, 9)
    assert await_end(neighbour)
