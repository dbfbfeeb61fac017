"""A machine of fakes for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.assets.components import Component, variable
from harness.assets.network import MIRROR, OFFLINE
from harness.assets.sources import FOLDER
from harness.tests.assets.fakes import Machine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for name in (FOLDER, *(variable(component) for component in Component)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(MIRROR, raising=False)
    monkeypatch.setenv(OFFLINE, "1")  # tests reach for nothing but loopback
    return Machine(tmp_path, monkeypatch.setenv)
