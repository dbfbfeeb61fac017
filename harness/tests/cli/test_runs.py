"""`harness runs`: what it shows of each run, and that it removes nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.cli import main
from harness.clock import SYSTEM_CLOCK
from harness.clusters import new_state_dir, remember
from harness.evidence.folder import RunFolder
from harness.guard import Guard
from harness.model.cluster import Cluster

LONG_AGO_S = 1000.0


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def parent(home: Path) -> Path:
    return home / "harness-runs"


def make(parent: Path, day: int, *, verdict: str | None = "pass", quiet: bool = True) -> Path:
    folder = RunFolder(parent / f"202611{day:02}T101112Z-smoke-guestbook-abc{day:03}")
    folder.evidence.mkdir(parents=True)
    run = {"suites": ["smoke"], "target": "guestbook", "twin": ""}
    folder.run_file.write_text(json.dumps(run))
    if verdict:
        folder.result_file.write_text(json.dumps({"verdict": verdict, "run": {"duration_s": 75.2}}))
    if quiet:
        then = SYSTEM_CLOCK.now().wall_ns / 1e9 - LONG_AGO_S
        for path in (*folder.path.rglob("*"), folder.path):
            os.utime(path, (then, then))
    return folder.path


def link(parent: Path, run: Path) -> Path:
    latest = parent / "latest"
    latest.symlink_to(run.name)
    return latest


def call(*words: str) -> int:
    try:
        main(["runs", *words])
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def test_the_newest_run_is_listed_first_with_its_verdict(
    parent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(parent, 1), make(parent, 2, verdict="fail")
    call("list")
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["VERDICT", "TARGET", "SUITE"]
    assert first.split()[:6] == ["fail", "guestbook", "smoke", "2026-11-02", "10:11:12", "1m15s"]
    assert second.split()[-1] == "20261101T101112Z-smoke-guestbook-abc001"


def test_a_run_without_a_verdict_was_killed_unless_it_wrote_just_now(
    parent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(parent, 1, verdict=None)
    make(parent, 2, verdict=None, quiet=False)
    call("list")
    verdicts = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert verdicts == ["running*", "killed"]


def test_an_empty_place_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("list") == 0
    assert "no runs below harness-runs" in capsys.readouterr().err


def test_pruning_keeps_the_newest_and_mends_latest(parent: Path) -> None:
    runs = [make(parent, day) for day in (1, 2, 3)]
    latest = link(parent, runs[0])
    assert call("prune", "--keep", "1", "--yes") == 0
    assert [path.exists() for path in runs] == [False, False, True]
    assert latest.resolve() == runs[2]


def test_latest_goes_with_the_last_run(parent: Path) -> None:
    latest = link(parent, make(parent, 1))
    assert call("prune", "--keep", "0", "--yes") == 0
    assert not latest.is_symlink()


def test_only_what_both_conditions_name_is_removed(parent: Path) -> None:
    old, new = make(parent, 1), make(parent, 2)
    assert call("prune", "--older-than", "52000w", "--keep", "0", "--yes") == 0
    assert old.exists()
    assert call("prune", "--keep", "1", "--older-than", "0m", "--yes") == 0
    assert [old.exists(), new.exists()] == [False, True]


def test_nothing_but_run_folders_is_touched(parent: Path, home: Path) -> None:
    elsewhere = make(home / "elsewhere", 1)
    make(parent, 2)
    strangers = [
        parent / "notes",
        parent / "20261101T101112Z-no-evidence-abc123",
        parent / "20261101T101112Z-renamed",
    ]
    for folder in strangers:
        folder.mkdir()
    (strangers[2] / "evidence").mkdir()
    file = parent / "20261101T101112Z-a-file-abc123"
    file.write_text("x")
    foreign = parent / elsewhere.name
    foreign.symlink_to(elsewhere)
    assert call("prune", "--keep", "0", "--yes") == 0
    assert all(path.exists() for path in (*strangers, file, foreign, elsewhere / "evidence"))


def test_what_is_still_written_to_stays(parent: Path) -> None:
    running = make(parent, 1, verdict=None, quiet=False)
    kept = make(parent, 2)
    state = new_state_dir()
    with Guard.start(state_dir=state, evidence=None) as guard:
        guard.owns(state)
        remember(
            Cluster(
                id="x",
                name="x",
                kubeconfig="x",
                server="x",
                ca_file="x",
                provider="local",
                server_version="v1",
                state_dir=str(state),
                capabilities=(),
                audit_log=str(kept / "evidence" / "audit.log"),
            ),
            state,
        )
        assert call("prune", "--keep", "0", "--yes") == 0
        assert running.exists()
        assert kept.exists()
    assert call("prune", "--keep", "0", "--yes") == 0
    assert not kept.exists()


def test_it_asks_and_a_no_removes_nothing(
    parent: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make(parent, 1)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    assert call("prune", "--keep", "0") == 2
    assert run.exists()
    assert run.name in capsys.readouterr().out


@pytest.mark.parametrize("words", [(), ("--older-than", "7"), ("--older-than", "x d")])
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], parent: Path) -> None:
    run = make(parent, 1)
    assert call("prune", "--yes", *words) == 4
    assert run.exists()
