"""RBA-003: what is held and not needed is named only after a run without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.analysis.judge import judge, judge_run
from harness.model.access import ProofState, Swap
from harness.model.findings import Status
from harness.tests.analysis.rbac.test_proof import Proof

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.findings import CheckOutcome


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    """An operator that may create and delete ConfigMaps, and has created one."""
    return Proof(tmp_path)


def _judged(proof: Proof) -> CheckOutcome:
    return judge("RBA-003", proof.recording.evidence, None)


def test_a_right_that_was_not_used_and_not_missed_is_named(proof: Proof) -> None:
    proof.swap().test()
    assert proof.result.state is ProofState.PROVEN
    outcome = _judged(proof)
    assert outcome.status is Status.FAIL
    (finding,) = outcome.findings
    assert "grants the operator delete configmaps" in finding.title
    assert "create" not in finding.title, "that was used"
    assert finding.holder is not None
    assert finding.holder.rules == (0,)


def test_a_right_that_was_missed_is_not(proof: Proof) -> None:
    proof.swap().test().denied()
    outcome = _judged(proof)
    assert outcome.status is Status.NOT_VERIFIED
    assert "denied delete configmaps" in outcome.reason


def test_without_the_proof_nothing_is_called_needless(proof: Proof) -> None:
    proof.swap(Swap(obstacle="the bindings could not be changed"))
    assert "the bindings could not be changed" in _judged(proof).reason


def test_it_is_judged_where_a_run_made_the_proof_and_only_there(
    proof: Proof, tmp_path: Path
) -> None:
    proof.swap().test()
    assert "RBA-003" in {outcome.check for outcome in judge_run(proof.recording.evidence, ())}
    (tmp_path / "other").mkdir()
    other = Proof(tmp_path / "other")
    for path in sorted(other.folder.path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    other.folder.path.rmdir()
    assert "RBA-003" not in {o.check for o in judge_run(other.recording.evidence, ())}
