"""The operator that a chart installs: smoke, its twins, an upgrade that is rolled back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from harness import command
from harness.model.findings import Status
from harness.model.verdict import ExitCode
from harness.targets import load
from harness.tests.runner.running import SHORT, suite, twins_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.tests.runner.running import Finished, Home, Runs

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator"),
]

TARGET = "podtato-head"
KIND = "podtatoheads.podtato.example.org"
TWINS = twins_of(TARGET, "smoke")

ROLLED_BACK = """
def test_an_upgrade_that_hangs_is_rolled_back(custom_resource, kube, namespace, eventually):
    app = custom_resource.create()
    app.await_ready()
    full = {"spec": {"hard": {"pods": "6"}}, "metadata": {"name": "full"}}
    body = {"apiVersion": "v1", "kind": "ResourceQuota", **full}
    kube.create(kube.resource("resourcequotas"), body, namespace=namespace)
    app.patch({"spec": {"version": "1.1.0", "rollback": {"deadlineSeconds": 2}}})
    eventually(app, lambda found: found["status"]["phase"] == "RolledBack", limit=30)
    app.refresh()
    status = app.body["status"]
    told = [(item["version"], item["result"]) for item in status["history"]]
    assert ("1.1.0", "RolledBack") in told
    assert (status["version"], status["readyParts"]) == ("1.0.0", 6)
    hat = kube.get(kube.resource("deployments.apps"), f"{app.name}-hat", namespace)
    assert hat["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.0.0")

    kube.delete(kube.resource("resourcequotas"), "full", namespace)
    app.patch({"spec": {"version": "1.2.0", "rollback": {"deadlineSeconds": 600}}})
    app.await_ready()
"""


def smoke(home: Home, *words: str) -> Finished:
    return home.run(*SHORT, *words, target=TARGET).finish()


def rolls_back(home: Home) -> Finished:
    folder = suite(home, "rollback", test_rollback=ROLLED_BACK)
    return home.run("--suite", folder, target=TARGET).finish()


SCENARIOS: dict[str, Callable[[Home], Any]] = {
    "healthy": smoke,
    "rolls back": rolls_back,
    **{twin: partial(lambda home, name: smoke(home, "--twin", name), name=twin) for twin in TWINS},
}


def test_smoke_passes_on_an_operator_that_a_chart_installs(runs: Runs) -> None:
    run: Finished = runs["healthy"]
    assert run.exit_code == ExitCode.PASS, run.stdout + run.stderr
    statuses = {item.check.id: item.status for item in run.result.checks}
    assert statuses.pop("RBA-104") is Status.WAIVED, "it makes Deployments"
    assert set(statuses.values()) == {Status.PASS}


def test_a_hook_of_the_chart_is_left_out_and_said(runs: Runs) -> None:
    run: Finished = runs["healthy"]
    assert "Pod podtato-head-answers (test)" in run.run.result_file.read_text(encoding="utf-8")
    assert not [
        event
        for event in run.evidence.timeline("pods")
        if event.object["metadata"]["name"] == "podtato-head-answers"
    ]


def test_an_upgrade_gives_all_six_parts_the_new_version(runs: Runs) -> None:
    run: Finished = runs["healthy"]
    last = [
        event.object["status"]
        for event in run.evidence.timeline(KIND)
        if event.object["metadata"]["generation"] == 2 and event.object.get("status")
    ][-1]
    assert (last["phase"], last["version"], last["readyParts"]) == ("Running", "1.1.0", 6)
    assert {part["image"] for part in last["parts"]} == {"example.com/podtato-part:1.1.0"}


def test_an_upgrade_that_hangs_is_rolled_back(runs: Runs) -> None:
    run: Finished = runs["rolls back"]
    assert run.exit_code == ExitCode.PASS, run.stdout + run.stderr


@pytest.mark.parametrize("name", TWINS)
def test_a_faulty_twin_fails_the_check_that_it_was_made_for(runs: Runs, name: str) -> None:
    run: Finished = runs[name]
    declared = load(TARGET, twin=name).twin
    assert declared is not None
    assert run.exit_code == ExitCode.FAIL, run.stdout + run.stderr
    assert run.failing == set(declared.expect)
