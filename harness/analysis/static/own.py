"""UNI-001 and INT-001: the operator's own tests, unit and end-to-end."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from harness.model.findings import EvidenceRef

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.records import OwnTests

__all__ = ["end_to_end_tests_pass", "own_tests_pass"]

_SHOWN = 20


def own_tests_pass(case: Case) -> CheckOutcome:
    """UNI-001: the command ends with 0, in its time, and has run a test."""
    if not case.evidence.target.tests.unit:
        return case.inapplicable("the target definition names no tests.unit")
    return _judged(case, case.evidence.own_tests, "unit tests")


def end_to_end_tests_pass(case: Case) -> CheckOutcome:
    """INT-001: the same of the end-to-end tests."""
    if not case.evidence.target.tests.integration:
        return case.inapplicable("the target definition names no tests.integration")
    return _judged(case, case.evidence.own_e2e, "end-to-end tests")


def _judged(case: Case, done: OwnTests | None, words: str) -> CheckOutcome:
    if done is None:
        return case.undecided(f"the operator's own {words} were not run")
    if done.exit_code is None:
        text = f"The operator's {words} took longer than {done.limit_s:g} s and were stopped"
        return case.failed(_finding(case, done, text, shlex.join(done.command), done.tail))
    if done.exit_code != 0 or done.failed:
        return case.failed(*_failures(case, done, words))
    if done.counted and not done.passed:
        return case.undecided(f"{shlex.join(done.command)} ran no test")
    return case.passed()


def _failures(case: Case, done: OwnTests, words: str) -> list[Finding]:
    total = len(done.failed)
    found = [
        _finding(case, done, f"The operator's test {test.name} failed", test.name, test.output)
        for test in done.failed[:_SHOWN]
    ]
    if total > _SHOWN:
        rest = "\n".join(test.name for test in done.failed[_SHOWN:])
        text = f"{total - _SHOWN} more of the operator's tests failed"
        found.append(_finding(case, done, text, shlex.join(done.command), rest))
    if not found:
        text = f"The operator's {words} ended with {done.exit_code}"
        found.append(_finding(case, done, text, shlex.join(done.command), done.tail))
    return found


def _finding(case: Case, done: OwnTests, title: str, subject: str, detail: str) -> Finding:
    file = f"{case.evidence.run.evidence.name}/{done.log}" if done.log else ""
    return case.finding(
        title,
        subject=subject,
        detail=detail,
        evidence=[EvidenceRef(file=file)] if file else (),
    )
