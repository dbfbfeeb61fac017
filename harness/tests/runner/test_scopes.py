"""Smoke works for operators of every scope: cluster-scoped, several versions, one namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness import command
from harness.model.records import Action
from harness.resources import bundled
from harness.tests.runner.running import Runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.model.records import Stimulus
    from harness.tests.runner.running import Finished, Home

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the fixtures"),
]

QUICK = ("--timeout", "silence=2", "--timeout", "converge=5", "--timeout", "delete=5")


def smoke(name: str, *words: str) -> Callable[[Home], Finished]:
    folder = bundled("operators_under_test", "fixtures", name)
    return lambda home: home.run(*words, *QUICK, target=folder).finish()


SCENARIOS: dict[str, Callable[[Home], Any]] = {
    "cluster-scoped": smoke("cluster-scoped"),
    "multi-version": smoke("multi-version"),
    "one-namespace": smoke("one-namespace"),
    "own-namespace": smoke("own-namespace"),
    "fails-to-convert": smoke("multi-version", "--twin", "fails-to-convert"),
    "leaves-orphans": smoke("cluster-scoped", "--twin", "leaves-orphans"),
}


def creations(run: Finished) -> list[Stimulus]:
    return [item for item in run.evidence.stimuli() if item.action is Action.CREATE]


def passed(run: Finished) -> bool:
    return (run.exit_code, run.failing, run.result.sentence.startswith("All")) == (0, set(), True)


def test_a_cluster_scoped_resource_has_a_name_of_the_run_and_children_anywhere(runs: Runs) -> None:
    run: Finished = runs["cluster-scoped"]
    assert passed(run), run.stdout
    (created,) = creations(run)
    assert created.subject is not None
    assert created.subject.namespace == ""
    assert created.subject.name.startswith(f"blue-{run.run.id.rsplit('-', 1)[-1]}-")
    (deletion,) = (item for item in run.evidence.phases() if "LIF-001" in item.checks)
    assert [(key.resource, key.namespace) for key in deletion.objects[1:]] == [
        ("configmaps", "tenants"),
        ("priorityclasses.scheduling.k8s.io", ""),
    ]


def test_each_sample_lives_in_its_own_version_and_is_watched_in_one(runs: Runs) -> None:
    run: Finished = runs["multi-version"]
    assert passed(run), run.stdout
    changes = [
        phase.facts["change"].partition(":")[0]
        for phase in run.evidence.phases()
        if phase.facts.get("change")
    ]
    assert changes == ["spec.text", "spec.name"]
    timeline = run.evidence.timeline("greetings.fixtures.operator-harness.example")
    assert {event.object["apiVersion"].partition("/")[2] for event in timeline} == {"v2"}


def test_the_conversion_webhook_is_rewired_and_the_report_says_so(runs: Runs) -> None:
    run: Finished = runs["multi-version"]
    (change,) = (item for item in run.result.alterations if "conversion" in item.subject)
    assert change.before == "service greetings-system/greetings-webhook/convert"
    assert change.after.startswith("https://127.0.0.1:")
    assert change.after.endswith("/convert, CA bundle of this run")


@pytest.mark.parametrize(
    ("fixture", "namespace"), [("one-namespace", "notes"), ("own-namespace", "notes-system")]
)
def test_an_operator_of_one_namespace_is_asked_there(
    runs: Runs, fixture: str, namespace: str
) -> None:
    run: Finished = runs[fixture]
    assert passed(run), run.stdout
    assert {item.subject and item.subject.namespace for item in creations(run)} == {namespace}


def test_a_failing_conversion_is_the_operators_fault_in_the_servers_words(runs: Runs) -> None:
    run: Finished = runs["fails-to-convert"]
    assert run.exit_code == 1, run.stdout
    assert run.result.errors == ()
    assert {"API-010", "REC-001"} <= run.failing
    for check in ("API-010", "REC-001"):
        finding = run.finding(check)
        assert "the conversion webhook of Greeting" in finding
        assert "a greeting can't be converted (seeded defect)" in finding


def test_orphans_in_another_namespace_and_in_none_are_found(runs: Runs) -> None:
    run: Finished = runs["leaves-orphans"]
    assert run.exit_code == 1, run.stdout
    assert run.failing == {"LIF-001"}
    titles = sorted(item.title for item in run.result.findings)
    assert [title.split(" left ")[1].split()[0] for title in titles] == [
        "ConfigMap",
        "PriorityClass",
    ]
