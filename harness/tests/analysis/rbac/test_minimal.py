"""The smallest roles under which the run would have gone the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.analysis.rbac.authorizer import Authorizer
from harness.analysis.rbac.minimal import smallest_access
from harness.analysis.rbac.report import permissions
from harness.analysis.rbac.rows import request_of
from harness.analysis.writes import operator_calls
from harness.model.access import AccessSnapshot, PolicyRule
from harness.model.target import InstallMode, Scope
from harness.tests.analysis.rbac.access import ACCOUNT, NAMESPACE, bound, record, rule, together
from harness.tests.analysis.recording import BOOK, OPERATOR, Recording

if TYPE_CHECKING:
    from pathlib import Path

API = "rbac.authorization.k8s.io"
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


def test_each_role_has_a_binding_to_its_identity_behind_it(recording: Recording) -> None:
    record(recording, WIDE)
    objects, reason = smallest_access(recording.evidence)
    assert not reason
    assert [body["kind"] for body in objects] == [
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
    ]
    for role, binding in (objects[:2], objects[2:]):
        assert binding["metadata"] == role["metadata"]
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
        ]


def test_admission_and_delegation_are_never_left_out(recording: Recording) -> None:
    handed = [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]
    recording.call(4, "create", f"roles.{API}", "reader", code=201, requestObject={"rules": handed})
    found = roles(
        recording,
        bound(
            rule("*", "guestbooks/finalizers", "example.com"),
            rule("get delete", "pods"),
            rule("create", "roles", API),
        ),
    )
    assert [rule["verbs"] for role in found for rule in role["rules"]] == [
        ["get"],
        ["update"],
        ["create"],
    ]


def test_what_a_wildcard_gives_of_finalizers_is_kept_for_the_targets_kinds(
    recording: Recording,
) -> None:
    (role,) = roles(recording, bound(rule("*", "*", "example.com")))
    kept = {name: item["verbs"] for item in role["rules"] for name in item["resources"]}
    assert kept["guestbooks/finalizers"] == ["update"]


def test_what_the_operator_asks_about_is_kept(recording: Recording) -> None:
    """A SelfSubjectAccessReview: who gets a no, does without."""
    recording.call(
        4,
        "create",
        "selfsubjectaccessreviews.authorization.k8s.io",
        namespace="",
        code=201,
        requestObject={"spec": {"resourceAttributes": {"verb": "list", "resource": "nodes"}}},
    )
    (role,) = roles(recording, bound(rule("list", "nodes"), rule("list", "pods")))
    assert [item["resources"] for item in role["rules"]] == [["nodes"]]


def test_who_tells_events_may_also_patch_them(recording: Recording) -> None:
    recording.call(4, "create", "events", "e", namespace="t1", code=201)
    (role,) = roles(recording, bound(rule("create patch delete", "events")))
    assert role["rules"][0]["verbs"] == ["create", "patch"]


@pytest.mark.parametrize(
    ("resource", "name", "kept"),
    [
        ("leases.coordination.k8s.io", "lock", True),
        ("configmaps", "settings", True),
        ("configmaps", "settings-7xk2p", False),  # a suffix by Kubernetes
        ("configmaps", "settings-0f9a8b7c6d5e", False),  # a hash
        ("configmaps", "sample-config", False),  # named after a custom resource of the run
        ("pods", "manager-0", False),
    ],
)
def test_names_are_listed_only_where_they_stay(
    recording: Recording, resource: str, name: str, *, kept: bool
) -> None:
    recording.phase(0, 9, objects=(BOOK,))
    recording.call(4, "update", resource, name, namespace=NAMESPACE)
    plural, _, group = resource.partition(".")
    found = roles(recording, bound(rule("update", plural, group or "core")))
    names = [
        item.get("resourceNames")
        for role in found
        for item in role["rules"]
        if plural in item["resources"] and "update" in item["verbs"]
    ]
    wanted = sorted({name, "lock"}) if plural == "leases" else [name]
    assert names == [wanted if kept else None]


def test_who_may_list_needs_no_names(recording: Recording) -> None:
    recording.call(4, "get", "secrets", "mine", namespace=NAMESPACE)
    (role,) = roles(recording, bound(rule("get list watch", "secrets")))
    assert "resourceNames" not in role["rules"][0]


def test_there_is_a_role_in_each_namespace_that_the_operator_is_told_to_serve(
    recording: Recording,
) -> None:
    recording.target(scope=Scope(mode=InstallMode.MULTI_NAMESPACE, namespaces=("a", "b", "c")))
    recording.call(4, "list", "secrets", namespace="a")
    recording.call(5, "list", "secrets", namespace="b")
    found = roles(recording, bound(rule("list", "secrets")))
    assert [(role["kind"], role["metadata"]["namespace"]) for role in found] == [
        ("Role", "a"),
        ("Role", "b"),
    ]


def test_what_was_used_elsewhere_unseen_stays_cluster_wide(recording: Recording) -> None:
    recording.call(4, "create", "secrets", "s", namespace=NAMESPACE, code=201)
    recording.call(5, "patch", "secrets", "s", namespace="t1", code=201)
    found = roles(recording, bound(rule("create patch", "secrets")))
    assert [(role["kind"], role["rules"][0]["verbs"]) for role in found] == [
        ("ClusterRole", ["create", "patch"])
    ]


def test_without_audit_evidence_there_is_none(recording: Recording) -> None:
    recording.run.audit_log.unlink()
    record(recording, WIDE)
    report = permissions(recording.evidence)
    assert report is not None
    assert (report.minimal, report.markers) == ("", ())
    assert report.gap
