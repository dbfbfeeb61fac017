"""The smallest roles under which the run would have gone the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.analysis.rbac.authorizer import Authorizer
from harness.analysis.rbac.report import permissions
from harness.analysis.rbac.rows import request_of
from harness.analysis.writes import operator_calls
from harness.model.access import AccessSnapshot, PolicyRule
from harness.tests.analysis.rbac.access import NAMESPACE, bound, record, rule, together
from harness.tests.analysis.recording import OPERATOR, Recording

if TYPE_CHECKING:
    from pathlib import Path

WIDE = bound(
    rule("get list watch create update patch delete", "configmaps secrets"),
    rule("create", "events"),
    rule("get update", "leases", "coordination.k8s.io"),
)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    made = Recording(tmp_path)
    made.call(1, "watch", "configmaps", namespace="")
    made.call(2, "create", "configmaps", "x", namespace="t1", code=201)
    made.call(3, "update", "leases.coordination.k8s.io", "lock", namespace=NAMESPACE)
    return made


def roles(recording: Recording, access: AccessSnapshot) -> list[dict[str, Any]]:
    record(recording, access)
    report = permissions(recording.evidence)
    assert report is not None
    found = [body for body in yaml.safe_load_all(report.minimal) if body]
    return [body for body in found if not body["kind"].endswith("Binding")]


def test_it_holds_what_was_used_and_whole_bundles_of_reads(recording: Recording) -> None:
    cluster_wide = roles(recording, WIDE)[0]
    assert cluster_wide["kind"] == "ClusterRole"
    assert cluster_wide["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "verbs": ["get", "list", "watch", "create"],
        }
    ]


def test_what_was_used_in_the_operators_own_namespace_alone_becomes_a_role_by_name(
    recording: Recording,
) -> None:
    own = roles(recording, WIDE)[1]
    assert (own["kind"], own["metadata"]["namespace"]) == ("Role", NAMESPACE)
    (only,) = own["rules"]
    assert only == {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": ["lock"],
        "verbs": ["update"],
    }


def test_what_was_left_out_is_listed_in_the_file(recording: Recording) -> None:
    record(recording, WIDE)
    report = permissions(recording.evidence)
    assert report is not None
    assert "# ClusterRole manager-role, rule 0: delete configmaps" in report.minimal
    assert "create events (needed only when" in report.minimal


def test_markers_say_the_same(recording: Recording) -> None:
    record(recording, WIDE)
    report = permissions(recording.evidence)
    assert report is not None
    assert report.markers == (
        '// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch;create',
        "// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,resourceNames=lock,"
        f"verbs=update,namespace={NAMESPACE}",
    )


def test_it_allows_every_request_that_was_allowed(recording: Recording) -> None:
    found = roles(recording, WIDE)
    minimal = together(
        *(
            bound(
                *(
                    PolicyRule(
                        verbs=tuple(item["verbs"]),
                        api_groups=tuple(item["apiGroups"]),
                        resources=tuple(item["resources"]),
                        resource_names=tuple(item.get("resourceNames", ())),
                    )
                    for item in role["rules"]
                ),
                namespace=role["metadata"].get("namespace", ""),
            )
            for role in found
        )
    )
    authorizer = Authorizer(minimal)
    asked = [request_of(call) for call in operator_calls(recording.evidence)[1:]]
    assert len(asked) == 3
    assert all(authorizer.decide(OPERATOR, request) for request in asked)


def test_without_audit_evidence_there_is_none(recording: Recording) -> None:
    recording.run.audit_log.unlink()
    record(recording, WIDE)
    report = permissions(recording.evidence)
    assert report is not None
    assert (report.minimal, report.markers) == ("", ())
    assert report.gap
