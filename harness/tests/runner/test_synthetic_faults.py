"""The synthetic operator's faults can be switched on: nothing in faults.yaml is misspelt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness import command
from harness.resources import bundled
from harness.targets import load
from harness.tests.runner.synthetic import read_faults, write_target

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = bundled("operators_under_test", "synthetic")
FAULTS = read_faults()


def settings() -> set[str]:
    """Names of the operator's settings, from its source."""
    text = (SOURCE / "internal" / "settings" / "settings.go").read_text()
    return {f"SYNTHETIC_{name}" for name in re.findall(r'`env:"(\w+)"`', text)}


def manifests(folder: Path) -> dict[str, dict[str, Any]]:
    found = yaml.safe_load_all((folder / "operator.yaml").read_text())
    return {item["kind"]: item for item in found}


def test_names_are_unique() -> None:
    names = [fault["name"] for fault in FAULTS]
    assert len(set(names)) == len(names) > 10


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["name"])
def test_a_fault_sets_what_the_operator_reads(fault: dict[str, Any]) -> None:
    assert set(fault["env"]) <= settings()
    assert all(isinstance(value, str) for value in fault["env"].values())
    for patch in fault.get("patches", ()):
        kinds = yaml.safe_load_all((SOURCE / "config" / "operator.yaml").read_text())
        names = [(item["kind"], item["metadata"]["name"]) for item in kinds]
        assert tuple(patch["target"].values()) in names


def test_the_readme_lists_every_setting() -> None:
    text = (SOURCE / "README.md").read_text()
    assert {name for name in settings() if name not in text} == set()


@pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator")
@pytest.mark.controlplane
def test_a_target_with_a_fault_is_a_target(tmp_path: Path) -> None:
    folder = write_target(tmp_path / "t", fault="slow-webhook", workers=3)
    found = manifests(folder)
    (webhook,) = found["ValidatingWebhookConfiguration"]["webhooks"]
    assert "objectSelector" not in webhook
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert env["SYNTHETIC_WEBHOOK_DELAY"] == "100ms"
    assert env["SYNTHETIC_WORKERS"] == "3"
    assert load(str(folder)).name == "synthetic"
