"""`harness cluster`, `kubectl` and `logs`, as a person uses them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from harness.cli.cluster import cluster, kubectl, logs
from harness.clusters import read_clusters
from harness.command import run
from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.assets import AssetSet
    from harness.command import Completed


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("command", [cluster, kubectl, logs, *cluster.commands.values()])
def test_each_help_text_shows_an_example(command: object) -> None:
    text = CliRunner().invoke(command, ["--help"]).output  # type: ignore[arg-type] # a union of commands
    assert "harness cluster" in text or "harness kubectl" in text or "harness logs" in text


def test_listing_nothing_says_how_to_start_one(own_home: Path) -> None:  # noqa: ARG001 - set before
    result = CliRunner().invoke(cluster, ["list"])
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "harness cluster up" in result.stderr


@pytest.mark.parametrize("arguments", [["down"], ["down", "x", "--all"], ["down", "x"]])
def test_taking_down_what_is_not_said_or_not_there_is_a_usage_error(
    own_home: Path,  # noqa: ARG001 - set before
    arguments: list[str],
) -> None:
    assert isinstance(CliRunner().invoke(cluster, arguments).exception, UsageError)


def test_kubectl_without_a_cluster_is_a_usage_error(own_home: Path) -> None:  # noqa: ARG001 - set before
    assert isinstance(CliRunner().invoke(kubectl, ["get", "pods"]).exception, UsageError)


class Shell:
    """Runs `harness` as a person does."""

    def __init__(self, home: Path, assets: AssetSet) -> None:
        self.env = {**os.environ, "XDG_STATE_HOME": str(home)}
        for asset in assets.assets:
            name = "TEST_ASSET_" + asset.component.upper().replace("-", "_")
            self.env[name] = str(asset.path)

    def __call__(self, *words: str, script: str = "") -> Completed:
        harness = f"{sys.executable} -m harness"
        argv = ("bash", "-c", script or f"{harness} {' '.join(words)}")
        return run(argv, timeout=120, env=self.env, check=False)

    def evaluate(self, words: str, then: str) -> Completed:
        """Evaluates what a command prints on stdout, then runs something in the same shell."""
        return self(script=f'eval "$({sys.executable} -m harness {words})" && {then}')


@pytest.fixture
def shell(own_home: Path, assets: AssetSet) -> Iterator[Shell]:
    made = Shell(own_home, assets)
    yield made
    made("cluster", "down", "--all")


@pytest.mark.controlplane
def test_a_cluster_stays_until_it_is_taken_down(
    shell: Shell, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = "$KUBEBUILDER_ASSETS/kubectl get nodes -o name && $KUBEBUILDER_ASSETS/etcd --version"
    up = shell.evaluate("cluster up --name mine", then)
    assert up.exit_code == 0, up.output
    assert "node/simulated-node-1" in up.output
    assert "etcd Version" in up.output
    again = shell("cluster", "up", "--name", "mine")
    assert (again.exit_code, "is up already" in again.output) == (4, True)
    listed = shell("cluster", "list").output
    assert "mine" in listed
    assert "kept" in listed
    assert "default" in shell("kubectl", "get", "serviceaccounts").output
    assert "running" in shell("logs").output
    assert '"level"' in shell("logs", "etcd", "--lines", "3").output
    assert shell("kubectl", "get", "nothing").exit_code == 1, "kubectl's own exit code"
    assert shell("cluster", "down", "mine").exit_code == 0
    monkeypatch.setenv("XDG_STATE_HOME", str(own_home))
    assert read_clusters() == ()
    assert [path for path in own_home.rglob("*") if not path.is_dir()] == []
