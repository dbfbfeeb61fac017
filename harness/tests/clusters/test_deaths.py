"""Deaths: of the harness, of the guard too, and of a component at its start."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
import yaml

from harness.assets import AssetSet
from harness.clusters import sweep
from harness.clusters.local import readiness
from harness.clusters.local.components import BINARIES, components_of
from harness.clusters.local.layout import paths_of
from harness.clusters.local.ports import Reservation, reserve
from harness.command import spawn
from harness.errors import ClusterError
from harness.guard.leftovers import STATE_VARIABLE, read_record
from harness.tests.clusters.conftest import Live
from harness.tests.guard.processes import await_end, is_running

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.controlplane

STARTER = """
import signal, sys
from pathlib import Path
from harness.assets import resolve
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
state = new_state_dir()
say(f"state {state}")
guard = Guard.start(state_dir=state, evidence=run.evidence)
say("guarded")
cluster = provider(Settings()).create(name="x", run=run, assets=resolve(build=False), guard=guard,
    state_dir=state, on_progress=say)
say("done")
"""

STAGES = ("state", "guarded", "starting etcd", "API server ready", "nodes ready", "done")


class Starter:
    """A harness of its own that stands still at a stage."""

    def __init__(self, stage: str, runs: Path) -> None:
        reader, writer = os.pipe()
        argv = (sys.executable, "-c", STARTER, stage, str(runs))
        process = spawn(argv, env=dict(os.environ), stdout=writer, stderr=2)
        os.close(writer)
        self.pid = process.pid
        process.returncode = 0  # reaped by `await_end`, not by Popen
        with os.fdopen(reader) as told:
            self.state = Path(told.readline().removeprefix("state ").strip())
            if stage != "state":
                next(line for line in told if stage in line)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        assert await_end(self.pid)


def marked(state: Path) -> list[int]:
    """Returns the processes that belong to a state folder."""
    mark = f"{STATE_VARIABLE}={state}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if is_running(pid)]


def ports_of(state: Path) -> set[int]:
    """Returns the ports that were chosen for a cluster; none before that."""
    file = state / "kwokctl.yaml"
    if not file.exists():
        return set()
    options = next(yaml.safe_load_all(file.read_text()))["options"]
    return {value for key, value in options.items() if key.endswith("Port") and value > 1}


def listening(ports: set[int]) -> set[int]:
    """Returns those of the ports on which something listens."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return ports & {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A"}


@pytest.fixture
def own_home(tmp_path: Path, assets: AssetSet, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    for asset in assets.assets:
        name = "TEST_ASSET_" + asset.component.upper().replace("-", "_")
        monkeypatch.setenv(name, str(asset.path))
    yield tmp_path / "home"
    sweep()


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_outlives_a_killed_harness(stage: str, own_home: Path, tmp_path: Path) -> None:
    starter = Starter(stage, tmp_path / "runs")
    record, ports = read_record(starter.state), ports_of(starter.state)
    starter.kill()
    if record is not None:
        assert await_end(record.guard.pid)
    assert marked(starter.state) == []
    assert listening(ports) == set()
    sweep()
    assert files_below(own_home) == []


@pytest.mark.parametrize("stage", ["starting etcd", "API server ready", "done"])
def test_a_sweep_finds_what_is_left_when_the_guard_was_killed_too(
    stage: str, own_home: Path, tmp_path: Path
) -> None:
    starter = Starter(stage, tmp_path / "runs")
    record, ports = read_record(starter.state), ports_of(starter.state)
    assert record is not None
    os.kill(record.guard.pid, signal.SIGKILL)
    assert await_end(record.guard.pid)
    starter.kill()
    told = sweep()
    assert len(told) == 1
    assert starter.state.name in told[0]
    assert marked(starter.state) == []
    assert listening(ports) == set()
    assert files_below(own_home) == []


def fake(folder: Path, name: str, real: Path, script: str) -> Path:
    """Writes a program that tells its version as the real one does, and else does as it's told."""
    program = folder / name
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then exec {real} --version; fi\n{script}\n'
    )
    program.chmod(0o755)
    return program


