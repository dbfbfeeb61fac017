"""Snapshots: what comes back, what goes on, and how they are kept."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.clusters.local.components import components_of
from harness.clusters.local.configuration import CLUSTER_NAME
from harness.errors import ClusterError
from harness.kube.watch import Watch
from harness.tests.clusters.test_local import await_available, deployment

if TYPE_CHECKING:
    from harness.tests.clusters.conftest import Live

pytestmark = pytest.mark.controlplane


def config_map(name: str, value: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": {"value": value},
    }


def test_a_restore_brings_back_what_was_and_life_goes_on(live: Live) -> None:
    maps, deployments = live.client.resource("configmaps"), live.client.resource("deployments.apps")
    live.client.create(maps, config_map("kept", "before"))
    live.client.create(deployments, deployment("old", 1))
    await_available(live, deployments, "old")
    live.provider.snapshot(live.cluster, live.guard, "clean")
    live.client.patch(maps, "kept", {"data": {"value": "after"}}, namespace="default")
    late = live.client.create(maps, config_map("late", "x"))
    begin = SYSTEM_CLOCK.now().mono_ns
    live.provider.restore(live.cluster, live.guard, "clean")
    live.client.create(deployments, deployment("new", 2))
    await_available(live, deployments, "new")
    seconds = (SYSTEM_CLOCK.now().mono_ns - begin) / 1e9
    assert live.client.get(maps, "kept", "default")["data"] == {"value": "before"}
    assert live.client.find(maps, "late", "default") is None
    restored = live.client.list(maps, "default").resource_version
    assert int(restored) > int(late["metadata"]["resourceVersion"])
    live.client.patch(deployments, "old", {"spec": {"replicas": 3}}, namespace="default")
    await_available(live, deployments, "old")
    assert seconds < 120, "6 s on an idle machine"


def test_an_open_watch_learns_of_a_gap_and_lists_anew(live: Live) -> None:
    maps = live.client.resource("configmaps")
    live.provider.snapshot(live.cluster, live.guard, "twice")
    live.client.create(maps, config_map("undone", "x"))
    watch = Watch(live.client.connection, maps, namespace="default")
    events = watch.events(deadline=Deadline(60))
    names = []
    for event in events:
        if event.type == "BOOKMARK":
            break
        names.append(event.object["metadata"]["name"])
    assert "undone" in names
    for _ in range(2):  # the second restore of one snapshot must not repeat versions either
        live.provider.restore(live.cluster, live.guard, "twice")
        assert next(event for event in events if event.type == "GAP")
        names = []
        for event in events:
            if event.type == "BOOKMARK":
                break
            names.append(event.object["metadata"]["name"])
        assert "undone" not in names
    watch.close()


def test_snapshots_are_private(live: Live) -> None:
    live.provider.snapshot(live.cluster, live.guard, "private")
    folder = live.state_dir / "snapshots"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "private.db").stat().st_mode) == 0o600


def test_a_snapshot_that_is_not_there_is_an_error_and_nothing_stops(live: Live) -> None:
    live.provider.snapshot(live.cluster, live.guard, "there")
    before = pids(live)
    with pytest.raises(ClusterError, match="'absent'") as error:
        live.provider.restore(live.cluster, live.guard, "absent")
    assert "there" in error.value.hint
    assert pids(live) == before


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", "-a"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, live: Live) -> None:
    with pytest.raises(ClusterError, match="can't be named"):
        live.provider.snapshot(live.cluster, live.guard, name)


def test_a_broken_snapshot_leaves_the_cluster_as_it_was(live: Live) -> None:
    maps = live.client.resource("configmaps")
    live.client.create(maps, config_map("survives", "x"))
    live.provider.snapshot(live.cluster, live.guard, "broken")
    file = live.state_dir / "snapshots" / "broken.db"
    file.write_bytes(file.read_bytes()[: 64 << 10] + bytes(1024))
    with pytest.raises(ClusterError, match="Can't restore the snapshot 'broken'"):
        live.provider.restore(live.cluster, live.guard, "broken")
    assert live.client.find(maps, "survives", "default") is not None
    assert not (work(live) / "etcd.restored").exists()


def work(live: Live) -> Path:
    return live.state_dir / "clusters" / CLUSTER_NAME


def pids(live: Live) -> dict[str, int | None]:
    return {name: part.pid() for name, part in components_of(work(live)).items()}
