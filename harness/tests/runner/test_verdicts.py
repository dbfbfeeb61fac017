"""Whole runs end with the right verdict, exit code and finding."""

from __future__ import annotations

import os
import re
import shutil
import signal
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from harness.model.findings import CheckOutcome, Status
from harness.model.verdict import Verdict
from harness.resources import bundled
from harness.targets import load
from harness.tests.runner.running import (
    SHORT,
    Finished,
    Home,
    Runs,
    guestbook,
    listening,
    suite,
    twins_of,
)

pytestmark = pytest.mark.controlplane

TWINS = twins_of("guestbook", "smoke")
OVER_AND_OVER = {"hot-loop": {"REC-004"}}
"""What a twin may break beside what it must: one that never stops writes after a restart, too."""
REPORTS = ("report.html", "result.json", "junit.xml", "summary.md")


def healthy(home: Home) -> tuple[Finished, set[int]]:
    started = home.run().follow("test_is_accepted_by_a_strict_dry_run")
    ports = home.ports()
    return started.finish(), ports


def twin(name: str) -> Any:
    return lambda home: home.run("--twin", name, *SHORT).finish()


def dies_at_start(home: Home) -> Finished:
    target = guestbook(home, dies="env: {GUESTBOOK_DEFECT: unknown}\nexpect: [INS-002]\n")
    return home.run("--twin", "dies", target=target).finish()


def is_killed_later(home: Home) -> Finished:
    started = home.run("-k", "silent or converges or stayed_up", *SHORT)
    started.follow("test_converges")
    os.kill(home.pid_of("manager"), signal.SIGKILL)
    return started.finish()


def sample_is_refused(home: Home) -> Finished:
    target = guestbook(home)
    sample = target.parent / "config/samples/webapp_v1_guestbook.yaml"
    sample.write_text(sample.read_text(encoding="utf-8").replace("size: 1", "size: -1"))
    return home.run(*SHORT, target=target).finish()


def readme_suite() -> str:
    """Returns the example of the suite authors' page."""
    page = (bundled("docs") / "fixtures.md").read_text(encoding="utf-8")
    return re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]  # type: ignore[index] # it is there


OFFICIAL = """
from kubernetes import client, watch

def test_the_official_library_sees_what_the_harness_made(api_client, custom_resource, namespace):
    made = custom_resource.create()
    pages = client.CoreV1Api(api_client)
    for event in watch.Watch().stream(
        pages.list_namespaced_config_map, namespace, timeout_seconds=60
    ):
        if event["object"].metadata.name == f"{made.name}-page":
            break
    else:
        raise AssertionError("its ConfigMap was never seen")
    found = client.CustomObjectsApi(api_client).get_namespaced_custom_object(
        "webapp.tutorial.kubebuilder.io", "v1", namespace, "guestbooks", made.name
    )
    assert found["metadata"]["uid"] == made.body["metadata"]["uid"]
"""


def own(home: Home) -> Finished:
    folder = suite(home, "my_suite", test_message=readme_suite(), test_library=OFFICIAL)
    return home.run("--suite", folder).finish()


def own_wrong(home: Home) -> Finished:
    text = readme_suite().replace('== "hello"', '== "goodbye", limit=3')
    folder = suite(home, "my_suite", test_message=text)
    return home.run("--suite", folder).finish()


BREAKS = """
def test_that_breaks(custom_resource):
    custom_resource.create().body["no such key"]

def test_that_is_refused(custom_resource, window):
    with window("refused"):
        custom_resource.create(spec={"size": -1})
"""


def own_broken(home: Home) -> Finished:
    return home.run("--suite", suite(home, "my_suite", test_broken=BREAKS)).finish()


def own_refused(home: Home) -> Finished:
    folder = suite(home, "my_suite", test_broken=BREAKS)
    return home.run("--suite", folder, "-k", "test_that_is_refused").finish()


SCENARIOS = {
    "healthy": healthy,
    **{name: twin(name) for name in TWINS},
    "dies at start": dies_at_start,
    "is killed later": is_killed_later,
    "sample is refused": sample_is_refused,
    "own": own,
    "own, wrong": own_wrong,
    "own, broken": own_broken,
    "own, refused": own_refused,
}


def told(items: tuple[Any, ...]) -> list[bytes]:
    return [msgspec.json.encode(item) for item in items]


def test_a_healthy_operator_passes_every_check(runs: Runs) -> None:
    done, _ = runs["healthy"]
    assert done.exit_code == 0, done.stdout + done.stderr
    assert done.result.verdict is Verdict.PASS
    waived = {item.check.id for item in done.result.checks if item.status is Status.WAIVED}
    assert waived == {"RBA-104"}, "it makes Deployments, and says so in its target.yaml"
    others = [item for item in done.result.checks if item.check.id not in waived]
    assert len(others) >= 28
    assert {item.status for item in others} == {Status.PASS}
    assert done.result.errors == ()
    assert "Verdict: PASS" in done.stdout


def test_a_run_writes_every_report(runs: Runs) -> None:
    done, _ = runs["healthy"]
    assert {name for name in REPORTS if done.run.report(name).stat().st_size} == set(REPORTS)
    suites = ET.parse(done.run.report("junit.xml")).getroot()  # noqa: S314 - our own file
    assert len(suites.findall(".//testcase")) >= 12
    assert suites.findall(".//failure") == []


def test_convergence_is_measured_for_each_generation(runs: Runs) -> None:
    done, _ = runs["healthy"]
    latencies = {item.generation: item.latency_ms for item in done.result.convergences}
    assert set(latencies) == {1, 2}
    assert all(value and value > 0 for value in latencies.values())
    assert any("convergence" in item.name for item in done.result.measurements)


