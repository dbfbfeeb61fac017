"""Fixtures of the guard's tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from harness.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def env() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    folder.mkdir()
    return folder


@pytest.fixture
def guard(state: Path, evidence: Path) -> Iterator[Guard]:
    with Guard.start(state_dir=state, evidence=evidence) as started:
        yield started
