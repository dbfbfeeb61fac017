"""Projects of several layouts, all of the bundled guestbook operator."""

from __future__ import annotations

import copy
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import assets, resources
from harness.manifests.sources import read_kustomization

GUESTBOOK = resources.bundled("operators_under_test", "guestbook")
SAMPLE = "config/samples/webapp_v1_guestbook.yaml"
SOURCES = ("api", "cmd", "internal", "go.mod", "go.sum", "Dockerfile")

Object = dict[str, Any]


def kubectl() -> Path:
    """Returns the path of kubectl; skips the test where this machine has none yet."""
    found = assets.survey((assets.Component.KUBECTL,)).found
    if not found:
        pytest.skip("kubectl isn't here; `harness assets fetch` gets it")
    return found[0].path


def rendered() -> list[Object]:
    """Returns the guestbook's manifests."""
    return read_kustomization(GUESTBOOK / "config" / "default", kubectl())


def dump(path: Path, *objects: Object) -> Path:
    """Writes objects into one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump_all(objects, sort_keys=False), encoding="utf-8")
    return path


def copy_sources(folder: Path) -> None:
    """Copies the operator's Go sources."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SOURCES:
        source = GUESTBOOK / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)


def kubebuilder(folder: Path) -> Path:
    """Makes guestbook without its target.yaml."""
    copy_sources(folder)
    shutil.copytree(GUESTBOOK / "config", folder / "config")
    shutil.copy(GUESTBOOK / "PROJECT", folder / "PROJECT")
    return folder


def concatenated(folder: Path, *, sample: bool = True) -> Path:
    """Makes one file of everything, as a release has it; the sample beside it."""
    dump(folder / "install.yaml", *rendered())
    if sample:
        shutil.copy(GUESTBOOK / SAMPLE, folder / "guestbook.yaml")
    return folder


CLASSIC = {
    "ServiceAccount": "service_account.yaml",
    "Role": "role.yaml",
    "ClusterRole": "role.yaml",
    "RoleBinding": "role_binding.yaml",
    "ClusterRoleBinding": "role_binding.yaml",
    "Deployment": "operator.yaml",
    "CustomResourceDefinition": "crds/webapp.tutorial.kubebuilder.io_guestbooks_crd.yaml",
    "Namespace": "namespace.yaml",
}


def classic(folder: Path) -> Path:
    """Makes operator-sdk's classic layout: deploy/, cmd/manager."""
    copy_sources(folder)
    shutil.move(folder / "cmd", folder / "manager")
    (folder / "cmd").mkdir()
    shutil.move(folder / "manager", folder / "cmd" / "manager")
    files: dict[str, list[Object]] = {}
    for obj in rendered():
        if obj["kind"] == "Deployment":
            container = obj["spec"]["template"]["spec"]["containers"][0]
            container["env"] = [
                {"name": "WATCH_NAMESPACE", "value": ""},
                {
                    "name": "POD_NAME",
                    "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
                },
                {"name": "OPERATOR_NAME", "value": "guestbook"},
            ]
        files.setdefault(CLASSIC.get(obj["kind"], "webhook.yaml"), []).append(obj)
    for name, objects in files.items():
        dump(folder / "deploy" / name, *objects)
    shutil.copy(
        GUESTBOOK / SAMPLE,
        folder / "deploy/crds/webapp.tutorial.kubebuilder.io_v1_guestbook_cr.yaml",
    )
    return folder


def chart(folder: Path) -> Path:
    """Makes a Helm chart: CRDs in crds/, everything else templated by release and values."""
    dump(folder / "Chart.yaml", {"apiVersion": "v2", "name": "guestbook", "version": "0.1.0"})
    dump(folder / "values.yaml", {"image": "example.com/guestbook:v0.1.0", "replicas": 1})
    (folder / "templates").mkdir()
    texts = []
    for obj in rendered():
        if obj["kind"] == "CustomResourceDefinition":
            dump(folder / "crds" / "guestbooks.yaml", obj)
        elif obj["kind"] != "Namespace":
            texts.append(yaml.safe_dump(_templated(obj), sort_keys=False))
    text = "---\n".join(texts).replace("guestbook-system", "{{ .Release.Namespace }}")
    text = re.sub(r"image: example.com\S*", "image: {{ .Values.image }}", text)
    text = text.replace("replicas: 1", "replicas: {{ .Values.replicas }}")
    (folder / "templates" / "all.yaml").write_text(text, encoding="utf-8")
    hook = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "hook", "annotations": {"helm.sh/hook": "pre-install"}},
    }
    dump(folder / "templates" / "hook.yaml", hook)
    return folder


def _templated(obj: Object) -> Object:
    """Returns an object without its namespace, which the release gives."""
    found = copy.deepcopy(obj)
    if found["metadata"].get("namespace") == "guestbook-system":
        del found["metadata"]["namespace"]
    return found
