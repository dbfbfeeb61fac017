"""The proof by removal: what the evidence of the second run says of the smallest roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import yaml

from harness.analysis import judge
from harness.analysis.rbac.report import permissions
from harness.evidence.ndjson import NdjsonWriter, write_document
from harness.model import records
from harness.model.access import ProofState, RbacReport, RemovalProof, Swap
from harness.model.findings import Status
from harness.model.target import Waiver
from harness.tests.analysis.rbac.access import bound, record, rule
from harness.tests.analysis.recording import OPERATOR, Recording, at, span

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.findings import CheckOutcome

SWAP = Swap(taken=("ClusterRoleBinding manager",), given=("ClusterRole manager-minimal-run",))
BEGUN = 100.0


class Proof:
    """A run whose smallest roles were tried; after `BEGUN` all evidence is the proof's."""

    def __init__(self, folder: Path) -> None:
        self.recording = Recording(folder)
        self.recording.call(1, "create", "configmaps", "x", code=201)
        record(self.recording, bound(rule("create delete", "configmaps")))
        self.folder = self.recording.run.make_removal()
        for file in ("target.json", "cluster.json", "installation.json"):
            source = self.recording.run.evidence / file
            (self.folder.evidence / file).write_bytes(source.read_bytes())
        started = msgspec.structs.replace(self.recording.evidence.manifest, started=at(BEGUN))
        write_document(self.folder.run_file, started)
        self.recording.call(BEGUN + 1, "list", "guestbooks.example.com")

    def swap(self, swap: Swap = SWAP) -> Proof:
        write_document(self.folder.swap_file, swap)
        return self

    def test(self, name: str = "test_converges", outcome: str = "passed", *checks: str) -> Proof:
        writer = NdjsonWriter(self.folder.suite_file)
        ended = records.TestOutcome(
            test=f"test_life.py::{name}",
            outcome=outcome,
            span=span(BEGUN + 1, BEGUN + 2),
            checks=checks,
        )
        writer.write(ended)
        writer.close()
        return self

    def earlier(self, *tests: str) -> None:
        """Tests of the run before the proof."""
        writer = NdjsonWriter(self.recording.run.suite_file)
        for test in tests:
            ended = records.TestOutcome(test=test, outcome="passed", span=span(1, 2))
            writer.write(ended)
        writer.close()

    def judged(self, outcome: CheckOutcome) -> None:
        writer = NdjsonWriter(self.folder.suite_file)
        writer.write(records.JudgedRecord(phase="", outcome=outcome))
        writer.close()

    def denied(self, verb: str = "delete", when: float = BEGUN + 2, user: str = OPERATOR) -> Proof:
        self.recording.call(
            when, verb, "configmaps", "x", code=403, decision="forbid", namespace="t1", user=user
        )
        return self

    @property
    def report(self) -> RbacReport:
        found = permissions(self.recording.evidence)
        assert found is not None
        return found

    @property
    def result(self) -> RemovalProof:
        (found,) = self.report.proofs
        return found


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    return Proof(tmp_path)


def test_it_is_proven_where_nothing_was_denied_and_the_suite_passed(proof: Proof) -> None:
    found = proof.swap().test().result
    assert (found.identity, found.state, found.denied) == (OPERATOR, ProofState.PROVEN, ())
    assert found.reason.endswith("1 tests passed, none of 1 requests was denied")
    assert f"# Proven by removal for {OPERATOR}" in proof.report.minimal


def test_a_denied_request_refutes_it_with_the_missing_rule(proof: Proof) -> None:
    found = proof.swap().test().denied().denied(when=BEGUN + 3).result
    assert found.state is ProofState.REFUTED
    assert found.reason == "it was denied delete configmaps"
    (denial,) = found.denied
    assert (denial.request, denial.count) == ("delete configmaps", 2)
    assert (denial.namespaces, denial.names) == (("t1",), ("x",))
    assert (denial.file, denial.line) == ("audit.log", 4)
    rule_ = yaml.safe_load(denial.rule.partition("\n\n")[0])
    assert rule_ == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["delete"]}]
    assert "+kubebuilder:rbac" in denial.rule
    assert f"# REFUTED by removal for {OPERATOR}" in proof.report.minimal


def test_what_was_denied_before_does_not_count_against_it(proof: Proof) -> None:
    proof.denied(when=2)
    assert proof.swap().test().denied().result.state is ProofState.PROVEN


def test_the_denials_of_others_do_not_count(proof: Proof) -> None:
    assert proof.swap().test().denied(user="somebody").result.state is ProofState.PROVEN


