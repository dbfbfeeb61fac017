"""A small project that loads, for tests to break."""

from __future__ import annotations

from pathlib import Path

import pytest

TARGET = """\
apiVersion: harness/v1
kind: Target
name: widget
install:
  manifests: {kustomize: config/default}
kinds:
- resource: widgets.example.com
  samples: [config/samples/widget.yaml]
"""

SAMPLE = """\
apiVersion: example.com/v1
kind: Widget
metadata:
  name: sample
spec:
  size: 1
"""

TWIN = """\
apiVersion: harness/v1
kind: Twin
name: never-ready
title: It never becomes ready.
env: {WIDGET_DEFECT: never-ready}
expect: [REC-001]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a folder with a target, its manifests, a sample and a twin; the user stands in it."""
    for name, text in {
        "target.yaml": TARGET,
        "config/default/kustomization.yaml": "resources: []\n",
        "config/samples/widget.yaml": SAMPLE,
        "twins/never-ready.yaml": TWIN,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path
