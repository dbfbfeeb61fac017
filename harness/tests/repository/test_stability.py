"""The stability benchmark: what counts as the same verdict, and a busy core that surely ends."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import command
from harness.tests.guard.processes import await_end, is_running

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(harness.__file__).resolve().parent.parent / "ci" / "benchmarks" / "stability.py"


@pytest.fixture(scope="module")
def stability() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stability_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # msgspec looks annotations up there
    spec.loader.exec_module(module)
    return module


def outcome(stability: ModuleType, load: str, verdict: str = "pass", **more: Any) -> Any:
    given = {"failed": (), "exit_code": 0, "seconds": 30.0, "convergence_ms": 800.0, "folder": ""}
    return stability.Outcome(load=load, verdict=verdict, **{**given, **more})


def lines(stability: ModuleType, outcomes: list[Any], runs: int) -> list[str]:
    return [str(figure) for figure in stability.figures(outcomes, runs=runs)]


def test_the_same_verdict_each_time_holds(stability: ModuleType) -> None:
    outcomes = [outcome(stability, load) for load in ("idle", "idle", "busy", "busy")]
    assert lines(stability, outcomes, 2)[:3] == [
        "stability_idle_same_verdict 2 of_2 2 holds",
        "stability_busy_same_verdict 2 of_2 2 holds",
        "stability_all_same_verdict 4 of_4 4 holds",
    ]


def test_another_failed_check_is_another_verdict(stability: ModuleType) -> None:
    outcomes = [
        outcome(stability, "idle", "fail", failed=("REC-001",)),
        outcome(stability, "idle", "fail", failed=("REC-002",)),
        outcome(stability, "busy"),
        outcome(stability, "busy"),
    ]
    assert lines(stability, outcomes, 2)[:3] == [
        "stability_idle_same_verdict 1 of_2 2 falls-short",
        "stability_busy_same_verdict 2 of_2 2 holds",
        "stability_all_same_verdict 2 of_4 4 falls-short",
    ]


@pytest.mark.parametrize("verdict", ["error", "interrupted", "none"])
def test_what_evidence_didn_t_decide_is_no_verdict(stability: ModuleType, verdict: str) -> None:
    outcomes = [outcome(stability, load, verdict) for load in ("idle", "busy")]
    assert [line.rsplit(" ", 1)[1] for line in lines(stability, outcomes, 1)[:3]] == [
        "falls-short"
    ] * 3


def test_times_are_told_without_a_goal(stability: ModuleType) -> None:
    outcomes = [outcome(stability, "idle", seconds=seconds) for seconds in (30.0, 31.0, 36.5)]
    told = lines(stability, outcomes, 3)
    for line in (
        "stability_idle_run_median 31 s - -",
        "stability_idle_run_min 30 s - -",
        "stability_idle_run_max 36.5 s - -",
        "stability_idle_convergence_latency_median 800 ms - -",
    ):
        assert line in told


def test_the_busy_core_is_one_and_ends_with_its_context(stability: ModuleType) -> None:
    with stability.busy_core() as pid:
        core = max(os.sched_getaffinity(0))
        while os.sched_getaffinity(pid) != {core}:
            os.sched_yield()  # it pins itself as soon as Python has started
    assert not is_running(pid)


def test_the_busy_core_ends_when_the_benchmark_is_killed() -> None:
    reader, writer = os.pipe()
    program = (
        f"import runpy, signal; made = runpy.run_path({str(SCRIPT)!r}, run_name='benchmark')\n"
        "with made['busy_core']() as pid:\n"
        "    print(pid, flush=True)\n"
        "    signal.pause()\n"
    )
    owner = command.spawn([sys.executable, "-c", program], env=dict(os.environ), stdout=writer)
    os.close(writer)
    with os.fdopen(reader) as told:
        pid = int(told.readline())
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    assert await_end(pid)
