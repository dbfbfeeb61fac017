"""The audit log as it is read: every request once, whatever happened to the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.clock import SYSTEM_CLOCK
from harness.evidence.audit import AuditReader, audit_files, final_calls, read_audit
from harness.evidence.folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

SA = "system:serviceaccount:ns:operator"


def line(audit_id: str = "1", stage: str = "ResponseComplete", **more: Any) -> bytes:
    """An audit event as kube-apiserver writes it."""
    event = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": audit_id,
        "stage": stage,
        "requestURI": "/apis/apps/v1/namespaces/ns/deployments/d/status?fieldManager=m",
        "verb": "patch",
        "user": {"username": SA, "groups": ["system:authenticated"], "extra": {"k": ["v"]}},
        "sourceIPs": ["127.0.0.1"],
        "userAgent": "manager/v0",
        "objectRef": {
            "resource": "deployments",
            "subresource": "status",
            "namespace": "ns",
            "name": "d",
            "apiGroup": "apps",
            "apiVersion": "v1",
        },
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": "2026-01-02T03:04:05.000001Z",
        "stageTimestamp": "2026-01-02T03:04:05.000250Z",
        "annotations": {
            "authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": 'RBAC: allowed by RoleBinding "b"',
        },
    }
    return json.dumps({**event, **more}).encode() + b"\n"


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(lines))
    return path


def test_a_line_becomes_a_call_with_exact_times(tmp_path: Path) -> None:
    (call,) = read_audit([write(tmp_path / "audit.log", line())])
    assert (call.user, call.verb, call.code) == (SA, "patch", 200)
    assert (call.resource, call.subresource) == ("deployments.apps", "status")
    assert (call.namespace, call.name) == ("ns", "d")
    assert (call.decision, call.reason) == ("allow", 'RBAC: allowed by RoleBinding "b"')
    assert call.received_ns == 1767323045_000001000
    assert call.done_ns - call.received_ns == 249_000
    assert (call.file, call.line) == ("audit.log", 1)
    assert call.user_agent == "manager/v0"
    assert not call.dry_run


def test_a_resource_of_the_core_group_has_no_group_in_its_key(tmp_path: Path) -> None:
    (call,) = read_audit([write(tmp_path / "a", line(objectRef={"resource": "pods"}))])
    assert (call.resource, call.name) == ("pods", "")


def test_a_request_for_no_resource_has_an_empty_key(tmp_path: Path) -> None:
    event = json.loads(line(requestURI="/healthz"))
    del event["objectRef"], event["annotations"], event["responseStatus"]
    (call,) = read_audit([write(tmp_path / "a", json.dumps(event).encode() + b"\n")])
    assert (call.resource, call.uri, call.decision, call.code) == ("", "/healthz", "", 0)


def test_an_impersonated_request_belongs_to_the_impersonated_user(tmp_path: Path) -> None:
    (call,) = read_audit(
        [write(tmp_path / "a", line(user={"username": "h"}, impersonatedUser={"username": SA}))]
    )
    assert (call.user, call.impersonator) == (SA, "h")


def test_a_dry_run_is_seen_in_the_uri(tmp_path: Path) -> None:
    (call,) = read_audit([write(tmp_path / "a", line(requestURI="/api/v1/pods?dryRun=All&x=1"))])
    assert call.dry_run


def test_lines_that_are_no_events_and_a_torn_end_are_counted_and_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a", line("1"), b"noise\n", b"\n", b'{"kind":"x"}\n', line("2"))
    with path.open("ab") as file:
        file.write(line("3")[:50])
    reader = AuditReader([path, tmp_path / "missing"])
    assert [(call.audit_id, call.line) for call in reader] == [("1", 1), ("2", 5)]
    assert (reader.unreadable, reader.torn) == (2, 1)


def test_rotated_files_come_first_in_the_order_of_their_times(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, suite="s", target="t", now=SYSTEM_CLOCK.now())
    write(run.audit_log, line("3"))
    write(run.evidence / "audit-2026-01-02T03-05-00.000.log", line("2"))
    write(run.evidence / "audit-2026-01-02T03-04-00.000.log", line("1"))
    assert [call.audit_id for call in read_audit(audit_files(run))] == ["1", "2", "3"]


def calls(tmp_path: Path, *lines: bytes) -> list[tuple[str, str, int]]:
    found = final_calls(read_audit([write(tmp_path / "audit.log", *lines)]))
    return [(call.audit_id, call.stage, call.code) for call in found]


def test_a_request_counts_once_at_its_end(tmp_path: Path) -> None:
    assert calls(
        tmp_path,
        line("1", "RequestReceived"),
        line("2", "RequestReceived"),
        line("1", "ResponseStarted"),
        line("1", "ResponseComplete"),
        line("2", "Panic", responseStatus={"code": 500}),
    ) == [("1", "ResponseComplete", 200), ("2", "Panic", 500)]


def test_an_open_watch_counts_with_no_status_yet(tmp_path: Path) -> None:
    undecided = line("1", "RequestReceived", annotations={})
    assert calls(tmp_path, undecided, line("1", "ResponseStarted"), line("2")) == [
        ("2", "ResponseComplete", 200),
        ("1", "ResponseStarted", 0),
    ]


def test_repeated_lines_and_lines_out_of_order_count_once(tmp_path: Path) -> None:
    assert calls(tmp_path, line("1"), line("1"), line("1", "ResponseStarted"), line("2")) == [
        ("1", "ResponseComplete", 200),
        ("2", "ResponseComplete", 200),
    ]


def test_repeated_words_are_held_in_memory_once(tmp_path: Path) -> None:
    first, second = read_audit([write(tmp_path / "a", line("1"), line("2"))])
    assert first.user is second.user
    assert first.resource is second.resource
    assert first.reason is second.reason
