"""However a run is stopped: nothing stays, and what it recorded is judged."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from harness.model.findings import Status
from harness.model.verdict import Verdict
from harness.tests.runner.running import (
    SHORT,
    Finished,
    Home,
    Runs,
    Started,
    guestbook,
    listening,
)

pytestmark = pytest.mark.controlplane

SLOW_BUILD = ("build: [env, CGO_ENABLED=0, go, build, -trimpath, -o, bin/manager, ./cmd]",
              "build: [sh, -c, 'mktemp; sleep 300 & echo begun; wait']")  # fmt: skip
CREATED = "test_converges"
REPORTS = ("report.html", "result.json", "junit.xml", "summary.md")


class Killed:
    """What is left of a run that was ended by SIGKILL: what listened, and its report."""

    def __init__(self, started: Started) -> None:
        self.home = started.home
        self.ports = self.home.ports()
        started.kill()
        self.home.await_quiet()
        self.files = self.home.files()
        self.report: Finished | None = None
        if (self.home.runs / "latest").exists():
            self.report = self.home.start("report", self.home.runs / "latest").finish()


def stopped(stage: str, sig: signal.Signals) -> Any:
    return lambda home: home.run(*SHORT).follow(stage).send(sig).finish()


def killed(stage: str) -> Any:
    return lambda home: Killed(home.run(*SHORT).follow(stage))


def builds_slowly(home: Home) -> Started:
    return home.run(target=guestbook(home, SLOW_BUILD)).follow("begun")


def killed_while_building(home: Home) -> Killed:
    return Killed(builds_slowly(home))


def stopped_while_building(home: Home) -> Finished:
    return builds_slowly(home).send(signal.SIGTERM).finish()


def stopped_twice(home: Home) -> Finished:
    started = home.run(*SHORT).follow(CREATED).send(signal.SIGINT)
    done = started.follow("once more stops at once").send(signal.SIGINT).finish(within=5.0)
    home.await_quiet()
    return done


STAGES = {
    "cluster": "starting etcd",
    "installing": "Applying the manifests",
    "suite": CREATED,
    "teardown": "Taking everything down",
}
STOPPED = {
    "suite by SIGINT": (CREATED, signal.SIGINT, "suite smoke"),
    "suite by SIGTERM": (CREATED, signal.SIGTERM, "suite smoke"),
    "cluster by SIGINT": ("starting etcd", signal.SIGINT, "cluster"),
    "install by SIGTERM": ("Starting the operator", signal.SIGTERM, "install"),
}
SCENARIOS = {
    **{name: stopped(stage, sig) for name, (stage, sig, _) in STOPPED.items()},
    "build by SIGTERM": stopped_while_building,
    "twice": stopped_twice,
    "kill building": killed_while_building,
    **{f"kill {name}": killed(stage) for name, stage in STAGES.items()},
}


@pytest.mark.parametrize("name", STOPPED)
def test_a_stopped_run_takes_all_down_and_reports_what_it_knows(runs: Runs, name: str) -> None:
    done: Finished = runs[name]
    _, sig, stage = STOPPED[name]
    assert done.exit_code == 2, done.stdout + done.stderr
    assert done.result.verdict is Verdict.INTERRUPTED
    assert stage in done.result.sentence
    assert sig.name in done.result.sentence
    assert all(done.run.report(report).is_file() for report in REPORTS)
    assert done.home.processes() == []
    assert done.home.files() == []


def test_what_was_judged_before_the_stop_stays_judged(runs: Runs) -> None:
    done: Finished = runs["suite by SIGINT"]
    status = {item.check.id: item.status for item in done.result.checks}
    assert status["INS-001"] is Status.PASS
    assert status["REC-001"] is Status.PASS
    assert status["LIF-001"] is Status.NOT_VERIFIED


def test_a_stop_before_the_run_began_leaves_nothing(runs: Runs) -> None:
    done: Finished = runs["build by SIGTERM"]
    assert done.exit_code == 2, done.stderr
    assert "Stopped by SIGTERM" in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.home.runs.exists()
    assert done.home.processes() == []
    assert done.home.files() == []


def test_a_second_stop_ends_at_once_and_the_guard_still_cleans(runs: Runs) -> None:
    done: Finished = runs["twice"]
    assert done.exit_code == 2, done.stderr
    assert done.home.files() == []


@pytest.mark.parametrize("stage", ["building", *STAGES])
def test_nothing_outlives_a_killed_run(runs: Runs, stage: str) -> None:
    left: Killed = runs[f"kill {stage}"]
    assert listening(left.ports) == set()
    assert left.files == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_run_can_be_judged(runs: Runs, stage: str) -> None:
    left: Killed = runs[f"kill {stage}"]
    assert left.report is not None
    assert left.report.exit_code == 2, left.report.stdout + left.report.stderr
    assert left.report.result.verdict is Verdict.INTERRUPTED


def test_the_evidence_of_a_killed_run_counts(runs: Runs) -> None:
    left: Killed = runs["kill teardown"]
    assert left.report is not None
    status = {item.check.id: item.status for item in left.report.result.checks}
    assert status.pop("RBA-104") is Status.WAIVED
    assert set(status.values()) == {Status.PASS}
