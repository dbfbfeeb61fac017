"""The scope suite on a real control plane: who stays in his scope passes, who leaves it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness import command
from harness.model.findings import Status
from harness.resources import bundled
from harness.tests.runner.running import Runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.tests.runner.running import Finished, Home

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the fixtures"),
]

QUICK = ("--timeout", "silence=2", "--timeout", "converge=10", "--timeout", "ready=15")


def scope(name: str, *words: str) -> Callable[[Home], Finished]:
    folder = bundled("operators_under_test", "fixtures", name)
    return lambda home: home.run("--suite", "scope", *words, *QUICK, target=folder).finish()


SCENARIOS: dict[str, Callable[[Home], Any]] = {
    "two-namespaces": scope("two-namespaces"),
    "watches-everything": scope("one-namespace", "--twin", "watches-everything"),
    "leaks-a-foreign-secret": scope("all-namespaces", "--twin", "leaks-a-foreign-secret"),
}


def status(run: Finished, check: str) -> Status:
    (found,) = (item.status for item in run.result.checks if item.check.id == check)
    return found


def test_an_operator_of_two_namespaces_is_tried_in_both_and_beside_a_second(runs: Runs) -> None:
    run: Finished = runs["two-namespaces"]
    assert (run.exit_code, run.failing) == (0, set()), run.stdout
    for check in ("SCO-003", "SCO-101", "SCO-102", "SCO-103", "SCO-105", "SCO-106"):
        assert status(run, check) is Status.PASS, check
    assert status(run, "SCO-104") is Status.NOT_APPLICABLE
    served = {
        phase.objects[0].namespace for phase in run.evidence.phases() if "SCO-102" in phase.checks
    }
    assert served == {"notes-a", "notes-b"}


def test_caches_of_all_namespaces_are_seen_in_four_ways(
    runs: Runs,
) -> None:
    run: Finished = runs["watches-everything"]
    assert run.exit_code == 1, run.stdout
    assert run.result.errors == ()
    assert run.failing == {"SCO-003", "SCO-101", "SCO-102", "SCO-103"}
    titles = " ".join(item.title for item in run.result.findings)
    assert "watch configmaps" in titles
    assert "the operator doesn't become ready" in titles
    assert status(run, "SCO-106") is Status.PASS, "all that was suspended or given is put back"


def test_a_canary_in_the_status_is_found_and_all_else_passes(runs: Runs) -> None:
    run: Finished = runs["leaks-a-foreign-secret"]
    assert run.failing == {"SCO-104"}, run.stdout
    finding = run.finding("SCO-104")
    assert "spec.textFrom shows a tenant the Secret of namespace harness-" in finding
    assert ", status." in finding
    assert status(run, "SCO-103") is Status.NOT_APPLICABLE