def test_its_denials_are_no_finding_about_the_run(proof: Proof) -> None:
    proof.swap().test().denied()
    assert judge("RBA-004", proof.recording.evidence, None).status is Status.PASS
    again = proof.recording.evidence.removal
    assert again is not None
    assert judge("RBA-004", again, None).status is Status.FAIL


def test_what_it_used_is_no_use_of_the_run(proof: Proof) -> None:
    proof.recording.call(BEGUN + 2, "delete", "configmaps", "x")
    states = {use.grant.verbs: use.count for use in proof.swap().test().report.uses}
    assert states == {("create",): 1, ("delete",): 0}


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("failed", "failed under it"), ("broken", "broke under it"), ("skipped", "was skipped")],
)
def test_a_test_that_goes_wrong_with_nothing_denied_proves_nothing(
    proof: Proof, outcome: str, words: str
) -> None:
    found = proof.swap().test(outcome=outcome).result
    assert found.state is ProofState.NOT_VERIFIED
    assert "nothing was denied, but test_converges" in found.reason
    assert words in found.reason


def test_a_test_that_went_wrong_before_does_not_count_against_it(proof: Proof) -> None:
    proof.recording.test("smoke/test_life.py::test_converges", "failed")
    found = proof.swap().test(outcome="failed").result
    assert found.state is ProofState.PROVEN
    assert "0 tests passed and 1 ended as before" in found.reason


def test_nor_does_a_check_that_is_waived(proof: Proof) -> None:
    recording = proof.recording
    proof.swap().test("test_was_denied_nothing", "failed", "RBA-004").denied(user="somebody")
    outcome = msgspec.structs.replace(
        judge("RBA-004", recording.evidence, None), status=Status.FAIL
    )
    proof.judged(outcome)
    states = [proof.result.state]
    recording.target(waivers=(Waiver(check="RBA-004", reason="known", expires="2099-01-01"),))
    states.append(proof.result.state)
    assert states == [ProofState.NOT_VERIFIED, ProofState.PROVEN]


def test_what_is_refused_behind_the_authorizer_refutes_it_where_the_suite_goes_wrong(
    proof: Proof,
) -> None:
    proof.recording.call(BEGUN + 2, "create", "configmaps", "y", code=403)
    assert proof.swap().test().result.state is ProofState.PROVEN, "a namespace may be going"
    found = proof.test("test_late", "failed").result
    assert found.state is ProofState.REFUTED
    assert "admission" in found.denied[0].rule


def test_bindings_that_still_reach_the_identity_leave_it_open(proof: Proof) -> None:
    left = {OPERATOR: ("ClusterRoleBinding everybody",)}
    found = proof.swap(msgspec.structs.replace(SWAP, left=left)).test().result
    assert found.state is ProofState.NOT_VERIFIED
    assert found.reason == "ClusterRoleBinding everybody gave it rights all the same"
    assert found.left == left[OPERATOR]


def test_what_stood_in_the_way_is_the_reason(proof: Proof) -> None:
    swap = msgspec.structs.replace(SWAP, obstacle="the roles could not be changed: no")
    found = proof.swap(swap).test().denied().result
    assert (found.state, found.reason) == (ProofState.NOT_VERIFIED, swap.obstacle)


def test_a_proof_that_was_cut_short_says_where(proof: Proof) -> None:
    assert proof.result.reason == "the run ended before the roles were changed"
    assert proof.swap().result.reason == "the suite did not run again"
    assert "cut short in test_converges" in proof.test(outcome="started").result.reason
    assert proof.result.state is ProofState.NOT_VERIFIED


@pytest.mark.parametrize("suite", ["", "smoke/"])
def test_a_proof_that_was_cut_short_between_two_tests_proves_nothing(
    proof: Proof, suite: str
) -> None:
    proof.earlier(f"{suite}test_life.py::test_converges", f"{suite}test_life.py::test_late")
    proof.earlier("scope/test_sentinels.py::test_another_suite")
    found = proof.swap().test("test_converges").result
    assert found.state is ProofState.NOT_VERIFIED
    assert found.reason == "the suite was cut short before test_late"
    assert proof.test("test_late").result.state is ProofState.PROVEN


def test_a_run_without_a_proof_says_nothing_of_one(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    record(recording, bound(rule("get", "pods")))
    report = permissions(recording.evidence)
    assert report is not None
    assert report.proofs == ()
    assert "removal" not in report.minimal
