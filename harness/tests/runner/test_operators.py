"""Each operator under test passes smoke, and each of its faulty twins fails as it declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness import command
from harness.model.findings import Status
from harness.model.verdict import Verdict
from harness.targets import load
from harness.tests.runner.running import SHORT, Finished, Home, Runs, twins_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operators"),
]

OPERATORS = ("application", "imoocpod")
TWINS = tuple((operator, name) for operator in OPERATORS for name in twins_of(operator, "smoke"))
CONSEQUENCES = {"imoocpod dies-after-delete": {"OBS-001"}}
"""What may fail beside: as long as a process is gone, nobody answers for its metrics."""


def smoke(operator: str, *words: str) -> Callable[[Home], Any]:
    return lambda home: home.run(*words, *SHORT, target=operator).finish()


SCENARIOS = {
    **{operator: smoke(operator) for operator in OPERATORS},
    **{f"{operator} {twin}": smoke(operator, "--twin", twin) for operator, twin in TWINS},
}


def statuses(run: Finished) -> dict[str, Status]:
    return {item.check.id: item.status for item in run.result.checks}


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_healthy_operator_passes_with_nothing_to_remark(runs: Runs, operator: str) -> None:
    run: Finished = runs[operator]
    assert run.exit_code == 0, run.stdout + run.stderr
    assert run.result.verdict is Verdict.PASS
    assert run.result.findings == ()
    assert run.result.errors == ()


def test_an_operator_without_observed_generation_is_judged_by_all_else(runs: Runs) -> None:
    found = statuses(runs["imoocpod"])
    assert found.pop("STA-002") is Status.NOT_APPLICABLE
    assert found.pop("RBA-104") is Status.WAIVED, "it makes Pods"
    assert set(found.values()) == {Status.PASS}


def test_a_kind_whose_crd_is_absent_is_left_out(runs: Runs) -> None:
    run: Finished = runs["application"]
    assert run.failing == set()
    assert load("application").install.skip == ("ServiceMonitor",)
    assert "servicemonitors" not in (run.run.path / "evidence" / "audit.log").read_text()


@pytest.mark.parametrize("operator", OPERATORS)
def test_each_operator_has_at_least_three_faulty_twins(operator: str) -> None:
    assert len([twin for name, twin in TWINS if name == operator]) >= 3


@pytest.mark.parametrize(("operator", "name"), TWINS)
def test_a_faulty_twin_fails_exactly_the_checks_that_it_declares(
    runs: Runs, operator: str, name: str
) -> None:
    scenario = f"{operator} {name}"
    run: Finished = runs[scenario]
    declared = load(operator, twin=name).twin
    assert declared is not None
    assert run.exit_code == 1, run.stdout + run.stderr
    assert run.result.verdict is Verdict.FAIL
    assert run.failing - CONSEQUENCES.get(scenario, set()) == set(declared.expect)
