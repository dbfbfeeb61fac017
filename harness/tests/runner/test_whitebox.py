"""A suite that asks for Prometheus has one, over operator, API server and etcd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from harness.tests.runner.running import SHORT, guestbook, suite

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tests.runner.running import Home

pytestmark = pytest.mark.controlplane

_SUITE = """
import threading

PAGES = {
    "operator": "controller_runtime_max_concurrent_reconciles",
    "kube-apiserver": "apiserver_request_total",
    "etcd": "etcd_server_has_leader",
}


def scraped(whitebox, job, series):
    pause = threading.Event()
    for _ in range(240):
        if whitebox.promql.instant(f'count({series}{{job="{job}"}})').series:
            return True
        pause.wait(0.5)  # until a scrape, which nothing announces
    return False


def test_all_are_scraped_and_gates_are_asked_for(whitebox, custom_resource):
    custom_resource.create().await_ready()
    phases = ["steady"]
    assert all(scraped(whitebox, job, series) for job, series in PAGES.items())
    gates = whitebox.gates(lambda: phases[-1])
    gates.evaluate()
    phases.append("")
    gates.evaluate()  # nothing is measured now
"""


def _with_gate(home: Home, text: str) -> Path:
    """Returns the guestbook's definition with a gate on what Prometheus sees."""
    file = guestbook(home)
    data = yaml.safe_load(file.read_text())
    data["gates"] = {"deep": {"promql": "max(workqueue_depth)", "is": text}}
    file.write_text(yaml.safe_dump(data))
    return file


def test_a_promql_gate_that_does_not_hold_turns_the_verdict(home: Home) -> None:
    own = suite(home, "mine", test_mine=_SUITE)
    (own / "suite.yaml").write_text("name: mine\nassets: [prometheus]\n")
    done = home.run("--suite", own, *SHORT, target=_with_gate(home, "< 0")).finish()
    assert done.exit_code == 1, done.stdout + done.stderr
    assert {test.outcome for test in done.result.tests} == {"passed"}
    (gate,) = done.result.gates
    assert gate.met is False
    assert gate.measured is not None
    assert (gate.measured.value, gate.measured.n) == (0.0, 1)
    assert "max(workqueue_depth)" in gate.measured.method
    assert "phase steady" in gate.measured.subject
    assert "token" not in " ".join(path.name for path in home.files()), "it went with the run"
