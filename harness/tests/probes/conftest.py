"""Fixtures of the probes' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.clock import SYSTEM_CLOCK
from harness.evidence.folder import RunFolder
from harness.model.resource import Resource
from harness.tests.kube.control_plane import ControlPlane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", suite="s", target="t", now=SYSTEM_CLOCK.now())


@pytest.fixture
def configmaps() -> Resource:
    return Resource(group="", version="v1", plural="configmaps", kind="ConfigMap", namespaced=True)


@pytest.fixture
def secrets() -> Resource:
    return Resource(group="", version="v1", plural="secrets", kind="Secret", namespaced=True)


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server, one for each module that asks."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        yield running
