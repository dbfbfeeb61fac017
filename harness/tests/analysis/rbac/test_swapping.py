"""Which bindings a proof by removal takes, and what the API server must decide then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.rbac.rules import Request
from harness.analysis.rbac.swapping import decisions, left_behind, naming, others_of
from harness.model.access import AccessSnapshot, BindingObject, Subject
from harness.tests.analysis.rbac.access import ACCOUNT, NAMESPACE, bound, record, rule, together
from harness.tests.analysis.recording import OPERATOR, Recording

if TYPE_CHECKING:
    from pathlib import Path

ME = Subject(kind="ServiceAccount", name=ACCOUNT, namespace=NAMESPACE)
AS_USER = Subject(kind="User", name=OPERATOR)
GROUP = Subject(kind="Group", name=f"system:serviceaccounts:{NAMESPACE}")
OTHER = Subject(kind="ServiceAccount", name="other", namespace=NAMESPACE)


def binding(name: str, *subjects: Subject, namespace: str = "") -> BindingObject:
    return BindingObject(
        name=name,
        namespace=namespace,
        role_kind="ClusterRole",
        role_name="r",
        subjects=subjects,
    )


def test_only_bindings_that_name_the_identity_itself_are_taken() -> None:
    access = AccessSnapshot(
        bindings=(
            binding("mine", ME),
            binding("as-user", AS_USER),
            binding("group", GROUP),
            binding("other", OTHER),
            binding("none"),
        )
    )
    assert [item.name for item in naming(access, {OPERATOR})] == ["mine", "as-user"]


def test_a_subject_without_a_namespace_is_of_the_bindings_own() -> None:
    short = Subject(kind="ServiceAccount", name=ACCOUNT)
    access = AccessSnapshot(
        bindings=(
            binding("here", short, namespace=NAMESPACE),
            binding("there", short, namespace="elsewhere"),
        )
    )
    assert [item.name for item in naming(access, {OPERATOR})] == ["here"]


def test_others_stay_in_the_binding() -> None:
    assert others_of(binding("b", OTHER, ME, GROUP), {OPERATOR}) == (OTHER, GROUP)


def test_what_a_group_gives_stays_behind_and_is_named(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    mine = bound(rule("get", "pods"), name="mine")
    group = bound(rule("get", "secrets"), name="group", subject=GROUP)
    record(recording, together(mine, group))
    found = left_behind(recording.evidence, mine.bindings)
    assert found == {OPERATOR: ("ClusterRoleBinding group-binding",)}
    assert left_behind(recording.evidence, (*mine.bindings, *group.bindings)) == {}


def test_decisions_cover_what_was_granted_and_what_is(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    record(recording, bound(rule("get delete", "pods")))
    now = bound(rule("get", "pods"), rule("list", "nodes"))
    found = decisions(recording.evidence, now)
    assert found == {
        (OPERATOR, Request(verb="get", resource="pods")): True,
        (OPERATOR, Request(verb="delete", resource="pods")): False,
        (OPERATOR, Request(verb="list", resource="nodes")): True,
    }