def test_nothing_is_left_of_a_run(runs: Runs) -> None:
    done, ports = runs["healthy"]
    assert done.home.processes() == []
    assert len(ports) >= 6, "etcd, API server, controller-manager, scheduler, kwok, the operator"
    assert listening(ports) == set()
    assert done.home.files() == []


def test_a_copied_run_is_judged_again_without_a_cluster(runs: Runs, home: Home) -> None:
    done, _ = runs["healthy"]
    copy = home.runs / "copy"
    shutil.copytree(done.run.path, copy)
    for name in REPORTS:
        (copy / name).unlink()
    again = home.start("report", copy).finish()
    result = msgspec.json.decode((copy / "result.json").read_bytes())
    before = msgspec.json.decode(done.run.result_file.read_bytes())
    assert again.exit_code == 0, again.stderr
    for part in ("verdict", "sentence", "checks", "findings", "measurements", "convergences"):
        assert result[part] == before[part], part


def test_the_judge_says_afterwards_what_it_said_during_the_run(runs: Runs) -> None:
    from harness.analysis import judge  # noqa: PLC0415 - heavy

    done, _ = runs["healthy"]
    phases = {phase.name: phase for phase in done.evidence.phases()}
    assert len(done.evidence.judged()) >= 12
    for record in done.evidence.judged():
        outcome: CheckOutcome = record.outcome
        assert judge(outcome.check, done.evidence, phases.get(record.phase)) == outcome


@pytest.mark.parametrize("name", TWINS)
def test_a_faulty_twin_fails_the_check_that_it_was_made_for(runs: Runs, name: str) -> None:
    done: Finished = runs[name]
    declared = load("guestbook", twin=name).twin
    assert declared is not None
    expected = set(declared.expect)
    assert done.exit_code == 1, done.stdout
    assert done.result.verdict is Verdict.FAIL
    assert done.failing - OVER_AND_OVER.get(name, set()) == expected
    assert all(check in done.stdout for check in expected)


def test_an_operator_that_dies_at_start_fails_with_its_last_lines(runs: Runs) -> None:
    done: Finished = runs["dies at start"]
    words = 'GUESTBOOK_DEFECT="unknown" is no defect'
    assert done.exit_code == 1, done.stdout + done.stderr
    assert "INS-002" in done.failing
    assert words in done.finding("INS-002").replace("\\", "")
    assert any(words in line.replace("\\", "") for line in done.result.tail)
    assert "INS-002" in done.stdout
    assert words in done.stdout.replace("\\", "")


def test_what_is_known_of_an_operator_that_never_was_ready_is_judged_all_the_same(
    runs: Runs,
) -> None:
    done: Finished = runs["dies at start"]
    known = done.evidence.installation
    assert known is not None
    assert not known.complete
    assert {workload.name for workload in known.workloads} == {"guestbook-controller-manager"}
    assert any(item.kind == "CustomResourceDefinition" for item in known.objects)
    status = {item.check.id: item.status for item in done.result.checks}
    assert status["INS-001"] is Status.NOT_VERIFIED
    assert status["INS-003"] is Status.NOT_VERIFIED
    assert status["RBA-102"] is Status.PASS, "its roles were bound, and are judged"
    (denied,) = [item for item in done.result.checks if item.check.id == "RBA-004"]
    assert denied.reason == "the operator sent no request before its install failed"


def test_an_operator_that_ends_by_itself_fails(runs: Runs) -> None:
    done: Finished = runs["is killed later"]
    assert done.exit_code == 1, done.stdout + done.stderr
    assert "INS-003" in done.failing
    assert "SIGKILL" in done.finding("INS-003")


def test_a_sample_that_is_refused_fails_its_own_check_and_breaks_no_test(runs: Runs) -> None:
    done: Finished = runs["sample is refused"]
    assert done.exit_code == 1, done.stdout + done.stderr
    assert done.failing == {"API-010"}
    status = {item.check.id: item.status for item in done.result.checks}
    assert status["REC-001"] is Status.NOT_VERIFIED
    assert status["INS-003"] is Status.PASS


def test_the_example_of_a_suite_of_ones_own_passes(runs: Runs) -> None:
    done: Finished = runs["own"]
    assert done.exit_code == 0, done.stdout + done.stderr
    assert done.run.path.name.split("-")[1] == "my_suite"


def test_a_failed_assertion_of_ones_own_says_what_was_awaited_and_what_was_there(
    runs: Runs,
) -> None:
    done: Finished = runs["own, wrong"]
    assert done.exit_code == 1, done.stdout + done.stderr
    assert done.failing == {"SUI-001"}
    text = done.finding("SUI-001")
    assert "not as <lambda> demands after 3 s" in text or "after 3 s" in text
    assert "hello" in text, "the last object"
    assert "The operator's last lines" in text


def test_a_test_that_breaks_is_no_fault_of_the_operator(runs: Runs) -> None:
    done: Finished = runs["own, broken"]
    assert done.exit_code == 3, done.stdout + done.stderr
    assert done.result.verdict is Verdict.ERROR
    assert "no such key" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_request_that_is_refused_in_a_window_is_the_operators_fault(runs: Runs) -> None:
    done: Finished = runs["own, refused"]
    assert done.exit_code == 1, done.stdout + done.stderr
    assert done.failing == {"SUI-001"}
    assert "spec.size" in done.finding("SUI-001")
