"""What kwokctl and the API server are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.clusters.local import configuration
from harness.clusters.local.configuration import Paths, audit_policy, render
from harness.clusters.local.ports import Ports

HERE = Path(__file__).parent
LOCAL = Path(configuration.__file__).parent
PATHS = Paths(
    state=Path("/state/1234abcd"),
    audit_log=Path("/runs/1/evidence/audit.log"),
    logs=Path("/runs/1/evidence/components"),
)
PORTS = Ports(
    apiserver=20001,
    etcd=20002,
    etcd_peer=20003,
    controller_manager=20004,
    scheduler=20005,
    kwok=20006,
)
NAMES = ("etcd", "etcdctl", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
BINARIES = {name: Path("/bin") / name for name in (*NAMES, "kubectl", "kwok", "kwokctl")}


def head(*, durable: bool) -> str:
    return render(PATHS, PORTS, BINARIES, durable=durable).split("---\n")[0]


def arguments(component: str, *, durable: bool = False) -> dict[str, str]:
    patches = yaml.safe_load(head(durable=durable))["componentsPatches"]
    patch = next(entry for entry in patches if entry["name"] == component)
    return {entry["key"]: entry["value"] for entry in patch["extraArgs"]}


def test_the_configuration_is_as_agreed() -> None:
    assert head(durable=False) == (HERE / "golden" / "kwokctl.yaml").read_text()


def test_only_durable_lets_etcd_wait_for_the_disk() -> None:
    assert arguments("etcd")["unsafe-no-fsync"] == "true"
    assert arguments("etcd", durable=True)["unsafe-no-fsync"] == "false"


def test_priority_and_fairness_stays_on() -> None:
    assert yaml.safe_load(head(durable=False))["options"]["disableQPSLimits"] is False


@pytest.mark.parametrize(
    "component", ["kube-controller-manager", "kube-scheduler", "kwok-controller"]
)
def test_each_client_of_the_server_has_an_identity_of_its_own(component: str) -> None:
    assert arguments(component)["kubeconfig"].endswith(f"/pki/{component}.kubeconfig")


def test_the_audit_log_is_written_straight_to_the_evidence() -> None:
    assert arguments("kube-apiserver")["audit-log-path"] == "/runs/1/evidence/audit.log"


def test_stages_cover_all_that_is_simulated() -> None:
    text = render(PATHS, PORTS, BINARIES, durable=False)
    stages = [part for part in yaml.safe_load_all(text) if part["kind"] == "Stage"]
    assert {stage["spec"]["resourceRef"]["kind"] for stage in stages} == {
        "Ingress",
        "Node",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "Service",
    }


def level(policy: dict[str, object], verb: str, group: str, resource: str) -> str:
    """Returns the level of the first rule that matches, as the API server decides."""
    rules = policy["rules"]
    assert isinstance(rules, list)
    for rule in rules:
        lists = rule.get("resources")
        if "verbs" in rule and verb not in rule["verbs"]:
            continue
        if lists is None or any(
            entry["group"] == group and resource in entry["resources"] for entry in lists
        ):
            return str(rule["level"])
    raise AssertionError("no rule matches")


@pytest.mark.parametrize(
    ("verb", "group", "resource", "expected"),
    [
        ("create", "", "secrets", "Metadata"),
        ("update", "", "configmaps", "Metadata"),
        ("create", "", "serviceaccounts/token", "Metadata"),
        ("create", "authentication.k8s.io", "tokenreviews", "Metadata"),
        ("create", "rbac.authorization.k8s.io", "rolebindings", "Request"),
        ("list", "rbac.authorization.k8s.io", "roles", "Metadata"),
        ("create", "authorization.k8s.io", "selfsubjectaccessreviews", "Request"),
        ("create", "authorization.k8s.io", "subjectaccessreviews", "Metadata"),
        ("get", "apps", "deployments", "Metadata"),
        ("update", "coordination.k8s.io", "leases", "Metadata"),
    ],
)
def test_the_audit_policy_logs_no_secret_body_and_drops_nothing(
    verb: str, group: str, resource: str, expected: str
) -> None:
    policy = yaml.safe_load((LOCAL / "audit-policy.yaml").read_text())
    assert level(policy, verb, group, resource) == expected
    assert policy["omitStages"] == ["RequestReceived"], "ResponseStarted shows open watches"
    assert not any(rule["level"] == "None" or "users" in rule for rule in policy["rules"])


def test_a_calibration_logs_whole_requests_of_what_it_names_and_never_a_secret() -> None:
    policy = yaml.safe_load(audit_policy(["tasks.example.org", "secrets"]))
    whole = "RequestResponse"
    assert level(policy, "create", "example.org", "tasks") == whole
    assert level(policy, "patch", "example.org", "tasks/status") == whole
    assert level(policy, "create", "example.org", "others") == "Metadata"
    assert level(policy, "get", "", "secrets") == "Metadata"
    assert policy["omitStages"] == ["RequestReceived"]
    assert audit_policy() == (LOCAL / "audit-policy.yaml").read_text()
