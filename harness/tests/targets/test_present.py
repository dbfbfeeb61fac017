"""A target whose operator is in a cluster already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.targets import load

if TYPE_CHECKING:
    from pathlib import Path

DEFINITION = """\
apiVersion: harness/v1
kind: Target
name: op
install: {present: true}
workloads:
- deployment: op
  namespace: op-system
kinds:
- resource: things.example.org
  samples: [thing.yaml]
"""
SAMPLE = "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: one}\n"


def test_it_needs_no_manifests_but_the_name_of_its_deployment(tmp_path: Path) -> None:
    (tmp_path / "target.yaml").write_text(DEFINITION)
    (tmp_path / "thing.yaml").write_text(SAMPLE)
    found = load(str(tmp_path))
    assert found.install.present
    assert found.install.manifests.kustomize is None
    (workload,) = found.workloads
    assert (workload.deployment, workload.namespace) == ("op", "op-system")
