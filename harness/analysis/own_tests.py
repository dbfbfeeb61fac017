"""Stage 5, SUI: assertions of a suite that are no check of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.findings import EvidenceRef, Finding, Status

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome
    from harness.model.records import TestOutcome

__all__ = ["assertions_hold"]

_ASSERTED = frozenset({"passed", "failed"})


def assertions_hold(case: Case) -> CheckOutcome:
    """SUI-001: a failed test that no finding of a check explains is a finding of its own."""
    tests = case.evidence.tests()
    failed = [
        test for test in tests if test.outcome == "failed" and not _explained(case.evidence, test)
    ]
    if failed:
        return case.failed(*(_failure(case, test) for test in failed))
    own = [test for test in tests if not test.checks]
    if tests and not own:
        return case.inapplicable("each test that ran judges checks of the catalogue")
    if not any(test.outcome in _ASSERTED for test in own):
        return case.undecided("no test of the suite's own came to an end")
    return case.passed()


def _explained(evidence: Evidence, test: TestOutcome) -> bool:
    """Whether the judge blamed one of the test's checks during the run.

    Without any record of the judge (a run of another version), the test's checks stand for it.
    """
    judged = evidence.judged()
    if not judged:
        return bool(test.checks)
    windows = {phase.name for phase in evidence.phases() if phase.test == test.test}
    return any(
        record.outcome.status is Status.FAIL
        and (record.phase in windows if record.phase else record.outcome.check in test.checks)
        for record in judged
    )


def _failure(case: Case, test: TestOutcome) -> Finding:
    first = test.message.strip().splitlines()
    return case.finding(
        f"{test.test} failed" + (f": {first[0]}" if first else ""),
        subject=test.test,
        detail=test.message.strip(),
        evidence=[
            EvidenceRef(file=case.evidence.place(case.evidence.run.suite_file), excerpt=test.test)
        ],
    )
