"""Deaths: of the harness at any stage, of its guard too; nothing of a cluster stays."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from harness.cli.cluster import cluster
from harness.clusters import sweep
from harness.command import run, spawn
from harness.guard.leftovers import read_record
from harness.tests.clusters.conftest import new_run
from harness.tests.clusters.kind.real import KindLive, engine_has
from harness.tests.guard.processes import await_end

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.kind

STARTER = """
import signal, sys
from pathlib import Path
from harness.assets import resolve, Component
from harness.clock import SYSTEM_CLOCK
from harness.clusters import new_state_dir, provider
from harness.evidence.folder import RunFolder
from harness.guard import Guard
from harness.settings import Settings

def say(text):
    print(text, flush=True)
    if sys.argv[1] in text:
        signal.pause()

run = RunFolder.create(Path(sys.argv[2]), suite="s", target="t", now=SYSTEM_CLOCK.now())
assets = resolve((Component.KIND, Component.KUBECTL), build=False)
state = new_state_dir()
print(f"state {state}", flush=True)
guard = Guard.start(state_dir=state, evidence=run.evidence)
guard.owns(state)
say("guarded")
cluster = provider(Settings(cluster="kind")).create(name="x", run=run, assets=assets, guard=guard,
    state_dir=state, on_progress=say)
say("done")
"""

STAGES = (
    "guarded",
    "Ensuring node image",
    "Preparing nodes",
    "Starting control-plane",
    "done",
)


class Starter:
    """A harness of its own that stands still at a stage, while kind goes on."""

    def __init__(self, stage: str, runs: Path) -> None:
        reader, writer = os.pipe()
        argv = (sys.executable, "-c", STARTER, stage, str(runs))
        process = spawn(argv, env=dict(os.environ), stdout=writer, stderr=2)
        os.close(writer)
        self.pid = process.pid
        process.returncode = 0  # reaped by `await_end`, not by Popen
        with os.fdopen(reader) as told:
            self.state = Path(told.readline().removeprefix("state ").strip())
            assert any(stage in line for line in told), f"never came to {stage!r}"

    @property
    def kind_name(self) -> str:
        return f"harness-{self.state.name}"

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        assert await_end(self.pid)

    def kill_guard(self) -> None:
        record = read_record(self.state)
        assert record is not None
        os.kill(record.guard.pid, signal.SIGKILL)
        assert await_end(record.guard.pid)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    sweep()


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_outlives_a_killed_harness(stage: str, own_home: Path, tmp_path: Path) -> None:
    starter = Starter(stage, tmp_path / "runs")
    record = read_record(starter.state)
    starter.kill()
    assert record is not None
    assert await_end(record.guard.pid, timeout=60)
    assert engine_has(starter.kind_name) == []
    assert files_below(own_home) == []


@pytest.mark.parametrize("way", ["the next run", "cluster down --all"])
def test_what_is_left_when_the_guard_was_killed_too_is_found(
    way: str, own_home: Path, tmp_path: Path
) -> None:
    starter = Starter("Preparing nodes", tmp_path / "runs")
    starter.kill_guard()
    starter.kill()
    assert engine_has(starter.kind_name)
    if way == "the next run":
        assert starter.state.name in sweep()[0]
    else:
        assert CliRunner().invoke(cluster, ["down", "--all"]).exit_code == 0
    assert engine_has(starter.kind_name) == []
    assert files_below(own_home) == []


def test_nodes_are_found_by_label_where_even_their_state_is_gone(
    own_home: Path, tmp_path: Path
) -> None:
    starter = Starter("Writing configuration", tmp_path / "runs")
    starter.kill_guard()
    starter.kill()
    run(("rm", "-r", own_home), timeout=60)
    result = CliRunner().invoke(cluster, ["down", "--all"])
    assert starter.kind_name in result.stderr
    assert engine_has(starter.kind_name) == []


def test_running_again_works_after_a_death(own_home: Path, tmp_path: Path) -> None:
    starter = Starter("Starting control-plane", tmp_path / "runs")
    starter.kill_guard()
    starter.kill()
    sweep()
    made = KindLive(name="again", run=new_run(tmp_path / "again"))
    assert made.client.version()
    made.close()
    assert engine_has(made.kind_name) == []
    assert engine_has(starter.kind_name) == []
    assert files_below(own_home) == []
