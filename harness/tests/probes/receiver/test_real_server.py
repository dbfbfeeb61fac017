"""The receiver as a process beside a real API server."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness import command
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.evidence.columns import read_columns
from harness.model.load import EventType, uid_hash
from harness.model.target import Readiness
from harness.probes.receiver.plan import ReceiverPlan, ReceiverState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.kube.client import KubeClient
    from harness.tests.kube.control_plane import ControlPlane

pytestmark = pytest.mark.controlplane

NAME = "load-2af3-0000007"


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[KubeClient]:
    client = control_plane.client()
    yield client
    client.connection.close()


def deployment(replicas: int) -> dict[str, Any]:
    labels = {"app": "a"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": NAME, "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def await_true(holds: Any, what: str) -> None:
    deadline = Deadline(20)
    while not holds():
        assert deadline.remaining > 0, what
        SYSTEM_CLOCK.sleep(0.01)


def test_each_generation_is_seen_with_its_status(
    control_plane: ControlPlane, client: KubeClient, tmp_path: Path
) -> None:
    deployments = client.resource("deployments.apps")
    state, events = tmp_path / "state.json", tmp_path / "load" / "events.i64"
    theirs, ours = os.pipe()
    plan = ReceiverPlan(
        kubeconfig=str(control_plane.kubeconfig),
        resource=deployments,
        ready=Readiness(condition="Available"),
        name_prefix="load-2af3-",
        folder=str(tmp_path / "load"),
        state=str(state),
        lifeline=theirs,
    )
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(plan))
    process = command.spawn(
        (sys.executable, "-P", "-m", "harness.probes.receiver", str(tmp_path / "plan.json")),
        env=command.environment({"PYTHONPATH": os.pathsep.join(sys.path)}),
        pass_fds=(theirs,),
    )
    os.close(theirs)
    await_true(state.exists, "the receiver has no first list")
    told = msgspec.json.decode(state.read_bytes(), type=ReceiverState)
    assert (told.pid, told.error) == (process.pid, "")

    made = client.apply(deployment(1))
    client.apply(deployment(2))
    before = SYSTEM_CLOCK.now().mono_ns
    condition = {"type": "Available", "status": "True"}
    body = {"status": {"observedGeneration": 2, "conditions": [condition]}}
    answer = client.raw(
        "PATCH",
        deployments.path("default", NAME, "status"),
        query={"fieldManager": "operator"},
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert answer.status == 200, answer.body
    client.delete(deployments, NAME, "default")
    last = EventType.DELETED
    await_true(lambda: last in list(read_columns(events)["type"]), "the deletion isn't seen")
    os.close(ours)
    assert process.wait(10) == 0

    columns = read_columns(events)
    rows = [dict(zip(columns.names, row, strict=True)) for row in columns.rows]
    assert rows[0]["type"] == EventType.BOOKMARK
    uid = uid_hash(made["metadata"]["uid"])
    seen = [row for row in rows if row["type"] != EventType.BOOKMARK]
    assert {(row["object"], row["uid"]) for row in seen} == {(7, uid)}
    shown = [
        (row["type"], row["generation"], row["observed"], row["done"], row["writer"])
        for row in seen
    ]
    assert shown == [
        (EventType.ADDED, 1, -1, 0, 0),
        (EventType.MODIFIED, 2, -1, 0, 0),
        (EventType.MODIFIED, 2, 2, 1, 1),
        (EventType.DELETED, 2, 2, 0, 0),
    ]
    assert seen[2]["received_ns"] > before
