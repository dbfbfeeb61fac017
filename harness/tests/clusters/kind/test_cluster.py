"""Our `KindCluster`: used as pytest-kind's is, without its folder, downloads and endless calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_kind import KindCluster

from harness.clusters.kind.calls import Calls
from harness.clusters.kind.cluster import HarnessKindCluster
from harness.errors import ClusterError, CommandError
from harness.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.tests.clusters.kind.conftest import RecordedDocker

NAME = "harness-1a2b3c4d"


class Bench:
    """A cluster whose kind and kubectl are scripts."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        self.folder = folder
        self.guard = guard
        self.calls = Calls(NAME, state=folder, guard=guard)
        self.cluster = HarnessKindCluster(
            self.calls,
            kind_path=folder / "kind",
            kubectl_path=folder / "kubectl",
            kubeconfig=folder / "kubeconfig",
            kind_kubeconfig=folder / "kind.kubeconfig",
        )

    def program(self, name: str, script: str) -> None:
        program = self.folder / name
        program.write_text(f'#!/bin/bash\necho "$*" >> {self.folder}/{name}.asked\n{script}\n')
        program.chmod(0o755)

    def asked(self, name: str) -> list[str]:
        return (self.folder / f"{name}.asked").read_text().splitlines()


@pytest.fixture
def bench(docker: RecordedDocker, tmp_path: Path) -> Iterator[Bench]:  # noqa: ARG001 - on PATH
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    with Guard.start(state_dir=state, evidence=None) as guard:
        yield Bench(state, guard)


def test_it_is_pytest_kinds_and_makes_no_folder_where_the_caller_stands(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(Bench(bench.folder, bench.guard).cluster, KindCluster)
    bench.program("kubectl", "true")
    bench.cluster.ensure_kind()
    bench.cluster.kubectl("get", "nodes")
    assert not (tmp_path / ".pytest-kind").exists()


def test_creating_passes_on_what_kind_prints(bench: Bench) -> None:
    bench.program("kind", "echo one; echo two >&2; printf three")
    told: list[str] = []
    bench.cluster.create(bench.folder / "kind.yaml", on_line=told.append)
    assert told == ["one", "two"]
    (asked,) = bench.asked("kind")
    assert asked.startswith(f"create cluster --name={NAME} --kubeconfig={bench.folder}/kind.kube")
    assert "--retain" in asked, "logs are saved before the nodes are removed"
    assert f"--config={bench.folder}/kind.yaml" in asked


def test_a_kind_that_fails_is_told_by_its_cause(bench: Bench) -> None:
    bench.program("kind", "echo 'ERROR: failed to pull image \"x\"'; exit 1")
    with pytest.raises(ClusterError, match="isn't here and can't be pulled"):
        bench.cluster.create()


def test_a_kind_that_takes_too_long_is_stopped(bench: Bench) -> None:
    bench.program("kind", "echo ' * Preparing nodes'; exec sleep 600")
    with pytest.raises(ClusterError, match=r"(?s)Preparing nodes.*took longer than 0\.5 s"):
        bench.cluster.create(timeout=0.5)
    assert not bench.guard.status("kind create cluster").running


def test_kubectl_has_the_clusters_kubeconfig_and_a_time_out(bench: Bench) -> None:
    bench.program("kubectl", 'echo "$KUBECONFIG"; [ "$1" != wait ] || exec sleep 600')
    assert bench.cluster.kubectl("get", "pods") == str(bench.folder / "kubeconfig")
    with pytest.raises(CommandError, match=r"took longer than 0\.3 s"):
        bench.cluster.kubectl("wait", timeout=0.3)


def test_deleting_is_by_kind_and_then_for_certain(bench: Bench, docker: RecordedDocker) -> None:
    bench.program("kind", "exit 1")
    docker.answer("ps --all", "a-node\n", once=True)
    bench.cluster.delete()
    assert bench.asked("kind")[0].startswith(f"delete cluster --name={NAME}")
    assert "rm --force --volumes a-node" in docker.asked
    assert docker.asked[-1] == f"network rm {NAME}"


def test_images_are_loaded_by_kind(bench: Bench) -> None:
    bench.program("kind", '[ "$3" != broken ] || { echo "no space left on device"; exit 1; }')
    bench.cluster.load_docker_image("mine:1")
    bench.cluster.load_archive(bench.folder / "mine.tar")
    assert bench.asked("kind") == [
        f"load docker-image --name={NAME} mine:1",
        f"load image-archive --name={NAME} {bench.folder}/mine.tar",
    ]
    bench.program("kind", "echo 'no space left on device'; exit 1")
    with pytest.raises(ClusterError, match="The disk is full"):
        bench.cluster.load_docker_image("mine:1")


def test_a_port_is_forwarded_while_the_context_lasts(bench: Bench) -> None:
    bench.program("kubectl", "echo 'Forwarding from 127.0.0.1:41234 -> 8080'; exec sleep 600")
    with bench.cluster.port_forward("service/web", 80, "-n", "x") as port:
        assert port == 41234
        assert bench.asked("kubectl") == ["port-forward --address=127.0.0.1 service/web :80 -n x"]
        assert bench.guard.status("port-forward 1").running
    assert not bench.guard.status("port-forward 1").running


def test_a_port_that_cannot_be_forwarded_is_an_error_that_says_why(bench: Bench) -> None:
    bench.program("kubectl", "echo 'error: unable to forward port: pod is not running' >&2; exit 1")
    with (
        pytest.raises(ClusterError, match="pod is not running"),
        bench.cluster.port_forward("pod/web", 80),
    ):
        pass
