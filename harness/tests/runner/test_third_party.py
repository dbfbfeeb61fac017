"""Operators of other projects: smoke passes, and what it finds is true and waived with a reason."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.model.access import GrantState, ProofState
from harness.model.findings import Status
from harness.model.verdict import ExitCode
from harness.resources import bundled

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.model.access import RbacReport
    from harness.tests.runner.running import Finished, Home, Runs

pytestmark = pytest.mark.controlplane

PROGRAMS = {"prometheus-operator": "operator", "argo-rollouts": "rollouts-controller"}


def built(name: str) -> pytest.MarkDecorator:
    """Skips where an operator's program isn't there: building it takes minutes."""
    program = bundled("operators_under_test", name, "bin", PROGRAMS[name])
    return pytest.mark.skipif(not program.exists(), reason=f"{name} is built by make targets")


prometheus_operator = built("prometheus-operator")
argo_rollouts = built("argo-rollouts")


def smoke(target: str, *words: str) -> Callable[[Home], Finished]:
    return lambda home: home.run("--timeout", "silence=5", *words, target=target).finish()


SCENARIOS: dict[str, Callable[[Home], Any]] = {
    "prometheus-operator": smoke("prometheus-operator", "--prove-rbac"),
    "argo-rollouts": smoke("argo-rollouts"),
}


def status(run: Finished) -> dict[str, Status]:
    return {item.check.id: item.status for item in run.result.checks}


@prometheus_operator
def test_prometheus_operator_passes_but_for_what_its_restart_writes(runs: Runs) -> None:
    run: Finished = runs["prometheus-operator"]
    assert run.exit_code == ExitCode.PASS, run.stdout + run.stderr
    found = status(run)
    for check in ("REC-004", "RBA-003", "RBA-101", "RBA-103", "RBA-104"):
        assert found.pop(check) is Status.WAIVED, check
    assert set(found.values()) == {Status.PASS}


@prometheus_operator
def test_its_waived_findings_are_writes_to_the_status_of_what_it_has_converged(runs: Runs) -> None:
    run: Finished = runs["prometheus-operator"]
    titles = [finding.title for finding in run.result.waived if finding.check == "REC-004"]
    assert any(title.endswith("patch Prometheus/status sample") for title in titles), titles
    assert all("/status sample" in title for title in titles)


@prometheus_operator
def test_the_reason_of_its_waivers_still_holds(runs: Runs) -> None:
    """A condition that stays as it is gets another transition time."""
    run: Finished = runs["prometheus-operator"]
    seen = [
        (condition["status"], condition["observedGeneration"], condition["lastTransitionTime"])
        for event in run.evidence.timeline("prometheuses.monitoring.coreos.com")
        for condition in (event.object.get("status") or {}).get("conditions") or ()
        if condition["type"] == "Available"
    ]
    assert any(
        before[:2] == after[:2] and before[2] != after[2]
        for before, after in pairwise(seen)
        if before[0] == "True"
    )


def permissions(run: Finished) -> RbacReport:
    found = run.result.permissions
    assert found is not None
    return found


@prometheus_operator
def test_each_verb_that_its_role_grants_has_a_state(runs: Runs) -> None:
    report = permissions(runs["prometheus-operator"])
    file = "prometheus-operator-cluster-role.yaml"
    folder = bundled("operators_under_test", "prometheus-operator", "config", "upstream", "rbac")
    role = yaml.safe_load((folder / file).read_text(encoding="utf-8"))
    stated = {(use.grant.rule, use.grant.resource, verb): use.state
              for use in report.uses for verb in use.grant.verbs}  # fmt: skip
    granted = [
        (index, resource, verb)
        for index, rule in enumerate(role["rules"])
        for resource in rule.get("resources", ())
        for verb in rule["verbs"]
    ]
    assert len(granted) > 40
    for index, resource, verb in granted:
        found = [known for known in stated if known[:2] == (index, resource)]
        assert found if verb == "*" else (index, resource, verb) in stated, (resource, verb)
    assert not report.gap
    assert set(stated.values()) == {
        GrantState.USED,
        GrantState.INDIRECT,
        GrantState.ADMISSION,
        GrantState.UNOBSERVED,
    }


@prometheus_operator
def test_its_smallest_role_is_proven_by_removal(runs: Runs) -> None:
    (proof,) = permissions(runs["prometheus-operator"]).proofs
    assert proof.state is ProofState.PROVEN, proof
    assert (proof.denied, proof.left) == ((), ())


@prometheus_operator
def test_what_it_may_do_on_finalizers_is_kept_for_admission(runs: Runs) -> None:
    """Its rule grants all verbs there; update alone is asked for, and by no request."""
    report = permissions(runs["prometheus-operator"])
    updates = [
        use
        for use in report.uses
        if use.grant.resource.endswith("/finalizers") and use.grant.verbs == ("update",)
    ]
    assert {use.grant.resource for use in updates} >= {
        "prometheuses/finalizers",
        "alertmanagers/finalizers",
        "services/finalizers",
    }
    assert {use.state for use in updates} == {GrantState.ADMISSION}
    assert all("kept for that reason" in use.note for use in updates)
    kept = {
        resource
        for body in yaml.safe_load_all(report.minimal)
        if body["kind"] == "ClusterRole"
        for rule in body["rules"]
        if "update" in rule["verbs"]
        for resource in rule["resources"]
    }
    assert {use.grant.resource for use in updates} <= kept
    after = [line[1:] for line in report.diff.splitlines() if line[:1] != "-"]
    assert {f"  - {use.grant.resource}" for use in updates} <= set(after)


@prometheus_operator
def test_what_it_asks_about_is_kept_too(runs: Runs) -> None:
    """It watches nothing of a kind whose status it may not write, and asks before."""
    asked = {
        use.grant.key
        for use in permissions(runs["prometheus-operator"]).uses
        if "SelfSubjectAccessReview" in use.note
    }
    assert "prometheuses.monitoring.coreos.com/status" in asked


@argo_rollouts
def test_argo_rollouts_passes_every_check(runs: Runs) -> None:
    run: Finished = runs["argo-rollouts"]
    assert run.exit_code == ExitCode.PASS, run.stdout + run.stderr
    found = status(run)
    for check in ("RBA-103", "RBA-104", "RBA-115"):
        assert found.pop(check) is Status.WAIVED, check
    assert set(found.values()) == {Status.PASS}


@argo_rollouts
def test_its_canary_has_gone_through_its_steps(runs: Runs) -> None:
    run: Finished = runs["argo-rollouts"]
    steps = {
        (event.object.get("status") or {}).get("currentStepIndex")
        for event in run.evidence.timeline("rollouts.argoproj.io")
        if event.object["metadata"]["generation"] > 1
    }
    assert {1, 2} <= steps
