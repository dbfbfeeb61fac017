"""Manifests are applied in an order that works."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ApiError, ClusterError, InstallFault, TargetError
from harness.installers.applying import implied_namespaces, refuse_unknown_kinds, refused
from harness.installers.ordering import Rank, ordered, rank
from harness.tests.installers.samples import changed, deployment, target, webhook_configuration

KINDS = [
    ("v1", "Namespace"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("v1", "ServiceAccount"),
    ("v1", "Secret"),
    ("v1", "ConfigMap"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("config.example.org/v1", "OperatorConfig"),
]


def named(api_version: str, kind: str, name: str = "x") -> dict[str, object]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}


def test_what_others_need_comes_first_and_webhooks_and_custom_resources_last() -> None:
    shuffled = [named(*entry) for entry in KINDS[::-1]]
    assert [obj["kind"] for obj in ordered(shuffled)] == [kind for _, kind in KINDS]


def test_within_a_kind_the_order_is_kept() -> None:
    names = [obj["metadata"]["name"] for obj in ordered([named("v1", "Secret", n) for n in "cab"])]
    assert names == ["c", "a", "b"]


def test_a_custom_kind_named_like_a_core_one_is_a_custom_resource() -> None:
    assert rank(named("serving.example.org/v1", "Service")) is Rank.CUSTOM


def test_namespaces_that_are_used_and_not_contained_are_added() -> None:
    objects = [deployment(), named("v1", "Namespace", "there"), deployment(namespace="there")]
    default = changed(deployment(), namespace="default")
    assert [obj["metadata"]["name"] for obj in implied_namespaces([*objects, default])] == ["ns"]


def test_the_namespaces_that_an_operator_watches_are_there_before_it_starts() -> None:
    added = implied_namespaces([deployment()], served=["team-a", "default", "ns"])
    assert [obj["metadata"]["name"] for obj in added] == ["ns", "team-a"]


def test_every_unknown_kind_is_named_with_the_way_out(tmp_path: Path) -> None:
    monitor = named("monitoring.coreos.com/v1", "ServiceMonitor", "m")
    with pytest.raises(TargetError, match="ServiceMonitor m") as error:
        refuse_unknown_kinds(
            [deployment(), monitor, named("cert-manager.io/v1", "Issuer")],
            target=target(tmp_path, "all.yaml"),
            serves=lambda _, kind: kind == "Deployment",
        )
    assert "install.skip: [ServiceMonitor]" in error.value.hint
    assert [problem.file for problem in error.value.problems] == ["all.yaml"]


def test_kinds_whose_crd_is_among_the_manifests_are_known(tmp_path: Path) -> None:
    crd = {
        **named("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        "spec": {"group": "e.org", "names": {"kind": "Thing"}, "versions": [{"name": "v1"}]},
    }
    refuse_unknown_kinds(
        [crd, named("e.org/v1", "Thing")],
        target=target(tmp_path),
        serves=lambda _, kind: kind == "CustomResourceDefinition",
    )


@pytest.mark.parametrize(
    ("status", "message", "fault"),
    [
        (422, "Invalid: spec.x", InstallFault),
        (403, "violates PodSecurity", InstallFault),
        (500, "failed to create typed patch object", InstallFault),
        (500, "etcd is full", ClusterError),
        (0, "no answer", ClusterError),
        (401, "Unauthorized", ClusterError),
    ],
)
def test_a_refusal_is_the_manifests_fault_and_trouble_the_clusters(
    status: int, message: str, fault: type[Exception]
) -> None:
    error = refused(webhook_configuration(), ApiError(message, status=status))
    assert isinstance(error, fault)
    if isinstance(error, InstallFault):
        assert error.finding.check == "INS-001"
        assert message in error.finding.detail
