"""`harness init`: what is found in a project, and what is said not to be."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import command
from harness.errors import TargetError
from harness.manifests.documents import parse
from harness.model.target import InstallMode
from harness.targets import load
from harness.targets.detection import Detected, Tools, Wishes, detect
from harness.tests.targets import projects

SNAPSHOTS = Path(__file__).parent / "snapshots"
GUESTBOOK = "guestbooks.webapp.tutorial.kubebuilder.io"


def found_in(
    place: Path,
    *,
    folder: Path | None = None,
    wishes: Wishes | None = None,
    helm: Path | None = None,
) -> Detected:
    return detect(
        place,
        folder=folder or place,
        wishes=wishes or Wishes(),
        tools=Tools(kubectl=projects.kubectl, helm=lambda: helm),
    )


def written(detected: Detected, folder: Path) -> Path:
    for path, text in {**detected.samples, folder / "target.yaml": detected.text}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "target.yaml"


@pytest.mark.parametrize("layout", ["kubebuilder", "classic", "concatenated"])
def test_a_project_becomes_this_file(layout: str, tmp_path: Path) -> None:
    folder = tmp_path / "guestbook"
    folder.mkdir()
    getattr(projects, layout)(folder)
    detected = found_in(folder)
    expected = SNAPSHOTS / f"{layout}.target.yaml"
    assert detected.text == expected.read_text(encoding="utf-8")
    target = load(str(written(detected, folder)))
    assert [kind.resource for kind in target.kinds] == [GUESTBOOK]


def test_a_chart_becomes_a_release_and_its_sample_is_made_up(tmp_path: Path) -> None:
    helm = command.which("helm")
    if helm is None:
        pytest.skip("helm isn't on PATH")
    project = tmp_path / "project"
    projects.copy_sources(project)
    folder = project / "charts" / "guestbook"
    folder.mkdir(parents=True)
    projects.chart(folder)
    detected = found_in(folder, helm=helm)
    assert detected.text == (SNAPSHOTS / "chart.target.yaml").read_text(encoding="utf-8")
    target = load(str(written(detected, folder)))
    assert target.workloads[0].process is not None
    assert target.workloads[0].process.build == (
        *("go", "build", "-C", "../..", "-o", "bin/manager", "./cmd"),
    )
    assert "Made up" in (folder / "samples" / "guestbook.yaml").read_text()


def test_without_helm_a_chart_is_described_as_far_as_its_crds_go(tmp_path: Path) -> None:
    projects.chart(tmp_path)
    detected = found_in(tmp_path)
    assert GUESTBOOK in detected.text
    assert "workloads:" not in detected.text
    assert not detected.runnable
    assert any("helm" in sentence for sentence in detected.missing)


def test_plain_manifests_without_sources_ask_for_the_process(tmp_path: Path) -> None:
    projects.concatenated(tmp_path)
    detected = found_in(tmp_path)
    assert not detected.runnable
    assert any("workloads[].process" in sentence for sentence in detected.missing)


def test_what_the_user_says_of_the_process_is_taken(tmp_path: Path) -> None:
    projects.concatenated(tmp_path)
    wishes = Wishes(name="My Book", command=("bin/x", "serve"), build=("make", "x"))
    detected = found_in(tmp_path / "install.yaml", folder=tmp_path, wishes=wishes)
    assert detected.runnable
    target = load(str(written(detected, tmp_path)))
    assert target.name == "my-book"
    assert target.workloads[0].process is not None
    assert target.workloads[0].process.command == ("bin/x", "serve")
    assert target.workloads[0].process.build == ("make", "x")


# Small operators, made of objects, for what guestbook doesn't have.

CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["size"],
                                "properties": {"size": {"type": "integer", "minimum": 3}},
                            },
                            "status": {"type": "object", "properties": {}},
                        },
                    }
                },
            }
        ],
    },
}


def workload(name: str = "op", kind: str = "Deployment", **pod: Any) -> dict[str, Any]:
    labels = {"app": name}
    spec = {"serviceAccountName": name, "containers": [{"name": "main", "image": "x"}]} | pod
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "home"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def rules(
    name: str = "op", *, cluster: bool = True, namespace: str = "home"
) -> list[dict[str, Any]]:
    prefix = "Cluster" if cluster else ""
    version = "rbac.authorization.k8s.io/v1"
    metadata = {"name": name} | ({} if cluster else {"namespace": namespace})
    return [
        {
            "apiVersion": version,
            "kind": f"{prefix}Role",
            "metadata": metadata,
            "rules": [
                {"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["watch"]},
                {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["create"]},
                {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
            ],
        },
        {
            "apiVersion": version,
            "kind": f"{prefix}RoleBinding",
            "metadata": metadata,
            "roleRef": {"kind": f"{prefix}Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "home"}],
        },
    ]


def detected_from(folder: Path, *objects: dict[str, Any]) -> Detected:
    projects.dump(folder / "all.yaml", *objects)
    return found_in(folder)


def data_of(detected: Detected) -> Any:
    return yaml.safe_load(detected.text)


def test_of_several_deployments_the_one_with_the_rules_is_the_operator(tmp_path: Path) -> None:
    detected = detected_from(tmp_path, CRD, workload("ui"), workload(), *rules())
    data = data_of(detected)
    assert [item["deployment"] for item in data["workloads"]] == ["op"]
    assert any("home/ui isn't part" in sentence for sentence in detected.missing)
    assert data["scope"]["owns"] == ["statefulsets.apps"]


def test_a_stateful_set_that_is_the_operator_is_said_not_to_run(tmp_path: Path) -> None:
    detected = detected_from(tmp_path, CRD, workload(kind="StatefulSet"), *rules())
    assert any("StatefulSet home/op serves widgets" in s for s in detected.missing)
    assert not detected.runnable


def test_a_deployment_that_serves_webhooks_is_part_of_the_operator(tmp_path: Path) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "hook", "namespace": "home"},
        "spec": {"selector": {"app": "hook"}, "ports": [{"port": 443}]},
    }
    reference = {"service": {"name": "hook", "namespace": "home"}}
    hooks = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "hooks"},
        "webhooks": [{"name": "a.example.com", "clientConfig": reference}],
    }
    objects = (CRD, workload(), workload("hook"), *rules(), service, hooks)
    data = data_of(detected_from(tmp_path, *objects))
    assert [item["deployment"] for item in data["workloads"]] == ["op", "hook"]


def test_a_proxy_beside_the_operator_isnt_it_and_its_upstream_has_the_metrics(
    tmp_path: Path,
) -> None:
    containers = [
        {
            "name": "kube-rbac-proxy",
            "image": "kube-rbac-proxy",
            "args": ["--upstream=http://127.0.0.1:8080/"],
            "ports": [{"name": "https", "containerPort": 8443}],
        },
        {"name": "operator", "image": "x"},
    ]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "metrics", "namespace": "home"},
        "spec": {"selector": {"app": "op"}, "ports": [{"port": 8443, "targetPort": "https"}]},
    }
    inits = [{"name": "prepare", "image": "x"}]
    pod = workload(containers=containers, initContainers=inits)
    detected = detected_from(tmp_path, CRD, pod, *rules(), service)
    found = data_of(detected)["workloads"][0]
    assert found["container"] == "operator"
    assert found["metrics"]["port"] == 8080
    assert "not run: kube-rbac-proxy" in detected.text
    assert "prepare" in detected.text


@pytest.mark.parametrize(
    ("env", "mode", "namespaces"),
    [
        ({"value": ""}, InstallMode.ALL_NAMESPACES, None),
        ({"value": "home"}, InstallMode.OWN_NAMESPACE, None),
        ({"value": "a"}, InstallMode.SINGLE_NAMESPACE, ["a"]),
        ({"value": "a,b"}, InstallMode.MULTI_NAMESPACE, ["a", "b"]),
        (
            {"valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            InstallMode.OWN_NAMESPACE,
            None,
        ),
    ],
    ids=["empty", "own", "one", "two", "field"],
)
def test_the_scope_comes_from_the_watched_namespaces(
    tmp_path: Path, env: dict[str, Any], mode: str, namespaces: list[str] | None
) -> None:
    container = {"name": "main", "image": "x", "env": [{"name": "WATCH_NAMESPACE"} | env]}
    found = data_of(detected_from(tmp_path, CRD, workload(containers=[container]), *rules()))
    assert found["scope"]["mode"] == mode
    assert found["scope"].get("namespaces") == namespaces


def test_a_role_instead_of_a_cluster_role_limits_the_scope(tmp_path: Path) -> None:
    found = data_of(detected_from(tmp_path, CRD, workload(), *rules(cluster=False)))
    assert found["scope"]["mode"] == "OwnNamespace"


def test_kinds_that_nobody_brings_are_skipped(tmp_path: Path) -> None:
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": "m"},
    }
    found = data_of(detected_from(tmp_path, CRD, workload(), *rules(), monitor))
    assert found["install"]["skip"] == ["ServiceMonitor"]


def test_a_custom_resource_among_the_manifests_is_taken_out_as_a_sample(tmp_path: Path) -> None:
    widget = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "mine"},
        "spec": {"size": 4},
    }
    detected = detected_from(tmp_path, CRD, workload(), *rules(), widget)
    (path,) = detected.samples
    assert path == tmp_path / "samples" / "widget-mine.yaml"
    assert parse(detected.samples[path], file="x")[0]["spec"] == {"size": 4}


def test_a_sample_that_does_not_fit_is_left_out_and_one_is_made_up(tmp_path: Path) -> None:
    widget = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "mine"},
        "spec": {"size": 1},
    }
    projects.dump(tmp_path / "examples" / "widget.yaml", widget)
    detected = detected_from(tmp_path, CRD, workload(), *rules())
    assert any("examples/widget.yaml: it doesn't fit" in sentence for sentence in detected.missing)
    (path,) = detected.samples
    assert parse(detected.samples[path], file="x")[0]["spec"] == {"size": 3}


def test_a_place_holder_for_the_namespace_is_told(tmp_path: Path) -> None:
    role, binding = rules()
    binding["subjects"][0]["namespace"] = "REPLACE_NAMESPACE"
    detected = detected_from(tmp_path, CRD, workload(), role, binding)
    assert any("REPLACE_NAMESPACE" in sentence for sentence in detected.missing)
    assert [item["deployment"] for item in data_of(detected)["workloads"]] == ["op"]


def test_a_cluster_scoped_kind_and_an_old_sample_version_are_told(tmp_path: Path) -> None:
    crd = copy.deepcopy(CRD)
    crd["spec"]["scope"] = "Cluster"
    widget = {"apiVersion": "example.com/v1alpha1", "kind": "Widget", "metadata": {"name": "w"}}
    projects.dump(tmp_path / "samples" / "old.yaml", widget)
    detected = detected_from(tmp_path, crd, workload(), *rules())
    assert "# Widget is cluster-scoped." in detected.text
    assert any("the version v1alpha1 of Widget" in sentence for sentence in detected.missing)


def test_an_empty_folder_and_a_missing_one_are_no_project(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="holds nothing") as error:
        found_in(tmp_path)
    assert "Chart.yaml" in error.value.hint
    with pytest.raises(TargetError, match="no file or folder"):
        found_in(tmp_path / "absent")


def test_manifests_without_a_crd_are_no_target(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no CustomResourceDefinition"):
        detected_from(tmp_path, workload(), *rules())


@pytest.mark.parametrize(
    ("files", "command_", "build"),
    [
        ({"main.go": "package main\nfunc main() {}"}, "bin/manager", "."),
        ({"cmd/main.go": "package main\nfunc main() {}"}, "bin/manager", "./cmd"),
        ({"cmd/op/main.go": "package main\nfunc main() {}"}, "bin/op", "./cmd/op"),
    ],
    ids=["root", "cmd", "named"],
)
def test_the_go_program_is_found(
    tmp_path: Path, files: dict[str, str], command_: str, build: str
) -> None:
    folder = tmp_path / "op"
    (folder / "go.mod").parent.mkdir()
    (folder / "go.mod").write_text("module example.com/op\n")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    process = data_of(detected_from(folder, CRD, workload(), *rules()))["workloads"][0]["process"]
    assert process["command"] == [command_]
    assert process["build"][-1] == build


def test_a_rust_program_and_an_interpreted_one_are_found(tmp_path: Path) -> None:
    rust = tmp_path / "rust"
    rust.mkdir()
    (rust / "Cargo.toml").write_text('[package]\nname = "op-rs"\n')
    process = data_of(detected_from(rust, CRD, workload(), *rules()))["workloads"][0]["process"]
    assert process["command"] == ["target/release/op-rs"]
    python = tmp_path / "python"
    python.mkdir()
    (python / "pyproject.toml").write_text("[project]\n")
    (python / "handlers.py").write_text("")
    name = "python3" if shutil.which("python3") else "python"
    container = {"name": "main", "image": "x", "command": [f"/usr/bin/{name}", "/src/handlers.py"]}
    pod = workload(containers=[container])
    process = data_of(detected_from(python, CRD, pod, *rules()))["workloads"][0]["process"]
    assert process["command"] == [name, "handlers.py"]


def test_of_variants_that_hold_the_same_objects_one_is_taken(tmp_path: Path) -> None:
    projects.dump(tmp_path / "namespace-install.yaml", CRD, workload(), *rules(cluster=False))
    projects.dump(tmp_path / "crds.yaml", CRD)
    projects.dump(tmp_path / "install.yaml", CRD, workload(), *rules())
    detected = found_in(tmp_path)
    assert data_of(detected)["install"]["manifests"]["files"] == ["install.yaml"]
    assert any("install.yaml was taken" in sentence for sentence in detected.missing)


def test_of_several_go_programs_the_image_s_is_taken(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.com/x\n")
    (tmp_path / "Dockerfile").write_text('ENTRYPOINT ["/cli"]\nENTRYPOINT ["/bin/serve"]\n')
    for name in ("cli", "serve"):
        (tmp_path / "cmd" / name).mkdir(parents=True)
        (tmp_path / "cmd" / name / "main.go").write_text("package main\n\nfunc main() {}\n")
    process = data_of(detected_from(tmp_path, CRD, workload(), *rules()))["workloads"][0]["process"]
    assert process["build"][-1] == "./cmd/serve"
