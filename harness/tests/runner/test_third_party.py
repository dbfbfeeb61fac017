"""Operators of other projects: smoke passes, and what it finds is true and waived with a reason."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from harness.model.findings import Status
from harness.model.verdict import ExitCode
from harness.resources import bundled

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.tests.runner.running import Finished, Home, Runs

pytestmark = pytest.mark.controlplane

PROGRAMS = {"prometheus-operator": "operator", "argo-rollouts": "rollouts-controller"}


def built(name: str) -> pytest.MarkDecorator:
    """Skips where an operator's program isn't there: building it takes minutes."""
    program = bundled("operators_under_test", name, "bin", PROGRAMS[name])
    return pytest.mark.skipif(not program.exists(), reason=f"{name} is built by make targets")


prometheus_operator = built("prometheus-operator")
argo_rollouts = built("argo-rollouts")


def smoke(target: str) -> Callable[[Home], Finished]:
    return lambda home: home.run("--timeout", "silence=5", target=target).finish()


SCENARIOS: dict[str, Callable[[Home], Any]] = {name: smoke(name) for name in PROGRAMS}


def status(run: Finished) -> dict[str, Status]:
    return {item.check.id: item.status for item in run.result.checks}


@prometheus_operator
def test_prometheus_operator_passes_but_for_what_its_restart_writes(runs: Runs) -> None:
    run: Finished = runs["prometheus-operator"]
    assert run.exit_code == ExitCode.PASS, run.stdout + run.stderr
    found = status(run)
    for check in ("REC-004", "RBA-101", "RBA-103", "RBA-104"):
        assert found.pop(check) is Status.WAIVED, check
    assert set(found.values()) == {Status.PASS}


@prometheus_operator
def test_its_waived_findings_are_writes_to_the_status_of_what_it_has_converged(runs: Runs) -> None:
    run: Finished = runs["prometheus-operator"]
    titles = [finding.title for finding in run.result.waived if finding.check == "REC-004"]
    assert any(title.endswith("patch Prometheus/status sample") for title in titles), titles
    assert all("/status sample" in title for title in titles)


@prometheus_operator
def test_the_reason_of_its_waivers_still_holds(runs: Runs) -> None:
    """A condition that stays as it is gets another transition time."""
    run: Finished = runs["prometheus-operator"]
    seen = [
        (condition["status"], condition["observedGeneration"], condition["lastTransitionTime"])
        for event in run.evidence.timeline("prometheuses.monitoring.coreos.com")
        for condition in (event.object.get("status") or {}).get("conditions") or ()
        if condition["type"] == "Available"
    ]
    assert any(
        before[:2] == after[:2] and before[2] != after[2]
        for before, after in pairwise(seen)
        if before[0] == "True"
    )


@argo_rollouts
def test_argo_rollouts_passes_every_check(runs: Runs) -> None:
    run: Finished = runs["argo-rollouts"]
    assert run.exit_code == ExitCode.PASS, run.stdout + run.stderr
    found = status(run)
    for check in ("RBA-103", "RBA-104", "RBA-115"):
        assert found.pop(check) is Status.WAIVED, check
    assert set(found.values()) == {Status.PASS}


@argo_rollouts
def test_its_canary_has_gone_through_its_steps(runs: Runs) -> None:
    run: Finished = runs["argo-rollouts"]
    steps = {
        (event.object.get("status") or {}).get("currentStepIndex")
        for event in run.evidence.timeline("rollouts.argoproj.io")
        if event.object["metadata"]["generation"] > 1
    }
    assert {1, 2} <= steps
