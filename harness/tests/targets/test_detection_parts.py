"""What flags, ports, rules and sources tell, in the ways that operators are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.tests.targets import projects
from harness.tests.targets.test_detection import (
    CRD,
    data_of,
    detected_from,
    found_in,
    rules,
    workload,
)

MAIN: dict[str, Any] = {"name": "main", "image": "x"}


def service(port: dict[str, Any], name: str = "op") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "home"},
        "spec": {"selector": {"app": "op"}, "ports": [port]},
    }


@pytest.mark.parametrize(
    ("container", "others", "port"),
    [
        ({"args": ["--metrics-bind-address", "127.0.0.1:8080"]}, [], 8080),
        ({"args": ["--metrics-addr=[::]:9090"]}, [], 9090),
        ({"args": ["--metrics-port=9091", "--verbose"]}, [], 9091),
        ({"env": [{"name": "METRICS_PORT", "value": "9092"}]}, [], 9092),
        ({"ports": [{"name": "http-metrics", "containerPort": 9093}]}, [], 9093),
        ({}, [service({"name": "metrics", "port": 9094})], 9094),
        ({}, [service({"port": 80, "targetPort": 9095}, "op-metrics")], 9095),
        ({}, [service({"port": 80, "targetPort": 9096})], None),
        ({"args": ["--metrics-bind-address=0"]}, [], None),
        ({"args": ["--metrics-bind-address=:99999"]}, [], None),
        ({}, [], None),
    ],
    ids=str,
)
def test_the_metrics_port_is_found_where_it_is_set(
    tmp_path: Path, container: dict[str, Any], others: list[dict[str, Any]], port: int | None
) -> None:
    pod = workload(containers=[MAIN | container])
    detected = detected_from(tmp_path, CRD, pod, *rules(), *others)
    found = data_of(detected)["workloads"][0].get("metrics", {}).get("port")
    assert found == port
    assert port or any("a metrics port" in sentence for sentence in detected.missing)


@pytest.mark.parametrize(
    "container",
    [
        {"args": ["--pprof-bind-address=:6060"]},
        {"args": ["--profiler-address=localhost:6060"]},
        {"ports": [{"name": "pprof", "containerPort": 6060}]},
    ],
    ids=str,
)
def test_the_port_of_profiles_is_found(tmp_path: Path, container: dict[str, Any]) -> None:
    pod = workload(containers=[MAIN | container])
    found = data_of(detected_from(tmp_path, CRD, pod, *rules()))
    assert found["workloads"][0]["pprof"] == {"port": 6060}


def test_rules_may_come_by_a_group_and_by_aggregation(tmp_path: Path) -> None:
    role, binding = rules()
    binding["subjects"] = [{"kind": "Group", "name": "system:serviceaccounts:home"}]
    role["metadata"]["labels"] = {"into": "op"}
    whole = {
        "apiVersion": role["apiVersion"],
        "kind": "ClusterRole",
        "metadata": {"name": "whole"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"into": "op"}}]},
    }
    binding["roleRef"] = {"kind": "ClusterRole", "name": "whole"}
    detected = detected_from(tmp_path, CRD, workload(), role, whole, binding)
    assert "may watch widgets.example.com" in detected.text
    assert data_of(detected)["scope"]["owns"] == ["statefulsets.apps"]


def test_without_rules_a_deployment_is_guessed_and_said(tmp_path: Path) -> None:
    alone = detected_from(tmp_path, CRD, workload())
    assert "it is the only Deployment" in alone.text
    several = detected_from(tmp_path, CRD, workload("a"), workload("b"))
    assert any("which Deployment is the operator" in s for s in several.missing)


def test_of_several_containers_the_default_one_or_the_first_is_taken(tmp_path: Path) -> None:
    pod = workload(containers=[{"name": "a", "image": "x"}, {"name": "b", "image": "x"}])
    pod["spec"]["replicas"] = 0
    guessed = detected_from(tmp_path, CRD, pod, *rules())
    assert data_of(guessed)["workloads"][0]["container"] == "a"
    assert any("which container" in sentence for sentence in guessed.missing)
    assert "0 replicas" in guessed.text
    annotations = {"kubectl.kubernetes.io/default-container": "b"}
    pod["spec"]["template"]["metadata"]["annotations"] = annotations
    said = detected_from(tmp_path, CRD, pod, *rules())
    assert data_of(said)["workloads"][0]["container"] == "b"


OLM = {"fieldRef": {"fieldPath": "metadata.annotations['olm.targetNamespaces']"}}


@pytest.mark.parametrize(
    ("container", "mode"),
    [
        ({"args": ["--namespace=team"]}, "SingleNamespace"),
        ({"args": ["--watch-namespace=$(POD_NAMESPACE)"]}, "OwnNamespace"),
        ({"args": ["--watch-namespaces=*"]}, "AllNamespaces"),
        ({"env": [{"name": "WATCH_NAMESPACE", "valueFrom": OLM}]}, "AllNamespaces"),
    ],
    ids=str,
)
def test_flags_and_olm_tell_the_scope_too(
    tmp_path: Path, container: dict[str, Any], mode: str
) -> None:
    pod = workload(containers=[MAIN | container])
    assert data_of(detected_from(tmp_path, CRD, pod, *rules()))["scope"]["mode"] == mode


def test_a_role_that_allows_everything_names_no_kinds(tmp_path: Path) -> None:
    role, binding = rules()
    role["rules"] = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    detected = detected_from(tmp_path, CRD, workload(), role, binding)
    assert "owns" not in data_of(detected)["scope"]
    assert any("allows everything" in sentence for sentence in detected.missing)


def test_who_may_change_webhook_configurations_manages_them(tmp_path: Path) -> None:
    role, binding = rules()
    group, plural = "admissionregistration.k8s.io", "validatingwebhookconfigurations"
    role["rules"].append({"apiGroups": [group], "resources": [plural], "verbs": ["patch"]})
    hooks = {
        "apiVersion": f"{group}/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "h"},
    }
    found = data_of(detected_from(tmp_path, CRD, workload(), role, binding, hooks))
    assert found["install"]["webhooks"] == "self-managed"


def test_a_program_that_is_there_is_used(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "op").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "op").chmod(0o755)
    pod = workload(containers=[MAIN | {"command": ["/op"]}])
    found = data_of(detected_from(tmp_path, CRD, pod, *rules()))
    assert found["workloads"][0]["process"] == {"command": ["bin/op"]}


def test_a_go_project_tells_metrics_and_tests(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.com/x\n")
    (tmp_path / "main.go").write_text(
        'package main\n\nfunc main() {\n\tflag.StringVar(&a, "metrics-addr", ":8383", "")\n}\n'
    )
    for name in ("pkg/x", "test/e2e"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "x_test.go").write_text("package x\n")
    found = data_of(detected_from(tmp_path, CRD, workload(), *rules()))
    assert found["workloads"][0]["metrics"]["port"] == 8383
    assert found["workloads"][0]["metrics"]["dialect"] == "plain"
    assert found["tests"]["unit"] == ["go", "test", "./pkg/..."]


def test_a_go_project_without_a_program_and_a_broken_crate_are_told(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.com/x\n")
    (tmp_path / "Cargo.toml").write_text("[")
    detected = detected_from(tmp_path, CRD, workload(), *rules())
    assert any("a Go program" in sentence for sentence in detected.missing)
    assert not detected.runnable


def test_sources_above_the_checkout_are_not_looked_for(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "x"\n')
    folder = tmp_path / "repo" / "deploy"
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    folder.mkdir()
    assert not detected_from(folder, CRD, workload(), *rules()).runnable


def test_manifests_in_a_usual_folder_and_a_kustomization_are_found(tmp_path: Path) -> None:
    projects.dump(tmp_path / "deploy" / "all.yaml", CRD, workload(), *rules())
    assert data_of(found_in(tmp_path))["install"]["manifests"] == {"files": ["deploy/all.yaml"]}
    (tmp_path / "deploy" / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    assert data_of(found_in(tmp_path))["install"]["manifests"] == {"kustomize": "deploy"}


def test_a_chart_inside_a_project_is_found(tmp_path: Path) -> None:
    (tmp_path / "charts" / "guestbook").mkdir(parents=True)
    projects.chart(tmp_path / "charts" / "guestbook")
    found = data_of(found_in(tmp_path))
    assert found["install"]["manifests"]["helm"]["chart"] == "charts/guestbook"
