"""--keep, --fail-fast, and two runs at once."""

from __future__ import annotations

import pytest

from harness.model.findings import Status
from harness.tests.runner.running import SHORT, Finished, Home, Runs

pytestmark = pytest.mark.controlplane


def keeps(home: Home) -> dict[str, Finished]:
    done = {"run": home.run("--keep", "-k", "converges", *SHORT).finish()}
    done["list"] = home.start("cluster", "list").finish()
    done["kubectl"] = home.start("kubectl", "get", "deployments", "-A", "-o", "name").finish()
    done["down"] = home.start("cluster", "down", "--all").finish()
    return done


def one_of_two(home: Home) -> Finished:
    return home.run(*SHORT).finish()


def fails_fast(home: Home) -> Finished:
    return home.run("--twin", "never-ready", "--fail-fast", *SHORT).finish()


SCENARIOS = {"first": one_of_two, "second": one_of_two, "keeps": keeps, "fails fast": fails_fast}


def test_two_runs_at_once_both_pass(runs: Runs) -> None:
    first, second = runs["first"], runs["second"]
    assert first.exit_code == 0, first.stdout + first.stderr
    assert second.exit_code == 0, second.stdout + second.stderr


def test_a_kept_cluster_stays_usable_until_it_is_taken_down(runs: Runs) -> None:
    kept: dict[str, Finished] = runs["keeps"]
    assert kept["run"].exit_code == 0, kept["run"].stdout + kept["run"].stderr
    assert "harness cluster down" in kept["run"].stdout
    assert "kept" in kept["list"].stdout
    assert "guestbook-controller-manager" in kept["kubectl"].stdout
    assert kept["down"].exit_code == 0, kept["down"].stderr
    assert kept["run"].home.processes() == []
    assert kept["run"].home.files() == []


def test_a_run_that_fails_fast_ends_with_its_first_failure(runs: Runs) -> None:
    done: Finished = runs["fails fast"]
    status = {item.check.id: item.status for item in done.result.checks}
    assert done.exit_code == 1, done.stdout + done.stderr
    assert [test.outcome for test in done.result.tests if test.outcome != "passed"] == ["failed"]
    assert status["REC-001"] is Status.FAIL
    assert status["OBS-006"] is not Status.FAIL
    assert len(done.result.tests) < 12