def with_fake(assets: AssetSet, component: str, folder: Path, script: str) -> AssetSet:
    return AssetSet(
        assets=tuple(
            msgspec.structs.replace(asset, path=fake(folder, component, asset.path, script))
            if asset.component == component
            else asset
            for asset in assets.assets
        )
    )


BROKEN = {
    "kube-scheduler": ("echo the bolt broke >&2; exit 3", "the bolt broke"),
    "kube-apiserver": ("echo cannot serve; exit 1", "cannot serve"),
    "kwok": ('exec {real} "$@" --no-such-flag', "no-such-flag"),
    "etcd": ('exec {real} "$@" --no-such-flag', "no-such-flag"),
}


@pytest.mark.parametrize("component", BROKEN)
def test_a_component_that_dies_at_start_is_reported_with_its_last_lines(
    component: str, own_home: Path, assets: AssetSet, tmp_path: Path
) -> None:
    script, words = BROKEN[component]
    broken = with_fake(assets, component, tmp_path, script.format(real=assets.path(component)))
    with pytest.raises(ClusterError) as error:
        Live(name="broken", assets=broken, run=None)
    assert str(error.value).startswith(component)
    assert words in str(error.value)
    assert error.value.hint
    assert "isn't ready" not in str(error.value), "it wasn't the time-out that ended it"
    assert files_below(own_home) == []


def test_a_failure_of_kwokctl_is_reported_with_its_last_lines(
    own_home: Path, assets: AssetSet, tmp_path: Path
) -> None:
    broken = with_fake(assets, "kwokctl", tmp_path, "echo no such thing; exit 5")
    with pytest.raises(ClusterError, match=r"(?s)kwokctl failed.*exit code 5.*no such thing"):
        Live(name="broken", assets=broken, run=None)
    assert files_below(own_home) == []


def test_a_port_that_is_taken_meanwhile_is_reported(
    own_home: Path,  # noqa: ARG001 - set before any state folder is made
    assets: AssetSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listener = socket.socket()

    def reserve_and_lose() -> Reservation:
        made = reserve()
        listener.bind(("127.0.0.1", made.ports.scheduler))
        listener.listen()
        return made

    monkeypatch.setattr("harness.clusters.local.provider.reserve", reserve_and_lose)
    with listener, pytest.raises(ClusterError, match=r"(?s)kube-scheduler.*address already in use"):
        Live(name="taken", assets=assets, run=None)


def test_a_server_that_boots_slowly_gets_all_its_clients(
    own_home: Path,  # noqa: ARG001 - set before any state folder is made
    assets: AssetSet,
    tmp_path: Path,
) -> None:
    """controller-manager gives up after 10 s without a server, unless it's held or started anew."""
    real = assets.path("kube-apiserver")
    slow = with_fake(assets, "kube-apiserver", tmp_path, f'sleep 12; exec {real} "$@"')
    made = Live(name="slow", assets=slow, run=None)
    try:
        parts = components_of(paths_of(made.cluster).work).values()
        assert {part.name for part in parts} >= set(BINARIES)
        assert [part.name for part in parts if not part.is_running()] == []
        assert [part.name for part in parts if not part.is_serving()] == []
    finally:
        made.close()


@pytest.mark.parametrize("client", ["kube-controller-manager", "kube-scheduler", "kwok"])
def test_a_client_that_gave_up_waiting_for_the_server_is_started_anew(
    client: str,
    own_home: Path,  # noqa: ARG001 - set before any state folder is made
    assets: AssetSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readiness, "_PATIENCE_S", 0.0)
    ended, real = tmp_path / "ended", assets.path(client)
    once = f'if [ ! -e {ended} ]; then touch {ended}; exit 1; fi; exec {real} "$@"'
    made = Live(name="impatient", assets=with_fake(assets, client, tmp_path, once), run=None)
    try:
        assert ended.exists()
        parts = components_of(paths_of(made.cluster).work).values()
        assert [part.name for part in parts if not part.is_running()] == []
    finally:
        made.close()
