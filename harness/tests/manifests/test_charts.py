"""From a chart to objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.assets import Component, resolve
from harness.errors import CommandError, TargetError
from harness.manifests.objects import describe
from harness.manifests.sources import read_chart
from harness.model.target import Helm


def program(folder: Path, script: str) -> Path:
    """Writes a fake helm, which notes its arguments."""
    path = folder / "helm"
    path.write_text(f'#!/bin/sh\necho "$@" > {folder}/arguments\n{script}\n')
    path.chmod(0o755)
    return path


def printing(folder: Path, *objects: dict[str, Any]) -> Path:
    text = "\n---\n".join(json.dumps(obj) for obj in objects)
    (folder / "output").write_text(text + "\n")
    return program(folder, f"cat {folder}/output")


def thing(name: str, **annotations: str) -> dict[str, Any]:
    keys = {f"helm.sh/{key.replace('_', '-')}": value for key, value in annotations.items()}
    metadata = {"name": name, "annotations": keys}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def test_release_namespace_values_and_version_are_passed_on(tmp_path: Path) -> None:
    helm = printing(tmp_path, thing("a"))
    chart = Helm(chart="/charts/op", values=("a.yaml", "b.yaml"), namespace="system")
    read_chart(chart, helm, release="op", kubernetes="1.33.6")
    assert (tmp_path / "arguments").read_text().strip() == (
        "template op /charts/op --namespace system --include-crds --kube-version 1.33.6 "
        "--values a.yaml --values b.yaml"
    )


def test_hooks_are_left_out_and_said_in_one_note(tmp_path: Path) -> None:
    hooks = (thing("migrate", hook="pre-install,pre-upgrade"), thing("try", hook="test"))
    helm = printing(tmp_path, hooks[0], thing("kept", resource_policy="keep"), hooks[1])
    notes: list[str] = []
    found = read_chart(Helm(chart="/c"), helm, release="r", on_note=notes.append)
    assert [describe(obj) for obj in found] == ["ConfigMap kept"]
    (note,) = notes
    assert "ConfigMap migrate (pre-install,pre-upgrade), ConfigMap try (test)" in note


def test_a_chart_without_hooks_has_no_note(tmp_path: Path) -> None:
    notes: list[str] = []
    read_chart(Helm(chart="/c"), printing(tmp_path, thing("a")), release="r", on_note=notes.append)
    assert notes == []


def test_what_helm_refuses_is_the_targets_problem_in_helms_own_words(tmp_path: Path) -> None:
    words = "values don't meet the specifications of the schema(s): replicas is required"
    helm = program(tmp_path, f'echo "Error: {words}" >&2; exit 1')
    with pytest.raises(TargetError) as caught:
        read_chart(Helm(chart="/charts/op"), helm, release="r")
    assert caught.value.exit_code == 4
    assert f"/charts/op: doesn't render: {words}" in str(caught.value)


def test_a_helm_that_vanished_is_not_blamed_on_the_chart(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        read_chart(Helm(chart="/c"), tmp_path / "absent", release="r")


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.controlplane
def test_the_real_helm_renders_crds_values_and_the_version_and_says_what_is_wrong(
    tmp_path: Path,
) -> None:
    helm = resolve((Component.HELM,)).path(Component.HELM)
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.test"},
        "spec": {
            "group": "example.test",
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    chart = write(
        tmp_path / "chart",
        Chart_yaml="apiVersion: v2\nname: op\nversion: 0.1.0\nkubeVersion: '>= 1.30.0'\n",
        values_yaml="who: nobody\n",
        crds__things_yaml=json.dumps(crd),
        templates__a_yaml="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
        "data: {who: '{{ required \"who?\" .Values.who }}', "
        "version: '{{ .Capabilities.KubeVersion.Version }}'}\n",
        templates__hook_yaml="apiVersion: v1\nkind: ConfigMap\n"
        "metadata: {name: h, annotations: {helm.sh/hook: post-install}}\n",
    )
    values = write(tmp_path, mine_yaml="who: somebody\n") / "mine.yaml"
    notes: list[str] = []
    found = read_chart(
        Helm(chart=str(chart), values=(str(values),), namespace="system"),
        helm,
        release="op",
        kubernetes="1.33.6",
        on_note=notes.append,
    )
    assert [obj["kind"] for obj in found] == ["Namespace", "CustomResourceDefinition", "ConfigMap"]
    assert found[2]["data"] == {"who": "somebody", "version": "v1.33.6"}
    assert found[2]["metadata"]["namespace"] == "system"
    assert "ConfigMap h (post-install)" in notes[0]
    values.write_text("who: ''\n")
    with pytest.raises(TargetError, match=r"who\?"):
        read_chart(Helm(chart=str(chart), values=(str(values),)), helm, release="op")
