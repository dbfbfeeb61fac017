"""A process that stands for no Pod: what it is shown, and what isn't applied."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from harness.installers.process.alone import (
    not_called,
    not_converted,
    pod_name,
    pod_of,
    reachable_as_in_a_pod,
    stands_alone,
    without_pods,
    write_kubeconfig,
)
from harness.model.cluster import Cluster
from harness.tests.installers.samples import container, deployment, webhook_configuration

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class Accounts:
    """The part of a client that is asked for ServiceAccounts."""

    def __init__(self, account: dict[str, Any] | None = None) -> None:
        self.account = account

    def resource(self, key: str) -> str:
        return key

    def find(self, resource: str, name: str, namespace: str) -> dict[str, Any] | None:
        assert (resource, name, namespace) == ("serviceaccounts", "default", "ns")
        return self.account


def cluster(folder: Path, **changes: Any) -> Cluster:
    authority = folder / "ca.crt"
    authority.write_text("-----BEGIN CERTIFICATE-----\n")
    fields = {
        "id": "c",
        "provider": "existing",
        "name": "c",
        "kubeconfig": str(folder / "config"),
        "server": "https://api.example:6443",
        "ca_file": str(authority),
        "server_version": "v1.34.0",
        "state_dir": str(folder),
        "capabilities": (),
        **changes,
    }
    return Cluster(**fields)


def test_only_a_local_cluster_has_pods_that_never_run(tmp_path: Path) -> None:
    assert stands_alone(cluster(tmp_path))
    assert stands_alone(cluster(tmp_path, provider="kind"))
    assert not stands_alone(cluster(tmp_path, provider="local"))


def test_the_pod_is_the_template_with_what_admission_adds() -> None:
    made = pod_of(Accounts(), deployment(), "op-1")  # type: ignore[arg-type]  # all it asks
    assert made["metadata"] == {"labels": {"app": "op"}, "name": "op-1", "namespace": "ns"}
    (mount,) = made["spec"]["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == ACCOUNT
    (volume,) = made["spec"]["volumes"]
    paths = [next(iter(source)) for source in volume["projected"]["sources"]]
    assert paths == ["serviceAccountToken", "configMap", "downwardAPI"]
    assert made["status"]["podIP"] == "127.0.0.1"


def test_the_deployment_is_not_changed_by_it() -> None:
    original = deployment()
    pod_of(Accounts(), original, "op-1")  # type: ignore[arg-type]  # all it asks
    assert original == deployment()


@pytest.mark.parametrize(
    ("spec", "account"),
    [
        ({"automountServiceAccountToken": False}, None),
        ({}, {"automountServiceAccountToken": False}),
    ],
    ids=["by the pod", "by the account"],
)
def test_no_token_is_mounted_where_that_is_switched_off(
    spec: dict[str, Any], account: dict[str, Any] | None
) -> None:
    wanted = deployment()
    wanted["spec"]["template"]["spec"].update(spec)
    made = pod_of(Accounts(account), wanted, "op-1")  # type: ignore[arg-type]  # all it asks
    assert "volumes" not in made["spec"]


def test_a_mount_of_its_own_is_kept() -> None:
    own = [{"name": "mine", "mountPath": f"{ACCOUNT}/"}]
    made = pod_of(Accounts(), deployment(container(volumeMounts=own)), "op-1")  # type: ignore[arg-type]  # all it asks
    assert made["spec"]["containers"][0]["volumeMounts"] == own


def test_names_are_new_each_time_and_never_too_long() -> None:
    assert pod_name("op") != pod_name("op")
    assert len(pod_name("o" * 80)) <= 63


@pytest.mark.parametrize(
    ("changes", "reachable"),
    [
        ({}, True),
        ({"server": "https://api.example"}, True),
        ({"server": "https://rancher.example/k8s/clusters/c-1"}, False),
        ({"server": "http://127.0.0.1:8080"}, False),
        ({"ca_file": ""}, False),
        ({"server_options": ("tls-server-name",)}, False),
    ],
)
def test_in_cluster_configuration_takes_host_port_and_authority(
    tmp_path: Path, changes: dict[str, Any], reachable: object
) -> None:
    assert reachable_as_in_a_pod(cluster(tmp_path, **changes)) is reachable


def test_the_kubeconfig_says_what_else_it_takes_and_holds_no_secret(tmp_path: Path) -> None:
    options = {"tls-server-name": "kubernetes", "proxy-url": "http://127.0.0.1:3128"}
    (tmp_path / "config").write_text(
        json.dumps({"clusters": [{"cluster": {"server": "x", **options}}], "users": ["secret"]})
    )
    path = tmp_path / "kubeconfig"
    found = cluster(tmp_path, server_options=tuple(options))
    write_kubeconfig(path, found, token=tmp_path / "token", namespace="ns")
    text = path.read_text()
    about = json.loads(text)["clusters"][0]["cluster"]
    assert about["tls-server-name"] == "kubernetes"
    assert about["proxy-url"] == "http://127.0.0.1:3128"
    assert base64.b64decode(about["certificate-authority-data"]).startswith(b"-----BEGIN")
    assert json.loads(text)["users"] == [
        {"name": "pod", "user": {"tokenFile": str(tmp_path / "token")}}
    ]
    assert "secret" not in text
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_server_that_is_not_verified_is_named_as_such(tmp_path: Path) -> None:
    option = "insecure-skip-tls-verify"
    (tmp_path / "config").write_text(json.dumps({"clusters": [{"cluster": {option: True}}]}))
    path = tmp_path / "kubeconfig"
    found = cluster(tmp_path, server_options=(option,))
    write_kubeconfig(path, found, token=tmp_path / "token", namespace="ns")
    about = json.loads(path.read_text())["clusters"][0]["cluster"]
    assert about == {"server": "https://api.example:6443", option: True}


def test_replicas_become_none_and_that_is_told() -> None:
    wanted = deployment()
    wanted["spec"]["replicas"] = 3
    changed, alteration = without_pods(wanted)
    assert changed["spec"]["replicas"] == 0
    assert wanted["spec"]["replicas"] == 3
    assert (alteration.subject, alteration.before, alteration.after) == (
        "Deployment ns/op, replicas",
        "3",
        "0",
    )


def test_a_webhook_configuration_that_is_left_out_is_told() -> None:
    told = not_called(webhook_configuration())
    assert told.subject == "ValidatingWebhookConfiguration hooks"
    assert (told.before, told.after) == ("v.example.org", "not applied")
    assert "can't call" in told.reason


def test_a_conversion_webhook_is_taken_out_of_its_crd() -> None:
    crd = {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.org"},
        "spec": {"conversion": {"strategy": "Webhook", "webhook": {}}},
    }
    changed, alteration = not_converted(crd)
    assert changed["spec"]["conversion"] == {"strategy": "None"}
    assert alteration is not None
    assert not_converted(changed) == (changed, None)
