"""The load suite on a real control plane: what arrives, who sends it, what stays at its end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from harness.analysis import load_result
from harness.evidence.columns import read_columns
from harness.model.load import ArrivalStatus, Operation
from harness.tests.runner.running import await_true
from harness.tests.stimulus.load.test_child import free_port

if TYPE_CHECKING:
    from harness.evidence.folder import RunFolder
    from harness.tests.runner.running import Finished, Home

pytestmark = pytest.mark.controlplane

_CHURN = ("--verbose", "--suite", "load", "--profile", "churn", "--rate", "20", "--duration", "6")
_LONG = ("--verbose", "--suite", "load", "--profile", "steady", "--rate", "20", "--duration", "600")
_FATES = ("LOA-101", "LOA-102", "LOA-103")


def column(run: RunFolder, name: str) -> list[int]:
    files = sorted(run.load.glob("arrivals-*.i64"))
    return [value for file in files for value in read_columns(file)[name]]


def assert_conserved(done: Finished) -> None:
    result = load_result(done.evidence)
    assert result is not None
    assert all(phase.arrived.conserved for phase in result.phases)
    numbers = column(done.run, "arrival")
    assert len(numbers) == len(set(numbers)) > 0


def assert_looked_into(done: Finished) -> None:
    """The operator's own counters of the phase, its queue over time, and who used the machine."""
    result = load_result(done.evidence)
    assert result is not None
    (churn,) = (item for item in result.operator if item.phase == "churn")
    (queue,) = churn.queues
    assert queue.taken > 0
    assert queue.utilisation is not None
    assert 0 < queue.utilisation < 1
    assert queue.native
    for low, high in filter(None, (queue.wait_p99_ms, queue.work_p50_ms, queue.work_p99_ms)):
        assert high is not None
        assert low < high < 1.2 * low, "buckets of native histograms grow by 10 %"
    names = {item.name for item in done.result.series}
    assert {"queue_depth", "cpu_control_plane", "memory_harness"} <= names
    sampled = set(done.evidence.column_names())
    assert {"control-plane-etcd", "control-plane-kube-apiserver"} <= sampled
    assert {"harness-runner", "harness-load-receiver", "harness-load-generator-1"} <= sampled


def worker_pids(home: Home) -> dict[str, int]:
    """Returns the load generator's processes by their last argument."""
    found = {}
    for process in home.processes():
        words = process.cmdline()
        if "harness.stimulus.load.child" in words:
            found[words[-1]] = process.pid
    return found


def test_churn_by_two_workers_converges_and_each_arrival_is_counted_once(home: Home) -> None:
    started = home.run(*_CHURN, "--workers", "2", "--ui", str(free_port()), target="synthetic")
    started.follow("in flight")
    addresses = {
        connection.laddr.ip
        for pid in worker_pids(home).values()
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }

    done = started.finish()

    assert addresses == {"127.0.0.1"}
    assert not done.failing & set(_FATES)
    assert_conserved(done)
    assert_looked_into(done)
    assert set(column(done.run, "operation")) == {int(one) for one in Operation}
    assert len(list(done.run.load.glob("arrivals-*.i64"))) == 2
    plan = done.evidence.load_plan
    assert plan is not None
    senders = {
        call.user
        for call in done.evidence.calls()
        if call.user_agent.startswith("operator-harness-load/")
    }
    assert senders == {plan.identity}
    assert plan.identity.startswith("system:serviceaccount:")


def test_a_worker_that_dies_ends_the_run_as_an_error_and_is_named(home: Home) -> None:
    started = home.run(*_LONG, "--workers", "2", target="synthetic")
    started.follow("steady: ")

    pid = worker_pids(home)["1"]
    psutil.Process(pid).kill()
    done = started.finish()

    assert done.exit_code == 3
    assert "load-generator-1 has ended" in "".join(error.message for error in done.result.errors)
    assert_conserved(done)
    lost = column(done.run, "status").count(int(ArrivalStatus.LOST))
    assert lost > 0
    assert done.evidence.load_phases()[-1].note


def test_a_load_that_is_interrupted_keeps_its_evidence_and_leaves_no_process(home: Home) -> None:
    started = home.run(*_LONG, target="synthetic")
    started.follow("steady: ")

    done = started.send(signal.SIGINT).finish()

    assert done.exit_code == 2
    assert_conserved(done)
    assert done.evidence.load_phases()[-1].note
    await_true(lambda: not worker_pids(home), lambda: "the load generator runs on")
