"""The proof by removal: smoke runs again with the smallest roles in the place of the operator's."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.kube.client import KubeClient
from harness.model.access import ProofState
from harness.model.findings import Status
from harness.model.verdict import ExitCode
from harness.probes.access import read_access
from harness.tests.runner.running import SHORT, Finished, Home, Runs, Started
from harness.tests.runner.test_existing import After, Theirs, after

if TYPE_CHECKING:
    from harness.model.access import AccessSnapshot, GrantUse, RbacReport, RemovalProof

pytestmark = pytest.mark.controlplane

PROOF = "Proving the smallest roles"
IDENTITY = "system:serviceaccount:guestbook-system:guestbook-controller-manager"
FAULTY = """
from harness import analysis
from harness.cli import main

whole = analysis.smallest_access

def without_services(evidence):
    objects, reason = whole(evidence)
    for body in objects:
        if "rules" in body:
            body["rules"] = [rule for rule in body["rules"] if rule["resources"] != ["services"]]
    return objects, reason

analysis.smallest_access = without_services
main()
"""


def proves(home: Home) -> tuple[Finished, AccessSnapshot]:
    """The cluster is kept, so that one can see what was given back."""
    done = home.run("--prove-rbac", "--keep", *SHORT).finish()
    cluster = done.evidence.cluster
    assert cluster is not None, done.stderr
    client = KubeClient.from_kubeconfig(Path(cluster.kubeconfig))
    access = read_access(client)
    client.connection.close()
    home.start("cluster", "down", "--all").finish()
    return done, access


def refutes(home: Home) -> Finished:
    """A rule that was used is missing from what takes the place of the roles."""
    program = home.work / "faulty.py"
    program.write_text(FAULTY)
    words = ("run", "--suite", "smoke", "--target", "guestbook", "--prove-rbac", *SHORT)
    argv = (sys.executable, str(program), *words, "--output", str(home.runs), "--verbose")
    return Started(home, argv, home.env).finish()


def stops(home: Home) -> After:
    """On a cluster of the user's, broken off while the operator has the smallest roles."""
    theirs = Theirs(home)
    run = theirs.run("--audit-log", theirs.audit_log, "--prove-rbac")
    done = run.follow(PROOF).follow("test_converges").send(signal.SIGINT).finish()
    end = after(theirs, done)
    theirs.close()
    return end


SCENARIOS: dict[str, Any] = {"proves": proves, "refutes": refutes, "stops": stops}


def permissions(run: Finished | After) -> RbacReport:
    found = run.result.permissions
    assert found is not None
    return found


def proof(run: Finished | After) -> RemovalProof:
    (found,) = permissions(run).proofs
    return found


def test_a_healthy_operator_lives_with_its_smallest_roles(runs: Runs) -> None:
    run: Finished = runs["proves"][0]
    assert run.exit_code == ExitCode.PASS, run.stdout + run.stderr
    found = proof(run)
    assert (found.identity, found.state) == (IDENTITY, ProofState.PROVEN), found
    assert "12 tests passed" in found.reason
    assert "proven by removal" in run.stdout
    assert "Proven by removal" in run.run.report("summary.md").read_text()
    assert "Proven by removal" in run.run.report("report.html").read_text()


def test_nothing_of_it_is_judged_with_the_run(runs: Runs) -> None:
    run: Finished = runs["proves"][0]
    evidence = run.evidence
    assert evidence.removal is not None
    begun = evidence.removal.manifest.started
    assert len(run.result.tests) == len(evidence.removal.tests()) == 12
    assert max(call.received_ns for call in evidence.calls()) < begun.wall_ns
    assert min(call.received_ns for call in evidence.removal.calls()) >= begun.wall_ns
    for log in evidence.logs().values():
        assert max(line.stamp.mono_ns for line in log) < begun.mono_ns
    assert {event.event for event in evidence.removal.process_events()} >= {"started", "ended"}
    assert {item.status for item in run.result.checks} <= {Status.PASS, Status.WAIVED}


def test_while_it_lasts_the_operator_has_nothing_else(runs: Runs) -> None:
    run: Finished = runs["proves"][0]
    again = run.evidence.removal
    assert again is not None
    (access,) = again.access()
    bound = {
        binding.name
        for binding in access.bindings
        for subject in binding.subjects
        if subject.name == IDENTITY.rpartition(":")[2]
    }
    mark = run.run.id.rpartition("-")[2]
    assert bound == {f"guestbook-controller-manager-minimal-{mark}"}


def test_afterwards_it_has_its_own_roles_again(runs: Runs) -> None:
    run, access = runs["proves"]
    before = run.evidence.access()[-1]
    assert {str(item): item for item in access.bindings} == {
        str(item): item for item in before.bindings
    }
    assert {str(item) for item in access.roles} == {str(item) for item in before.roles}


def test_the_roles_are_there_in_all_three_forms(runs: Runs) -> None:
    run: Finished = runs["proves"][0]
    objects = list(yaml.safe_load_all(run.run.report("rbac-minimal.yaml").read_text()))
    assert [body["kind"] for body in objects] == [
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
    ]
    changes = run.run.report("rbac-minimal.diff").read_text()
    assert "b/clusterrole-guestbook-manager-role.yaml" in changes
    assert "-  - delete\n" in changes
    assert all("+kubebuilder:rbac" in marker for marker in permissions(run).markers)


def test_update_on_finalizers_is_kept_since_admission_asks_for_it(runs: Runs) -> None:
    """OwnerReferencesPermissionEnforcement is on there, and the proof passes with this alone."""
    found: list[GrantUse] = [
        use
        for use in permissions(runs["proves"][0]).uses
        if use.grant.resource == "guestbooks/finalizers"
    ]
    assert [use.state for use in found] == ["checked_by_admission"]
    assert "kept for that reason" in found[0].note
    assert "guestbooks/finalizers" in permissions(runs["proves"][0]).minimal


def test_a_role_that_lacks_a_used_rule_is_refuted_with_that_rule(runs: Runs) -> None:
    run: Finished = runs["refutes"]
    found = proof(run)
    assert found.state is ProofState.REFUTED, found
    denied = {item.request: item for item in found.denied}
    assert "list services" in denied
    rule, _, markers = denied["list services"].rule.partition("\n\n")
    assert yaml.safe_load(rule) == [
        {"apiGroups": [""], "resources": ["services"], "verbs": ["list"]}
    ]
    assert '// +kubebuilder:rbac:groups="",resources=services,verbs=list' in markers
    line = run.run.audit_log.read_text().splitlines()[denied["list services"].line - 1]
    assert '"forbid"' in line


def test_that_is_said_and_is_no_fault_of_the_operator(runs: Runs) -> None:
    run: Finished = runs["refutes"]
    assert run.exit_code == ExitCode.PASS, run.stdout + run.stderr
    assert "refuted by removal" in run.stdout
    assert '    resources: ["services"]' in run.run.report("summary.md").read_text()
    assert "resources: [&#34;services&#34;]" in run.run.report("report.html").read_text()


def test_broken_off_it_gives_the_cluster_back_and_says_that_nothing_is_proven(runs: Runs) -> None:
    end: After = runs["stops"]
    assert end.exit_code == ExitCode.INTERRUPTED, end.told
    assert end.same, end.changed
    found = proof(end)
    assert found.state is ProofState.NOT_VERIFIED
    assert "cut short" in found.reason or "did not run" in found.reason
    assert all(test.outcome == "passed" for test in end.evidence.tests())
