"""`harness cluster` with kind, as a person uses it; a cluster that is used again by its name."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.clusters import read_clusters
from harness.command import run
from harness.model.cluster import Capability
from harness.settings import Settings
from harness.tests.clusters.conftest import new_run
from harness.tests.clusters.kind.real import KindLive, engine_has

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.command import Completed

pytestmark = pytest.mark.kind

SUITE = """
def test_nodes(harness_kind_cluster):
    assert " Ready " in harness_kind_cluster.kubectl("get", "nodes")
    assert harness_kind_cluster.name == {name!r}
"""


class Shell:
    """Runs programs as a person does, with a state folder of their own."""

    def __init__(self, home: Path) -> None:
        self.env = {**os.environ, "XDG_STATE_HOME": str(home)}

    def __call__(self, *words: str) -> Completed:
        argv = (sys.executable, "-m", "harness", *words)
        return run(argv, timeout=500, env=self.env, check=False)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell in which a kind cluster "pods" is up."""
    home = tmp_path_factory.mktemp("home")
    made = Shell(home)
    up = made("cluster", "up", "--provider", "kind", "--name", "pods")
    assert up.exit_code == 0, up.output
    assert f"export KUBECONFIG={home}" in up.output
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(home))
        (kept,) = read_clusters()
        kind_name = f"harness-{kept.id}"
        assert engine_has(kind_name)
        yield made
        down = made("cluster", "down", "--all")
    assert down.exit_code == 0, down.output
    assert "pods is down" in down.output
    assert engine_has(kind_name) == []
    assert [path for path in home.rglob("*") if not path.is_dir()] == []


def test_it_is_listed_and_reached(shell: Shell) -> None:
    listed = shell("cluster", "list").output
    assert "kind" in listed.splitlines()[1].split()
    nodes = shell("kubectl", "--cluster", "pods", "get", "nodes").output
    assert "control-plane" in nodes


def test_logs_of_its_components_are_shown(shell: Shell) -> None:
    listed = shell("logs").output
    assert all(f"{part:24} running" in listed for part in ("etcd", "kube-apiserver", "kubelet")), (
        listed
    )
    assert shell("logs", "kube-apiserver", "--lines", "3").output.strip()
    assert shell("logs", "kubelet", "--lines", "3").output.strip()
    assert shell("logs", "kube-proxi").exit_code == 3


def test_a_run_uses_it_by_name_and_leaves_it_up(shell: Shell, tmp_path: Path) -> None:
    folder = new_run(tmp_path)
    settings = Settings(cluster="kind", kind_cluster="pods")
    used = KindLive(name="again", run=folder, settings=settings)
    assert Capability.AUDIT in used.cluster.capabilities
    assert any("was there before" in fact for fact in used.cluster.facts)
    assert stat.S_IMODE(Path(used.cluster.kubeconfig).stat().st_mode) == 0o600
    used.client.raw("GET", "/api/v1/namespaces?mark=mine")
    written = [json.loads(line) for line in folder.audit_log.read_bytes().splitlines()]
    mine = [entry for entry in written if "mark=mine" in entry["requestURI"]]
    assert mine[0]["user"]["username"] == "operator-harness"
    state = used.state_dir
    used.close()
    assert not state.exists()
    assert "control-plane" in shell("kubectl", "get", "nodes").output


def test_pytest_users_have_it_as_a_fixture(shell: Shell, tmp_path: Path) -> None:
    (kept,) = read_clusters()
    suite = tmp_path / "test_mine.py"
    suite.write_text(SUITE.format(name=f"harness-{kept.id}"))
    done = run(
        (
            *(sys.executable, "-m", "pytest", "-p", "harness.pytest_plugin.kind"),
            *("-p", "no:cacheprovider", "--cluster-name=pods", "--kubeconfig=copy", "."),
        ),
        timeout=300,
        cwd=tmp_path,
        env=shell.env,
        check=False,
    )
    assert "1 passed" in done.output, done.output
    assert not (tmp_path / ".pytest-kind").exists()
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    assert "control-plane" in shell("kubectl", "get", "nodes").output, "it's up still"


def test_a_second_one_of_its_name_is_refused(shell: Shell) -> None:
    again = shell("cluster", "up", "--provider", "kind", "--name", "pods")
    assert (again.exit_code, "is up already" in again.output) == (4, True)
