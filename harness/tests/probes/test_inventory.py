"""Inventories of a real API server, and timelines that keep what isn't ours to themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.clock import SYSTEM_CLOCK
from harness.evidence.ndjson import read_ndjson
from harness.model.records import TimelineEvent
from harness.probes.inventory import take_inventory
from harness.probes.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.evidence.folder import RunFolder
    from harness.kube.client import KubeClient
    from harness.tests.kube.control_plane import ControlPlane

pytestmark = pytest.mark.controlplane


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[KubeClient]:
    client = control_plane.client()
    yield client
    client.connection.close()


def configmap(name: str, namespace: str = "default", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": {"app": "x"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **more}


def test_it_holds_objects_of_every_scope_and_no_events(client: KubeClient) -> None:
    taken = take_inventory(client, "before", clock=SYSTEM_CLOCK)
    resources = {entry.key.resource for entry in taken.entries}
    assert {"namespaces", "clusterroles.rbac.authorization.k8s.io"} <= resources
    assert not resources & {"events", "events.events.k8s.io", "endpoints"}
    assert all(entry.key.uid for entry in taken.entries)
    assert taken.unlisted == {}


def test_more_is_told_of_what_is_new(client: KubeClient) -> None:
    before = take_inventory(client, "before", clock=SYSTEM_CLOCK)
    made = client.create(client.resource("configmaps"), configmap("new"))
    after = take_inventory(client, "after", clock=SYSTEM_CLOCK, before=before)
    known = {entry.key.uid for entry in before.entries}
    (new,) = [
        entry
        for entry in after.entries
        if entry.key.uid not in known and entry.key.resource == "configmaps"
    ]
    assert new.key.uid == made["metadata"]["uid"]
    assert new.labels == {"app": "x"}
    assert new.managers == ("operator-harness",)
    assert new.created == made["metadata"]["creationTimestamp"]
    assert all(not entry.managers for entry in before.entries)


def test_of_objects_in_other_namespaces_only_the_identity_is_recorded(
    run: RunFolder, client: KubeClient
) -> None:
    configmaps = client.resource("configmaps")
    client.create(configmaps, configmap("theirs", "kube-public", data={"a": "their-own-data"}))
    client.create(configmaps, configmap("ours", "default", data={"a": "our-own-data"}))
    recorder = Recorder(
        run=run,
        connection=client.connection,
        resources=[configmaps],
        processes=dict,
        ours=lambda namespace: namespace == "default",
    )
    recorder.start()
    recorder.stop()
    file = run.timeline / "configmaps.ndjson"
    found = {event.key.name: event.object for event in read_ndjson(file, TimelineEvent)}
    assert found["ours"]["data"] == {"a": "our-own-data"}
    assert set(found["theirs"]) == {"apiVersion", "kind", "metadata"}
    assert "labels" not in found["theirs"]["metadata"]
    assert found["theirs"]["metadata"]["uid"]
    assert "their-own-data" not in file.read_text()
