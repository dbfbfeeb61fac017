"""Which clusters are up, kept or left over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from harness.clusters import is_kept, new_state_dir, provider, read_clusters, remember, sweep
from harness.errors import ClusterError, UsageError
from harness.guard import Guard
from harness.guard.descent import ProcessId
from harness.guard.leftovers import write_private
from harness.model.cluster import Cluster
from harness.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "harness" / "clusters"


def described(state: Path) -> Cluster:
    return Cluster(
        id=state.name,
        provider="local",
        name="mine",
        kubeconfig=str(state / "kubeconfig"),
        server="https://127.0.0.1:1",
        ca_file="",
        server_version="v1.34.4",
        state_dir=str(state),
        capabilities=(),
    )


def abandon(state: Path) -> None:
    dead = ProcessId(pid=1, start_ticks=-1, boot="another boot", namespace=0)
    write_private(state / "owner.json", msgspec.json.encode(dead))


def test_a_cluster_is_up_while_its_guard_runs(home: Path) -> None:
    state = new_state_dir()
    assert state.parent == home
    remember(described(state), state)
    assert read_clusters() == ()
    with Guard.start(state_dir=state, evidence=None):
        (found,) = read_clusters()
        assert found.name == "mine"
        assert not is_kept(found), "we made it and still run"
        abandon(state)
        assert is_kept(found)
        assert sweep() == [], "its guard runs"
    assert read_clusters() == ()


def test_sweeping_removes_what_nobody_guards(home: Path) -> None:
    mine, left = new_state_dir(), new_state_dir()
    abandon(left)
    assert sweep() == [f"Removed what a killed run left: {left.name}, 0 processes ended."]
    assert list(home.iterdir()) == [mine]


def test_sweeping_where_nothing_ever_was_is_fine(home: Path) -> None:
    assert sweep() == []
    assert not home.exists()


def test_a_folder_that_cannot_be_made_is_an_error_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "harness").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(ClusterError) as error:
        new_state_dir()
    assert "XDG_STATE_HOME" in error.value.hint


def test_an_unknown_provider_is_a_usage_error_that_lists_them() -> None:
    with pytest.raises(UsageError, match="'lokal'") as error:
        provider(Settings(cluster="lokal"))
    assert "local" in error.value.hint
