"""The smallest roles as a change of today's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from msgspec.structs import replace

from harness.analysis.rbac.authorizer import Authorizer
from harness.analysis.rbac.report import permissions
from harness.analysis.rbac.rules import Request
from harness.model.access import AccessSnapshot, RoleObject, Subject
from harness.probes.access import as_binding, as_role
from harness.tests.analysis.rbac.access import NAMESPACE, bound, record, rule
from harness.tests.analysis.recording import OPERATOR, Recording

if TYPE_CHECKING:
    from pathlib import Path

MANAGER = bound(
    rule("get list watch create delete", "configmaps secrets"),
    rule("get", "pods"),
    rule("get update", "leases", "coordination.k8s.io"),
)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    made = Recording(tmp_path)
    made.call(1, "watch", "configmaps", namespace="")
    made.call(2, "create", "configmaps", "x", namespace="t1", code=201)
    made.call(3, "update", "leases.coordination.k8s.io", "lock", namespace=NAMESPACE)
    made.call(4, "get", "pods", "p", namespace="t1")
    return made


def diff(recording: Recording, access: AccessSnapshot) -> str:
    record(recording, access)
    report = permissions(recording.evidence)
    assert report is not None
    return report.diff


def applied(text: str) -> dict[str, dict[str, Any]]:
    """What `patch` would leave, by file: every line but those that are taken away."""
    files: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("+++ "):
            current = files.setdefault(line.removeprefix("+++ b/"), [])
        elif not re.match(r"---|@@|#|-", line):
            current.append(line[1:])
    return {name: yaml.safe_load("\n".join(lines)) for name, lines in files.items()}


def test_each_role_is_a_file_that_loses_what_nobody_used(recording: Recording) -> None:
    text = diff(recording, bound(rule("get list watch create delete", "configmaps")))
    assert text.startswith(
        "--- a/clusterrole-manager-role.yaml\n+++ b/clusterrole-manager-role.yaml\n@@ "
    )
    changed = [line for line in text.splitlines()[2:] if line[0] in "+-"]
    assert changed == ["-  - delete"]


def test_a_rule_that_is_needed_stays_as_it_is_written(recording: Recording) -> None:
    text = diff(recording, bound(rule("watch list get create", "configmaps")))
    assert text == ""


def test_a_wildcard_is_written_out(recording: Recording) -> None:
    text = diff(recording, bound(rule("*", "configmaps")))
    assert "-  - '*'\n+  - get\n+  - list\n+  - watch\n+  - create\n" in text


def test_what_was_used_in_one_namespace_moves_to_a_role_there(recording: Recording) -> None:
    files = applied(diff(recording, MANAGER))
    assert sorted(files) == [
        "clusterrole-manager-role.yaml",
        f"role-{NAMESPACE}-manager-minimal.yaml",
        f"rolebinding-{NAMESPACE}-manager-minimal.yaml",
    ]
    (moved,) = files[f"role-{NAMESPACE}-manager-minimal.yaml"]["rules"]
    assert moved["resources"] == ["leases"]
    assert "leases" not in str(files["clusterrole-manager-role.yaml"])


def test_applied_it_allows_what_was_used_and_nothing_more(recording: Recording) -> None:
    files = applied(diff(recording, MANAGER))
    after = AccessSnapshot(
        roles=tuple(as_role(body) for name, body in files.items() if "binding" not in name),
        bindings=(
            *MANAGER.bindings,
            *(as_binding(body) for name, body in files.items() if "binding" in name),
        ),
    )
    decides = Authorizer(after)

    def may(verb: str, resource: str, namespace: str, name: str = "", group: str = "") -> bool:
        return decides.decide(
            OPERATOR,
            Request(verb=verb, group=group, resource=resource, namespace=namespace, name=name),
        )

    leases = "coordination.k8s.io"
    assert may("watch", "configmaps", "")
    assert may("create", "configmaps", "t1")
    assert may("get", "pods", "t1", "p")
    assert may("update", "leases", NAMESPACE, "lock", leases)
    assert not may("delete", "configmaps", "t1", "x")
    assert not may("get", "secrets", "t1", "x")
    assert not may("update", "leases", "t1", "lock", leases)
    assert not may("update", "leases", NAMESPACE, "other", leases)


def test_a_role_of_kubernetes_own_is_not_changed(recording: Recording) -> None:
    admin = bound(rule("*", "*", "*"), name="cluster-admin")
    text = diff(
        recording,
        AccessSnapshot(
            roles=(RoleObject(name="cluster-admin", rules=admin.roles[0].rules, default=True),),
            bindings=admin.bindings,
            served=admin.served,
        ),
    )
    assert text == (
        "# ClusterRole cluster-admin is Kubernetes' own, so it isn't changed: "
        "see rbac-minimal.yaml.\n"
    )


def test_a_role_that_others_hold_too_is_not_changed(recording: Recording) -> None:
    mine = bound(rule("create delete", "configmaps"), name="shared")
    person = Subject(kind="User", name="somebody")
    theirs = bound(rule("create delete", "configmaps"), name="shared", subject=person)
    text = diff(
        recording,
        AccessSnapshot(
            roles=mine.roles,
            bindings=(
                *mine.bindings,
                *(replace(binding, name="other") for binding in theirs.bindings),
            ),
        ),
    )
    assert "ClusterRole shared is bound to somebody, too" in text
    assert "@@" not in text


def test_without_audit_evidence_nothing_is_proposed(recording: Recording) -> None:
    recording.run.audit_log.unlink()
    assert diff(recording, MANAGER) == ""
