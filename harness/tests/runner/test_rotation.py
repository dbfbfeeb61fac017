"""A soak rotates the operator's token: one that follows it passes, one that doesn't is found."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from harness import command
from harness.model.findings import Status
from harness.model.soak import DEFINITION, TOKEN
from harness.resources import bundled
from harness.tests.runner.running import Home
from harness.tests.runner.synthetic import write_target

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tests.runner.running import Finished

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator"),
]

READS_AGAIN_S = 75.0  # client-go reads a token's file once a minute
SOAK = ("--duration", "32", "--rate", "4", "--timeout", "converge=12")


def rotating(folder: Path, overlap_s: float) -> Path:
    """Copies the suite: its soak is too short for a rotation, unless it asks for one."""
    shutil.copytree(bundled("suites", "soak"), folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "test_soak.py"
    text = file.read_text()
    assert text.count("soak.run()") == 1
    file.write_text(text.replace("soak.run()", f"soak.run(overlap_s={overlap_s})"))
    return folder


def soaked(home: Home, fault: str = "", *, overlap_s: float) -> Finished:
    target = write_target(home.path / "target", fault=fault)
    suite = rotating(home.path / "soak", overlap_s)
    return home.run("--suite", str(suite), *SOAK, target=target).finish()


def test_an_operator_that_reads_its_token_again_notices_nothing(home: Home) -> None:
    done = soaked(home, overlap_s=READS_AGAIN_S)
    status = {item.check.id: item.status for item in done.result.checks}
    assert status["SOA-108"] is Status.PASS, done.stdout
    assert status["INS-003"] is Status.PASS
    (rotation,) = (item for item in done.evidence.disturbances if item.name == TOKEN)
    assert rotation.overlap_s >= READS_AGAIN_S
    assert any(band.name == "disturbance: token" for band in done.result.phases)


def test_an_operator_that_keeps_its_token_is_found_and_the_soak_goes_on(home: Home) -> None:
    done = soaked(home, "keeps-its-token", overlap_s=1.0)
    assert "SOA-108" in done.failing, done.stdout
    assert "Nothing converged any more" in done.finding("SOA-108")
    assert done.result.soak is not None
    assert {item.failures for item in done.result.soak.loads} == {0}
    last = done.result.soak.disturbances[-1]
    assert last.name == DEFINITION
    assert last.recovered, "it was started again, with its new token"
