"""Recorder, barriers and audit log against a real API server."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

import pytest

from harness.evidence.audit import AuditReader, final_calls
from harness.evidence.columns import read_columns
from harness.evidence.ndjson import read_ndjson
from harness.model.records import ApiCall, GapRecord, TimelineEvent
from harness.model.resource import ObjectKey
from harness.probes.barrier import audit_barrier, timeline_barrier
from harness.probes.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.evidence.folder import RunFolder
    from harness.kube.client import KubeClient
    from harness.tests.kube.control_plane import ControlPlane

pytestmark = pytest.mark.controlplane

CANARY = "canary-7d1f"


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[KubeClient]:
    client = control_plane.client()
    yield client
    client.connection.close()


def named(kind: str, name: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


def key(obj: dict[str, Any]) -> ObjectKey:
    metadata = obj["metadata"]
    return ObjectKey(
        resource=f"{obj['kind'].lower()}s",
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
    )


def test_a_window_holds_all_that_happened_in_it(
    run: RunFolder, control_plane: ControlPlane, client: KubeClient
) -> None:
    configmaps, secrets = client.resource("configmaps"), client.resource("secrets")
    recorder = Recorder(
        run=run,
        connection=client.connection,
        resources=[configmaps, secrets],
        processes=lambda: {"self": os.getpid()},
    )
    recorder.start()
    secret = client.apply(named("Secret", "s", stringData={"k": CANARY}))
    for turn in range(20):
        settings = client.apply(named("ConfigMap", "c", data={"turn": str(turn)}))
    gone = client.apply(named("ConfigMap", "gone"))
    client.delete(configmaps, "gone", "default")
    timeline_barrier(client, run, map(key, (secret, settings, gone)), timeout=10)
    audit_barrier(client.connection, control_plane.audit_log, timeout=10)
    calls = list(AuditReader([control_plane.audit_log]))
    recorder.stop()

    events = list(read_ndjson(run.timeline / "configmaps.ndjson", TimelineEvent))
    ours = [event for event in events if event.key == key(settings)]
    assert [event.object["data"]["turn"] for event in ours] == [str(turn) for turn in range(20)]
    assert ours[0].managers == ("operator-harness/Apply",)
    assert [event.type for event in events if event.key == key(gone)] == ["ADDED", "DELETED"]
    stamps = [event.stamp.mono_ns for event in events]
    assert stamps == sorted(stamps)
    assert len(read_columns(run.samples / "process-self.i64")) >= 1
    assert list(read_ndjson(run.evidence / "probes.ndjson", GapRecord)) == []

    for path in run.path.rglob("*"):
        text = path.read_bytes() if path.is_file() else b""
        assert CANARY.encode() not in text, path
        assert base64.b64encode(CANARY.encode()) not in text, path
    _holds_our_requests(calls)


def _holds_our_requests(calls: list[ApiCall]) -> None:
    ours = [call for call in final_calls(calls) if call.user == "admin"]
    applied = [call for call in ours if call.verb == "patch" and call.name == "c"]
    assert len(applied) == 20
    assert [call.code for call in applied] == [201] + [200] * 19
    assert {(call.resource, call.namespace, call.decision) for call in applied} == {
        ("configmaps", "default", "allow")
    }
    assert all(call.user_agent.startswith("operator-harness/") for call in applied)
    assert all(0 < call.done_ns - call.received_ns < 60_000_000_000 for call in applied)
    watches = [call for call in ours if call.verb == "watch" and call.resource == "secrets"]
    assert [(call.stage, call.code, call.decision) for call in watches] == [
        ("ResponseStarted", 0, "allow")
    ]


def test_a_dry_run_is_told_from_a_write(control_plane: ControlPlane, client: KubeClient) -> None:
    client.apply(named("ConfigMap", "dry"), dry_run=True)
    audit_barrier(client.connection, control_plane.audit_log, timeout=10)
    (call,) = (
        call
        for call in final_calls(AuditReader([control_plane.audit_log]))
        if call.name == "dry" and call.user == "admin"
    )
    assert call.dry_run
