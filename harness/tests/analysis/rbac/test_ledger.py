"""What became of each grant: five states, and never a naive "unused"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from harness.analysis.rbac.ledger import ledger
from harness.model.access import AccessSnapshot, GrantState, GrantUse, RoleObject, Subject
from harness.tests.analysis.rbac.access import bound, record, rule, together
from harness.tests.analysis.recording import BOOKS, HARNESS, Recording

if TYPE_CHECKING:
    from pathlib import Path

RBAC = "rbac.authorization.k8s.io"
EVERYBODY = "system:serviceaccounts"


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path)


def uses(recording: Recording, access: AccessSnapshot) -> dict[str, GrantUse]:
    """The ledger by "verb,verb resource"."""
    record(recording, access)
    book = ledger(recording.evidence)
    assert book.gap == ""
    return {f"{','.join(use.grant.verbs)} {use.grant.key}": use for use in book.uses}


def test_an_allowed_request_uses_its_grant_with_count_times_places_and_windows(
    recording: Recording,
) -> None:
    recording.phase(1, 3, name="create")
    recording.call(2, "create", "configmaps", "one", namespace="a", code=201)
    recording.call(4, "create", "configmaps", "two", namespace="b", code=201)
    use = uses(recording, bound(rule("create", "configmaps")))["create configmaps"]
    assert use.state is GrantState.USED
    assert (use.count, use.namespaces, use.names) == (2, ("a", "b"), ("one", "two"))
    assert use.windows == ("create",)
    assert use.first_ns < use.last_ns
    assert use.line == 2


@pytest.mark.parametrize("code", [404, 403, 409, 422, 500])
def test_the_authorizers_word_counts_not_the_status(recording: Recording, code: int) -> None:
    recording.call(1, "get", "secrets", "absent", code=code)
    assert uses(recording, bound(rule("get", "secrets")))["get secrets"].state is GrantState.USED


def test_a_denied_request_uses_nothing(recording: Recording) -> None:
    recording.call(1, "get", "secrets", "x", code=403, decision="forbid")
    found = uses(recording, bound(rule("get", "secrets", names="y")))
    assert found["get secrets"].state is GrantState.UNOBSERVED


def test_an_open_watch_counts_and_reads_are_one_bundle(recording: Recording) -> None:
    recording.call(1, "watch", "secrets", stage="ResponseStarted")
    use = uses(recording, bound(rule("get list watch", "secrets")))["get,list,watch secrets"]
    assert use.state is GrantState.USED
    assert use.used_verbs == ("watch",)


def test_requests_of_others_use_nothing(recording: Recording) -> None:
    recording.call(1, "get", "secrets", "x", user=HARNESS)
    found = uses(recording, bound(rule("get", "secrets")))
    assert found["get secrets"].state is GrantState.UNOBSERVED


def test_every_rule_that_allows_a_request_is_used(recording: Recording) -> None:
    recording.call(1, "get", "configmaps", "x", namespace="a")
    record(
        recording,
        together(
            bound(rule("get", "configmaps"), name="wide"),
            bound(rule("get", "configmaps"), name="narrow", namespace="a"),
            bound(rule("get", "configmaps"), name="elsewhere", namespace="b"),
        ),
    )
    states = {use.grant.role: use.state for use in ledger(recording.evidence).uses}
    assert states == {
        "ClusterRole wide": GrantState.USED,
        "Role a/narrow": GrantState.USED,
        "Role b/elsewhere": GrantState.UNOBSERVED,
    }


def test_a_grant_by_name_is_used_for_that_name_alone(recording: Recording) -> None:
    recording.call(1, "get", "configmaps", "mine")
    access = together(
        bound(rule("get", "configmaps", names="mine"), name="mine"),
        bound(rule("get", "configmaps", names="other"), name="other"),
    )
    record(recording, access)
    states = {use.grant.names: use.state for use in ledger(recording.evidence).uses}
    assert states == {("mine",): GrantState.USED, ("other",): GrantState.UNOBSERVED}


def test_an_apply_that_makes_its_object_used_create_unseen(recording: Recording) -> None:
    recording.call(1, "patch", "configmaps", "x", code=201)
    found = uses(recording, bound(rule("create patch", "configmaps")))
    assert found["patch configmaps"].state is GrantState.USED
    assert found["create configmaps"].state is GrantState.INDIRECT


def test_an_apply_that_changes_its_object_did_not(recording: Recording) -> None:
    recording.call(1, "patch", "configmaps", "x", code=200)
    found = uses(recording, bound(rule("create patch", "configmaps")))
    assert found["create configmaps"].state is GrantState.UNOBSERVED


def test_rights_that_the_operator_hands_on_are_held_for_delegation(recording: Recording) -> None:
    handed = [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]
    recording.call(
        1, "create", f"roles.{RBAC}", "reader", code=201, requestObject={"rules": handed}
    )
    found = uses(
        recording, bound(rule("get", "secrets"), rule("get", "pods"), rule("create", "roles", RBAC))
    )
    assert found["get secrets"].state is GrantState.DELEGATION
    assert found["get pods"].state is GrantState.UNOBSERVED


def test_a_role_that_was_refused_handed_nothing_on(recording: Recording) -> None:
    handed = [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]
    recording.call(
        1, "create", f"roles.{RBAC}", "reader", code=403, requestObject={"rules": handed}
    )
    found = uses(recording, bound(rule("get", "secrets"), rule("create", "roles", RBAC)))
    assert found["get secrets"].state is GrantState.UNOBSERVED


def test_so_are_those_of_a_role_that_it_binds(recording: Recording) -> None:
    ref = {"kind": "ClusterRole", "name": "reader"}
    recording.call(
        1, "create", f"rolebindings.{RBAC}", "b", code=201, requestObject={"roleRef": ref}
    )
    access = together(
        bound(rule("get", "secrets"), rule("create", "rolebindings", RBAC)),
        AccessSnapshot(roles=(RoleObject(name="reader", rules=(rule("get", "secrets"),)),)),
    )
    assert uses(recording, access)["get secrets"].state is GrantState.DELEGATION


def test_bind_and_escalate_are_asked_for_inside_a_write(recording: Recording) -> None:
    recording.call(1, "create", f"clusterroles.{RBAC}", "x", code=201, namespace="")
    found = uses(recording, bound(rule("create escalate", "clusterroles", RBAC)))
    assert found[f"escalate clusterroles.{RBAC}"].state is GrantState.INDIRECT


def test_update_of_finalizers_is_checked_by_admission(recording: Recording) -> None:
    found = uses(recording, bound(rule("update", "guestbooks/finalizers", "example.com")))
    use = found[f"update {BOOKS}/finalizers"]
    assert use.state is GrantState.ADMISSION
    assert "OwnerReferencesPermissionEnforcement" in use.note


def test_scaffolding_that_nobody_used_is_explained(recording: Recording) -> None:
    found = uses(
        recording, bound(rule("update", "configmaps"), name="leader-election-role", namespace="a")
    )
    assert "leader election" in found["update configmaps"].note


def test_roles_that_the_operator_makes_for_itself_while_it_runs_count(recording: Recording) -> None:
    record(recording, bound(rule("get", "pods"), name="first"))
    record(recording, bound(rule("get", "secrets"), name="later"), "2-tested")
    roles = {use.grant.role for use in ledger(recording.evidence).uses}
    assert roles == {"ClusterRole first", "ClusterRole later"}


def test_without_audit_evidence_grants_are_listed_and_their_use_is_not_told(
    recording: Recording,
) -> None:
    recording.run.audit_log.unlink()
    record(recording, bound(rule("get", "secrets")))
    book = ledger(recording.evidence)
    assert "AUDIT EVIDENCE IS MISSING" in book.gap
    assert [use.grant.key for use in book.uses] == ["secrets"]


def shipped(role: str, binding: str) -> AccessSnapshot:
    """A role that Kubernetes ships, bound to all ServiceAccounts."""
    access = bound(rule("get", "secrets"), name=role, subject=Subject(kind="Group", name=EVERYBODY))
    replace = msgspec.structs.replace
    return replace(
        access,
        roles=tuple(replace(item, default=True) for item in access.roles),
        bindings=tuple(replace(item, name=binding) for item in access.bindings),
    )


def test_what_kubernetes_gives_to_all_is_no_grant_of_the_operator(recording: Recording) -> None:
    assert uses(recording, shipped("system:basic-user", "system:basic-user")) == {}


@pytest.mark.parametrize(
    ("role", "binding"),
    [("cluster-admin", "our-admins"), ("cluster-admin", "cluster-admin"), ("system:node", "ours")],
)
def test_a_shipped_role_that_somebody_binds_to_a_group_of_it_is_one(
    recording: Recording, role: str, binding: str
) -> None:
    assert set(uses(recording, shipped(role, binding))) == {"get secrets"}
