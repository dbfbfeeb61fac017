"""The pins: one constant a family, in step with the Go modules."""

from __future__ import annotations

import re

import pytest

from harness.assets.components import MODULES, Component, module_of, pinned
from harness.assets.components import variable as variable_of
from harness.assets.modules import GoModule
from harness.assets.versions import find_version, minor


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_go_mod_pins_the_version_of_the_constant(module: GoModule) -> None:
    text = (module.folder / "go.mod").read_text()
    for package in module.packages.values():
        required = [
            (path, version)
            for path, version in re.findall(r"^(?:require )?\s*(\S+/\S+) v(\S+)$", text, re.M)
            if package == path or package.startswith(f"{path}/")
        ]
        assert required, f"{module.name}/go.mod doesn't require what has {package}"
        assert {_release(path, version) for path, version in required} == {module.version}


def test_kubernetes_staging_modules_are_of_the_same_version() -> None:
    text = (module_of(Component.KUBECTL).folder / "go.mod").read_text()
    staged = re.findall(r"k8s\.io/\S+ => k8s\.io/\S+ v0\.(\S+)", text)
    assert len(staged) > 20
    assert {f"1.{version}" for version in staged} == {pinned(Component.KUBECTL)}


def _release(path: str, version: str) -> str:
    """Returns the release of a module's version: Prometheus 3.15.0 is its module v0.315.0."""
    if path != "github.com/prometheus/prometheus":
        return version
    _, minor, patch = version.split(".")
    return f"{minor[0]}.{int(minor[1:])}.{patch}"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_tools_go_imports_each_command(module: GoModule) -> None:
    text = (module.folder / "tools.go").read_text()
    assert set(re.findall(r'_ "(\S+)"', text)) == set(module.packages.values())


def test_each_component_belongs_to_one_module() -> None:
    owned = [component for module in MODULES for component in module.packages]
    assert sorted(owned) == sorted(Component)


def test_inputs_differ_by_component_and_don_t_change_by_themselves() -> None:
    digests = {module_of(component).inputs(component) for component in Component}
    assert len(digests) == len(Component)
    again = {module_of(component).inputs(component) for component in Component}
    assert digests == again


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Kubernetes v1.34.4", "1.34.4"),
        ("etcd Version: 3.6.5\nGit SHA: 0.0.0.1\nGo Version: go1.26.8", "3.6.5"),
        ("Client Version: v1.32.4-dispatcher\nKustomize Version: v5.7.1", "1.32.4-dispatcher"),
        ("kwok version v0.8.0 go1.26.8 (linux/amd64)", "0.8.0"),
        ("built with go1.26.8", ""),
        ("", ""),
    ],
)
def test_the_version_is_found_in_what_binaries_print(text: str, version: str) -> None:
    assert find_version(text) == version


def test_a_minor_version_is_the_first_two_numbers() -> None:
    assert minor("1.34.4-rc.0") == "1.34"


def test_the_variable_of_a_component_is_its_name_in_capitals() -> None:
    assert variable_of(Component.KUBE_APISERVER) == "TEST_ASSET_KUBE_APISERVER"
