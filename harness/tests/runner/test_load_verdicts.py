"""What the load suite concludes of an operator whose limits are known: a cause, a gate, no answer.

Rates are a multiple of what is served, so that none of it depends on how fast the machine is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from harness import command
from harness.analysis import load_result
from harness.model.loadresult import Cause
from harness.model.verdict import ExitCode
from harness.tests.runner.running import Home
from harness.tests.runner.synthetic import write_target

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.loadresult import LoadResult
    from harness.tests.runner.running import Finished

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator"),
]

STEADY = ("--suite", "load", "--profile", "steady", "--duration", "6")


def loaded(done: Finished) -> LoadResult:
    found = load_result(done.evidence)
    assert found is not None, done.stderr
    return found


def gated(target: Path, gates: dict[str, str]) -> Path:
    file = target / "target.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"gates": gates}))
    return target


def test_an_overload_fails_its_gate_and_its_cause_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    made = write_target(
        home.path / "target",
        fault="one-worker",
        service_time="100ms",
        client_metrics="true",
        client_qps=1000,  # without a limiter nothing tells how long it waited
        client_burst=1000,
    )
    target = gated(made, {"load_latency_p99": "300ms"})

    done = home.run(*STEADY, "--rate", "25", "--timeout", "converge=5", target=target).finish()

    assert done.exit_code == ExitCode.FAIL, done.stdout + done.stderr
    (gate,) = (item for item in done.result.gates if item.gate.measurement == "load_latency_p99")
    assert gate.met is False
    load = loaded(done)
    assert load.bottleneck is not None
    assert load.bottleneck.cause is Cause.ONE_WORKER, load.bottleneck.evidence
    assert "task has one worker" in load.bottleneck.evidence[0]
    (steady,) = (item for item in load.operator if item.phase == "steady")
    assert steady.api_bytes_per_reconcile is not None
    assert steady.api_bytes_per_reconcile > 200, "a status and what the server makes of it"
    assert steady.limiter_wait_ms is not None


def test_a_load_that_can_t_be_sent_says_nothing_about_the_operator(tmp_path: Path) -> None:
    """All connections wait for a webhook: 256 of them send 102 writes of 2.5 s a second."""
    home = Home(tmp_path / "home")
    target = write_target(home.path / "target", fault="slow-webhook", webhook_delay="2500ms")

    done = home.run(*STEADY, "--rate", "130", target=target).finish()

    assert done.exit_code == ExitCode.INCONCLUSIVE, done.stdout + done.stderr
    load = loaded(done)
    (steady,) = (phase for phase in load.phases if phase.name == "steady")
    assert steady.arrived.dropped > 0
    assert steady.arrived.conserved
    assert "dropped" in steady.generator_limited
    assert load.bottleneck is not None
    assert load.bottleneck.cause is Cause.SLOW_WEBHOOK, load.bottleneck.evidence
