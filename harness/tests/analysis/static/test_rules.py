"""What the static checks answer where there is nothing to look at, and how their findings read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from harness.analysis.judge import judge, judge_run
from harness.evidence.ndjson import write_document
from harness.evidence.reader import Evidence
from harness.model.cluster import Cluster
from harness.model.findings import Severity, Status
from harness.model.target import Install, KubernetesRange, Requires, WorkloadSpec
from harness.tests.analysis.static.shop import Shop

if TYPE_CHECKING:
    from pathlib import Path

_BUDGET = "{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {name: a}}"


@pytest.mark.parametrize(
    ("kinds", "check", "reason"),
    [
        ("CustomResourceDefinition", "API-001", "the manifests bring no CRD"),
        ("CustomResourceDefinition", "API-014", "the manifests bring no CRD"),
        (
            "CustomResourceDefinition",
            "API-013",
            "no sample is of a kind that the manifests define",
        ),
        ("Deployment", "SEC-002", "the manifests bring no workload"),
        (
            "Deployment",
            "RES-013",
            "no workload of the operator has more than one replica",
        ),
        ("NetworkPolicy", "SEC-004", "the manifests bring no NetworkPolicy"),
        ("ValidatingWebhookConfiguration", "WEB-001", "the manifests bring no webhook"),
        ("ValidatingWebhookConfiguration", "WEB-002", "the manifests bring no webhook"),
    ],
)
def test_what_the_manifests_lack_is_not_applicable(
    kinds: str, check: str, reason: str, tmp_path: Path
) -> None:
    shop = Shop()
    shop.objects.remove(shop.get(kinds))
    outcome = shop.judged(check, tmp_path)
    assert (outcome.status, outcome.reason) == (Status.NOT_APPLICABLE, reason)


def test_a_run_without_the_unit_suite_has_no_manifests_to_judge(tmp_path: Path) -> None:
    shop = Shop()
    shop.objects, shop.samples = [], []
    outcome = shop.judged("API-001", tmp_path)
    assert outcome.status is Status.NOT_VERIFIED
    assert "only the unit suite does that" in outcome.reason


def test_manifests_of_an_operator_that_is_present_are_not_known(tmp_path: Path) -> None:
    shop = Shop()
    shop.objects, shop.samples = [], []
    evidence = shop.evidence(tmp_path)
    target = msgspec.structs.replace(evidence.target, install=Install(present=True))
    write_document(evidence.run.target_file, target)
    outcome = judge("API-001", Evidence(evidence.run), None)
    assert "installed by somebody else" in outcome.reason


def test_a_finding_names_the_object_and_its_line(tmp_path: Path) -> None:
    shop = Shop()
    shop.container["image"] = "keeper"
    (finding,) = shop.judged("SEC-003", tmp_path).findings
    assert finding.subject == "Deployment shops/keeper"
    assert "keeper has no tag, so it is latest" in finding.title
    (where,) = finding.evidence
    assert where.file == "evidence/manifests.ndjson"
    line = lines_of(tmp_path)[where.line - 1]
    assert '"Deployment"' in line


def lines_of(folder: Path) -> list[str]:
    return (folder / "run" / "evidence" / "manifests.ndjson").read_text().splitlines()


def test_what_is_less_grave_is_a_minor_finding_of_a_major_check(tmp_path: Path) -> None:
    shop = Shop()
    del shop.spec["size"]["format"]
    (finding,) = shop.judged("API-007", tmp_path).findings
    assert finding.severity is Severity.MINOR


def test_only_a_dozen_places_are_listed(tmp_path: Path) -> None:
    shop = Shop()
    for number in range(20):
        shop.spec[f"text{number}"] = {"type": "string", "description": "A text."}
    (finding,) = shop.judged("API-006", tmp_path).findings
    assert finding.title == "20 fields in the spec of Shop have no bound"
    assert finding.detail.splitlines()[-1] == "… and 8 more"


def test_places_name_their_version_where_there_are_several(tmp_path: Path) -> None:
    shop = Shop()
    shop.another_version()
    del shop.spec["name"]["maxLength"]
    (finding,) = shop.judged("API-006", tmp_path).findings
    assert finding.detail == "v1: spec.name: a text without maxLength"


def test_versions_that_are_not_served_do_not_count(tmp_path: Path) -> None:
    shop = Shop()
    old = shop.another_version()
    old["served"] = False
    del old["subresources"]
    assert shop.judged("API-003", tmp_path).status is Status.PASS


def test_an_api_that_is_removed_later_is_minor(tmp_path: Path) -> None:
    shop = Shop()
    shop.add(_BUDGET)
    shop.kubernetes = "1.24.0"
    (finding,) = shop.judged("API-012", tmp_path).findings
    assert finding.severity is Severity.MINOR
    assert finding.title == "policy/v1beta1 PodDisruptionBudget will be removed in Kubernetes 1.25"


def test_an_api_that_is_removed_within_the_declared_range_is_a_finding(tmp_path: Path) -> None:
    shop = Shop()
    shop.add(_BUDGET)
    shop.kubernetes = "1.24.0"
    evidence = shop.evidence(tmp_path)
    declared = Requires(kubernetes=KubernetesRange(min="1.22", max="1.26"))
    target = msgspec.structs.replace(evidence.target, requires=declared)
    write_document(evidence.run.target_file, target)
    (finding,) = judge("API-012", Evidence(evidence.run), None).findings
    assert finding.severity is Severity.MAJOR
    assert "removed in Kubernetes 1.25" in finding.title
    assert "the target declares 1.22 to 1.26" in finding.detail


@pytest.mark.parametrize("newest", ["", "1.24"])
def test_a_range_that_ends_before_the_removal_leaves_it_minor(tmp_path: Path, newest: str) -> None:
    shop = Shop()
    shop.add(_BUDGET)
    shop.kubernetes = "1.23.0"
    evidence = shop.evidence(tmp_path)
    declared = Requires(kubernetes=KubernetesRange(min="1.22", max=newest))
    target = msgspec.structs.replace(evidence.target, requires=declared)
    write_document(evidence.run.target_file, target)
    (finding,) = judge("API-012", Evidence(evidence.run), None).findings
    assert finding.severity is Severity.MINOR


def test_the_version_is_the_cluster_s_where_there_is_one(tmp_path: Path) -> None:
    shop = Shop()
    shop.add(_BUDGET)
    evidence = shop.evidence(tmp_path)
    cluster = Cluster(
        id="c",
        provider="existing",
        name="c",
        kubeconfig="/k",
        server="https://127.0.0.1:1",
        ca_file="/ca",
        server_version="v1.24.3",
        state_dir="/s",
        capabilities=(),
    )
    write_document(evidence.run.cluster_file, cluster)
    (finding,) = judge("API-012", Evidence(evidence.run), None).findings
    assert "The run is for Kubernetes 1.24.3" in finding.detail


def test_a_webhook_over_other_kinds_is_free_where_it_spares_both_namespaces(
    tmp_path: Path,
) -> None:
    shop = Shop()
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["*"]}
    shop.webhook["rules"].append(rule)
    outcome = shop.judged("WEB-002", tmp_path)
    assert "must answer for pods in shops and kube-system" in outcome.findings[0].title
    names = ["kube-system", "shops"]
    shop.webhook["namespaceSelector"] = {
        "matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": names}
        ]
    }
    assert shop.judged("WEB-002", tmp_path / "spared").status is Status.PASS


@pytest.mark.parametrize(
    "way",
    [
        {"failurePolicy": "Ignore"},
        {"matchConditions": [{"name": "own", "expression": "true"}]},
        {"objectSelector": {"matchLabels": {"managed": "yes"}}},
        {"namespaceSelector": {"matchLabels": {"shops": "open"}}},
    ],
    ids=lambda way: next(iter(way)),
)
def test_other_ways_to_spare_them_count(way: dict[str, object], tmp_path: Path) -> None:
    shop = Shop()
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"]}
    shop.webhook["rules"] = [rule]
    shop.webhook.update(way)
    assert shop.judged("WEB-002", tmp_path).status is Status.PASS


def test_a_numeric_user_is_as_good_as_run_as_non_root(tmp_path: Path) -> None:
    shop = Shop()
    shop.pod["securityContext"] = {"runAsUser": 65532}
    assert shop.judged("SEC-002", tmp_path).status is Status.PASS


def test_a_time_out_that_is_not_named_is_minor(tmp_path: Path) -> None:
    shop = Shop()
    del shop.webhook["timeoutSeconds"]
    (finding,) = shop.judged("WEB-001", tmp_path).findings
    assert finding.severity is Severity.MINOR


def test_a_role_that_the_manifests_do_not_bring_may_allow_leases(tmp_path: Path) -> None:
    shop = Shop()
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    shop.get("RoleBinding")["roleRef"] = role
    assert shop.judged("RES-013", tmp_path).status is Status.PASS


def test_a_role_of_another_namespace_does_not_count(tmp_path: Path) -> None:
    shop = Shop()
    shop.get("Role")["metadata"]["namespace"] = "elsewhere"
    shop.add(
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, rules: [], "
        "metadata: {name: keeper, namespace: shops}}"
    )
    assert shop.judged("RES-013", tmp_path).status is Status.FAIL


def test_replicas_of_what_is_not_the_operator_need_no_lease(tmp_path: Path) -> None:
    shop = Shop()
    shop.objects.remove(shop.get("RoleBinding"))
    evidence = shop.evidence(tmp_path)
    workloads = (WorkloadSpec(deployment="another"),)
    target = msgspec.structs.replace(evidence.target, workloads=workloads)
    write_document(evidence.run.target_file, target)
    outcome = judge("RES-013", Evidence(evidence.run), None)
    assert outcome.status is Status.NOT_APPLICABLE


def test_installing_is_not_judged_where_there_was_no_cluster(tmp_path: Path) -> None:
    outcomes = judge_run(Shop().evidence(tmp_path), ("API-001",))
    assert [outcome.check for outcome in outcomes] == ["API-001"]
