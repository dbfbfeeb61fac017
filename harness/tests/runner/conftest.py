"""Fixtures of the tests of whole runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.tests.runner.running import Home, Runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    """The module's SCENARIOS, two at a time."""
    made = Runs(request.module.SCENARIOS, tmp_path_factory.mktemp("runs"))
    yield made
    made.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A place of its own."""
    return Home(tmp_path / "home")
