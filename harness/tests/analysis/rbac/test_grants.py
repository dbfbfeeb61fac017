"""What a bound rule grants, spread out."""

from __future__ import annotations

from harness.analysis.rbac.authorizer import Authorizer
from harness.analysis.rbac.grants import spread
from harness.model.access import AccessSnapshot, BindingObject, Subject
from harness.tests.analysis.rbac.access import ACCOUNT, NAMESPACE, SERVED, bound, rule
from harness.tests.analysis.recording import OPERATOR


def spread_out(access: AccessSnapshot) -> list[tuple[str, str, str]]:
    rules = Authorizer(access).rules_of(OPERATOR)
    found = [grant for item in rules for grant in spread(OPERATOR, item, access.served)]
    return [(grant.key, ",".join(grant.verbs), grant.namespace) for grant in found]


def test_reads_stand_together_and_all_other_verbs_alone() -> None:
    access = bound(rule("create watch get delete", "pods"))
    assert spread_out(access) == [
        ("pods", "get,watch", ""),
        ("pods", "create", ""),
        ("pods", "delete", ""),
    ]


def test_a_wildcard_stands_for_what_the_server_serves() -> None:
    access = bound(rule("get", "*", "core"))
    keys = {key for key, _, _ in spread_out(access)}
    assert keys == {item.resource for item in SERVED if not item.group}


def test_a_wildcard_of_subresources_reaches_these_alone() -> None:
    access = bound(rule("get", "*/status", "*"))
    assert {key for key, _, _ in spread_out(access)} == {"pods/status", "deployments.apps/status"}


def test_a_wildcard_of_verbs_stands_for_what_the_server_offers() -> None:
    access = bound(rule("*", "pods/exec"))
    assert spread_out(access) == [("pods/exec", "get", ""), ("pods/exec", "create", "")]


def test_what_is_named_literally_stays_though_it_is_not_served() -> None:
    access = bound(rule("get", "monitors", "monitoring.example.com"))
    assert spread_out(access) == [("monitors.monitoring.example.com", "get", "")]


def test_a_rolebinding_holds_in_its_namespace_and_gives_no_urls() -> None:
    access = bound(rule("get", "pods"), rule("get", urls="/metrics"), namespace="a")
    assert spread_out(access) == [("pods", "get", "a")]


def test_a_wildcard_of_a_rolebinding_reaches_nothing_outside_its_namespace() -> None:
    access = bound(rule("get", "*", "core"), namespace="a")
    keys = {key for key, _, _ in spread_out(access)}
    assert keys == {item.resource for item in SERVED if not item.group and item.namespaced} | {
        "namespaces"
    }, "a Namespace is judged as an object of itself"


def test_groups_that_every_service_account_is_in_bring_their_roles() -> None:
    for group in (
        "system:authenticated",
        "system:serviceaccounts",
        f"system:serviceaccounts:{NAMESPACE}",
    ):
        access = bound(rule("get", "pods"), subject=Subject(kind="Group", name=group))
        assert spread_out(access) == [("pods", "get", "")], group
    other = bound(
        rule("get", "pods"), subject=Subject(kind="Group", name="system:serviceaccounts:x")
    )
    assert spread_out(other) == []


def test_a_subject_of_a_rolebinding_without_a_namespace_is_of_the_bindings_own() -> None:
    own = bound(
        rule("get", "pods"),
        namespace=NAMESPACE,
        subject=Subject(kind="ServiceAccount", name=ACCOUNT),
    )
    other = bound(
        rule("get", "pods"), namespace="a", subject=Subject(kind="ServiceAccount", name=ACCOUNT)
    )
    assert spread_out(own) == [("pods", "get", NAMESPACE)]
    assert spread_out(other) == []


def test_a_binding_to_a_role_that_is_not_there_gives_nothing() -> None:
    access = AccessSnapshot(
        bindings=(
            BindingObject(
                name="b",
                role_kind="ClusterRole",
                role_name="gone",
                subjects=(Subject(kind="User", name=OPERATOR),),
            ),
        )
    )
    assert spread_out(access) == []
