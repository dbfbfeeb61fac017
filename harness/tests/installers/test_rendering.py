"""From a target definition to manifests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import TargetError
from harness.installers.rendering import render, twin_alterations
from harness.model.target import Install, ManifestPatch, Manifests, Twin, WorkloadSpec
from harness.tests.installers.samples import container, deployment, target

KUBECTL = Path("/nonexistent/kubectl")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(
        tmp_path, deployment(), {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}}
    )


def write(folder: Path, *objects: dict[str, Any]) -> Path:
    path = folder / "all.yaml"
    path.write_text("\n---\n".join(json.dumps(obj) for obj in objects))
    return path


def twin(*patches: ManifestPatch, **env: str) -> Twin:
    return Twin(name="bad", title="It is bad", expect=("REC-001",), env=env, patches=patches)


def fake_kubectl(folder: Path, script: str) -> Path:
    path = folder / "kubectl"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_files_are_read_and_skipped_kinds_left_out(tmp_path: Path, file: Path) -> None:
    found = render(target(tmp_path, str(file), skip=("X",)), kubectl=KUBECTL)
    assert [obj["kind"] for obj in found] == ["Deployment"]


def test_every_broken_file_is_named_at_once(tmp_path: Path, file: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    files = [str(file), str(broken), str(binary), str(tmp_path / "absent.yaml")]
    with pytest.raises(TargetError) as error:
        render(target(tmp_path, *files), kubectl=KUBECTL)
    assert [problem.file for problem in error.value.problems] == files[1:]
    assert error.value.exit_code == 4


def test_a_twin_sets_variables_and_patches_manifests(tmp_path: Path, file: Path) -> None:
    patch = ManifestPatch(
        target={"kind": "Deployment", "name": "op"},
        patch=({"op": "replace", "path": "/spec/replicas", "value": 3},),
    )
    defect = target(tmp_path, str(file), twin=twin(patch, DEFECT="never-ready"))
    found = render(defect, kubectl=KUBECTL)[0]
    assert found["spec"]["replicas"] == 3
    env = found["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env == [{"name": "DEFECT", "value": "never-ready"}]
    assert [change.after for change in twin_alterations(defect)] == [
        "never-ready",
        "replace /spec/replicas",
    ]


def test_a_twin_adds_manifests_after_the_others(tmp_path: Path, file: Path) -> None:
    extra = {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x", "namespace": "elsewhere"}}
    defect = target(tmp_path, str(file), twin=Twin(name="b", title="B", expect=(), add=(extra,)))
    assert render(defect, kubectl=KUBECTL)[2] == extra
    (change,) = twin_alterations(defect)
    assert (change.subject, change.after) == ("X elsewhere/x", "added")


def test_a_twin_that_adds_what_is_there_is_an_error(tmp_path: Path, file: Path) -> None:
    extra = {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}}
    defect = target(tmp_path, str(file), twin=Twin(name="b", title="B", expect=(), add=(extra,)))
    with pytest.raises(TargetError, match="adds X x, which is there already"):
        render(defect, kubectl=KUBECTL)


@pytest.mark.parametrize(
    ("wanted", "patch", "message"),
    [
        ({"kind": "Deployment", "name": "other"}, [], "matches nothing"),
        (
            {"kind": "Deployment", "name": "op"},
            [{"op": "remove", "path": "/spec/absent"}],
            "no 'absent'",
        ),
    ],
)
def test_a_patch_that_does_not_fit_is_an_error(
    tmp_path: Path, file: Path, wanted: dict[str, str], patch: list[dict[str, Any]], message: str
) -> None:
    bad = twin(ManifestPatch(target=wanted, patch=tuple(patch)))
    with pytest.raises(TargetError, match=message):
        render(target(tmp_path, str(file), twin=bad), kubectl=KUBECTL)


def test_an_unknown_deployment_comes_with_a_suggestion(tmp_path: Path) -> None:
    path = write(tmp_path, deployment(name="opp"))
    with pytest.raises(TargetError, match="no Deployment 'op'") as error:
        render(target(tmp_path, str(path)), kubectl=KUBECTL)
    assert "did you mean 'opp'?" in error.value.hint


def test_of_several_containers_the_one_called_manager_is_the_operator(tmp_path: Path) -> None:
    path = write(tmp_path, deployment(container(name="proxy"), container()))
    assert render(target(tmp_path, str(path)), kubectl=KUBECTL)
    path = write(tmp_path, deployment(container(name="a"), container(name="b")))
    with pytest.raises(TargetError, match="2 containers") as error:
        render(target(tmp_path, str(path)), kubectl=KUBECTL)
    assert "a, b" in error.value.hint


def test_manifests_without_a_deployment_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}})
    with pytest.raises(TargetError, match="no Deployment"):
        render(target(tmp_path, str(path)), kubectl=KUBECTL)
    with pytest.raises(TargetError, match="no object"):
        render(target(tmp_path, str(path), skip=("X",)), kubectl=KUBECTL)


def kustomized(folder: Path) -> Any:
    made = target(folder)
    install = Install(manifests=Manifests(kustomize=str(folder)))
    return msgspec.structs.replace(
        made, install=install, workloads=(WorkloadSpec(deployment="op"),)
    )


def test_kustomize_renders_and_its_warnings_are_left_out(tmp_path: Path) -> None:
    text = json.dumps(deployment())
    kubectl = fake_kubectl(tmp_path, f"echo '# Warning: old' >&2; echo '{text}'")
    assert render(kustomized(tmp_path), kubectl=kubectl)[0]["metadata"]["name"] == "op"


def test_what_kustomize_refuses_is_the_targets_problem(tmp_path: Path) -> None:
    kubectl = fake_kubectl(tmp_path, "echo 'error: no such base ../x' >&2; exit 1")
    with pytest.raises(TargetError, match=r"doesn't render: no such base \.\./x") as error:
        render(kustomized(tmp_path), kubectl=kubectl)
    assert error.value.problems[0].file == str(tmp_path)


def test_a_kustomize_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="isn't there"):
        render(kustomized(tmp_path / "absent"), kubectl=KUBECTL)
