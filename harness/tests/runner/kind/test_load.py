"""The load suite on kind, where the operator runs in its Pod and its children really do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import command
from harness.model.verdict import Verdict
from harness.tests.runner.test_load import assert_conserved

if TYPE_CHECKING:
    from harness.tests.runner.running import Home

pytestmark = [
    pytest.mark.kind,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator"),
    pytest.mark.skipif(command.which("docker") is None, reason="needs Docker, for kind"),
]

_STEADY = ("--suite", "load", "--profile", "steady", "--rate", "1", "--duration", "15")
_PATIENT = ("--timeout", "cluster=300", "--timeout", "ready=180", "--timeout", "converge=180")


def test_every_arrival_converges_and_nobody_is_accused(home: Home) -> None:
    """Also not of what the API server refuses while it doesn't know a new kind: OBS-006 passes."""
    run = home.run("--cluster", "kind", *_STEADY, *_PATIENT, target="guestbook")
    done = run.finish(within=900.0)
    assert done.exit_code == 0, done.stdout + done.stderr
    assert done.result.verdict is Verdict.PASS
    assert_conserved(done)
    assert done.result.load is not None
    steady = next(item for item in done.result.load.phases if item.name == "steady")
    assert steady.arrived.done == steady.arrived.arrivals > 0
