"""Asking an engine, and removing a cluster from it for certain."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from harness.clock import FakeClock
from harness.clusters.kind import preflight
from harness.clusters.kind.calls import Calls, docker_program, environment_of
from harness.clusters.kind.engine import Info, ask_info, nodes_of, remove
from harness.clusters.kind.leftovers import remove_leftovers
from harness.clusters.kind.preflight import check_host, inotify_shortage
from harness.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tests.clusters.kind.conftest import RecordedDocker

NAME = "harness-1a2b3c4d"
NODE = f"{NAME}-control-plane"
NO_NETWORK = f"Error: No such network: {NAME}"


def test_a_machine_without_docker_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ClusterError, match="no `docker` on PATH") as error:
        docker_program()
    assert "--cluster local" in error.value.hint


def test_an_engine_says_how_it_is(docker: RecordedDocker, calls: Calls) -> None:
    docker.answer("info", json.dumps({"ServerVersion": "28.1.1", "CgroupVersion": "2"}))
    assert ask_info(calls) == Info(server="28.1.1", cgroup="2")


@pytest.mark.parametrize(
    "said",
    [
        json.dumps({"ServerErrors": ["Cannot connect to the Docker daemon at unix:///x."]}),
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
        '{"ID":"","Containers":0}\nCannot connect to the Docker daemon at unix:///x.',
    ],
)
def test_an_engine_that_is_not_running_is_told_so(
    docker: RecordedDocker, calls: Calls, said: str
) -> None:
    docker.answer("info", said, code=1)
    with pytest.raises(ClusterError, match="No Docker engine answers") as error:
        ask_info(calls)
    assert "Cannot connect" in str(error.value)
    assert "{" not in str(error.value), "a record of nothing helps nobody"


def test_an_old_engine_is_refused() -> None:
    check_host(Info(server="20.10.24+dfsg1"))
    with pytest.raises(ClusterError, match=r"19\.3\.1.*20\.10"):
        check_host(Info(server="19.3.1"))


def test_a_full_disk_and_too_little_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(preflight, "_DISK_GIB", 1e9)
    with pytest.raises(ClusterError, match=f"GiB are free below {tmp_path}"):
        check_host(Info(server="28.0.0", root=str(tmp_path)))
    monkeypatch.setattr(preflight, "_MEMORY_GIB", 1e9)
    with pytest.raises(ClusterError, match="GiB of memory"):
        check_host(Info(server="28.0.0", memory=1 << 34))


def test_a_low_limit_of_inotify_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_INOTIFY", tmp_path)
    assert inotify_shortage() == ""
    (tmp_path / "max_user_instances").write_text("64\n")
    assert "fs.inotify.max_user_instances is 64" in inotify_shortage()


def test_a_cluster_is_removed_with_its_volumes_and_its_network(
    docker: RecordedDocker, calls: Calls
) -> None:
    docker.answer("ps --all", f"{NODE}\n", once=True)
    remove(calls, NAME)
    assert docker.asked[1:] == [
        f"rm --force --volumes {NODE}",
        f"ps --all --filter label=io.x-k8s.kind.cluster={NAME} --format {{{{.Names}}}}",
        f"network rm {NAME}",
    ]


def test_a_node_that_comes_up_meanwhile_is_removed_too(
    docker: RecordedDocker, calls: Calls
) -> None:
    docker.answer("ps --all", "", once=True)
    docker.answer("ps --all", f"{NODE}\n", once=True)
    docker.answer("network rm", NO_NETWORK, code=1)
    remove(calls, NAME, settle_s=0.4, clock=FakeClock())
    assert f"rm --force --volumes {NODE}" in docker.asked


def test_a_node_that_stays_is_named_with_what_to_do(docker: RecordedDocker, calls: Calls) -> None:
    docker.answer("ps --all", f"{NODE}\n")
    with pytest.raises(ClusterError, match=f"can't be removed: {NODE}") as error:
        remove(calls, NAME, timeout=0.1)
    assert "docker rm --force" in error.value.hint


def test_listing_nodes_of_an_engine_that_is_gone_is_an_error(
    docker: RecordedDocker, calls: Calls
) -> None:
    docker.answer("ps", "error during connect: x", code=1)
    with pytest.raises(ClusterError, match="No Docker engine answers"):
        nodes_of(calls, NAME)


@pytest.mark.parametrize("alive", [False, True])
def test_only_nodes_whose_cluster_is_gone_are_leftovers(
    docker: RecordedDocker,
    tmp_path: Path,
    alive: bool,  # noqa: FBT001 - a case
) -> None:
    state = tmp_path / "1a2b3c4d"
    if alive:
        state.mkdir()  # it's being made: nobody is written down as its owner yet
    mounts = [{"Source": str(state / "policy"), "Destination": "/harness/policy"}]
    docker.answer("--format {{.Names}} {{.Label", f"{NODE} {NAME}\nkind-control-plane kind\n")
    docker.answer(f"{{{{json .Mounts}}}} {NODE}", json.dumps(mounts))
    docker.answer("{{json .Mounts}} kind-control-plane", "[]")
    docker.answer(f"label=io.x-k8s.kind.cluster={NAME}", f"{NODE}\n", once=True)
    told = remove_leftovers()
    assert (f"rm --force --volumes {NODE}" in docker.asked) is not alive
    assert (NAME in " ".join(told)) is not alive
    assert not any(asked.startswith("rm") and "kind-" in asked for asked in docker.asked)


def test_networks_without_a_cluster_are_leftovers_unless_they_are_new(
    docker: RecordedDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "harness" / "clusters" / "aaaaaaaa").mkdir(parents=True)  # being made
    old = "2020-01-31 23:59:59.123 +0000 UTC"
    new = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} +0000 UTC"
    docker.answer(
        "network ls",
        f"harness-1a2b3c4d {old}\nharness-bbbbbbbb {new}\nharness-aaaaaaaa {old}\n"
        f"harness-mine {old}\nkind {old}\n",
    )
    told = remove_leftovers()
    assert [asked for asked in docker.asked if asked.startswith("network rm")] == [
        "network rm harness-1a2b3c4d"
    ]
    assert told == ["Removed the network harness-1a2b3c4d that a killed run left."]


def test_the_users_settings_for_kind_and_clients_are_not_passed_on(
    docker: RecordedDocker,  # noqa: ARG001 - set before
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("KIND_CLUSTER_NAME", "mine")
    monkeypatch.setenv("KUBECONFIG", "/mine")
    env = environment_of(NAME, tmp_path)
    assert "KUBECONFIG" not in env
    assert "KIND_CLUSTER_NAME" not in env
    assert env["KIND_EXPERIMENTAL_DOCKER_NETWORK"] == NAME
    assert env["HARNESS_STATE"] == str(tmp_path)


def test_each_call_is_timed(calls: Calls) -> None:
    calls.engine("network", "ls", timeout=10)
    with pytest.raises(Exception, match="no-such-program"):
        calls.run(["/no-such-program"], timeout=1)
    assert [(record.name, record.outcome) for record in calls.records] == [
        ("docker network ls", "done"),
        ("no-such-program", "failed"),
    ]
    assert all(record.span.seconds >= 0 for record in calls.records)
