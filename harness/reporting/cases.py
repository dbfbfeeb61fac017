"""Stage 7: the test cases of a run, for every report in a format of test runners.

JUnit's file and Allure's folder hold the same cases in the same states, since both are written
from these:

    group        a case for                       red when
    <CHECK-ID>   each check, and each finding     the check failed with a severity that turns the
                 that no check of the list holds  verdict
    UNI-001,     each of the operator's own       it failed, and neither waiver nor severity keeps
    INT-001      tests, where they were told      its check from turning the verdict
    gate         each gate                        it isn't met
    harness      what broke                       always: the harness's fault is "broken", the
                                                  operator's "failed"
    verdict      the verdict                      it isn't pass and no other case is red

There is a case for each check and not for each of its windows: names must be the same in every
run, so that a CI system can follow a check through its history. What is not verified, not
applicable, undecided or waived is skipped with its reason, and so is a failed check that doesn't
turn the verdict (minor, info): nothing but a pass looks like one, and a case is red exactly where
the exit code isn't 0.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from harness.model.findings import CheckInfo, ChecklistItem, Finding, Severity, Status
from harness.model.verdict import Verdict
from harness.reporting.digest import Place, findings_of, is_red, places, unlisted, worst
from harness.reporting.text import STATUS_WORDS, one_line, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.measurement import GateResult
    from harness.model.result import ErrorNote, OwnTestResult, RunResult

__all__ = ["GATE", "HARNESS", "RED", "VERDICT", "Case", "State", "cases", "prose"]

GATE, HARNESS, VERDICT = "gate", "harness", "verdict"
_PASSED, _FAILED = "passed", "failed"


class State(StrEnum):
    """How a case ended; the words are Allure's."""

    PASSED = "passed"
    FAILED = "failed"  # the operator's fault
    BROKEN = "broken"  # the harness's or its environment's fault, or nobody could decide
    SKIPPED = "skipped"


RED = frozenset({State.FAILED, State.BROKEN})


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One case; its strings are not yet made safe to show.

    Attributes:
        group: Id of a check, "gate", "harness" or "verdict".
        name: The same in every run, where that can be.
        state: How it ended.
        kind: What it ended by: a check's id, "not_verified", "gate"; empty for a pass.
        message: Why, in one line; empty for a pass.
        text: All that a reader needs beyond the message.
        check: The check that it stands for; None where it stands for none.
        findings: What was found.
        own: Name of one of the operator's own tests; empty for all else.
        seconds: How long that took.
    """

    group: str
    name: str
    state: State = State.PASSED
    kind: str = ""
    message: str = ""
    text: str = ""
    check: CheckInfo | None = None
    findings: tuple[Finding, ...] = ()
    own: str = ""
    seconds: float = 0.0


def cases(result: RunResult) -> tuple[Case, ...]:
    """Returns the cases of a run; the verdict is the last one."""
    found = [_check_case(result, item) for item in result.checks]
    found += [_finding_case(result, entry.finding) for entry in unlisted(result)]
    found += [_own_case(result, test) for test in result.own_tests]
    found += [_gate_case(gate) for gate in result.gates]
    found += [_error_case(note) for note in result.errors]
    return (*found, _verdict_case(result, found))


def prose(finding: Finding) -> str:
    """Returns a finding as plain text of several lines, safe to show."""
    head = f"{finding.check} ({finding.severity}): {one_line(finding.title)}"
    parts = [
        head,
        f"Subject: {one_line(finding.subject)}" if finding.subject else "",
        f"Window: {one_line(finding.window)}" if finding.window else "",
        visible(finding.detail),
        f"Remedy: {visible(finding.remedy)}" if finding.remedy else "",
        visible(finding.snippet),
        *(f"Evidence: {_spots(place)}" for place in places(finding)),
    ]
    return "\n".join(part for part in parts if part)


def _spots(place: Place) -> str:
    more = f" and {place.more} more" if place.more else ""
    return f"{', '.join(map(one_line, place.spots))}{more}"


def _check_case(result: RunResult, item: ChecklistItem) -> Case:
    case = Case(group=item.check.id, name=item.check.title, check=item.check)
    if item.status is Status.FAIL:
        severity = worst(result, item)
        found = [entry.finding for entry in findings_of(result, item)]
        return _failure(case, severity, found, red=is_red(result, severity))
    if item.status is not Status.PASS:
        reason = item.reason or "No reason was given."
        return _ended(
            case, State.SKIPPED, item.status.value, f"{STATUS_WORDS[item.status]}: {reason}"
        )
    return case


def _finding_case(result: RunResult, finding: Finding) -> Case:
    case = Case(group=finding.check, name=finding.title)
    return _failure(case, finding.severity, [finding], red=is_red(result, finding.severity))


def _failure(case: Case, severity: Severity, found: Sequence[Finding], *, red: bool) -> Case:
    message = "; ".join(finding.title for finding in found) or "The check failed."
    if not red:
        message = f"Failed, but {severity} doesn't turn the verdict: {message}"
    return msgspec.structs.replace(
        _ended(case, State.FAILED if red else State.SKIPPED, case.group, message),
        text="\n\n".join(prose(finding) for finding in found),
        findings=tuple(found),
    )


def _own_case(result: RunResult, test: OwnTestResult) -> Case:
    """One of the operator's own tests: red exactly where its check is, and isn't waived for it."""
    case = Case(
        group=test.check, name=test.title, own=test.title, seconds=max(test.duration_s, 0.0)
    )
    if test.outcome == _PASSED:
        return case
    if test.outcome != _FAILED:
        return _ended(case, State.SKIPPED, "skipped", "Skipped by its own runner.")
    lines = test.message.strip().splitlines()
    message = lines[0] if lines else "It failed."
    if any((item.check, item.subject) == (test.check, test.title) for item in result.waived):
        return _ended(case, State.SKIPPED, "waived", f"Failed, but waived: {message}")
    red = any(
        item.check.id == test.check
        and item.status is Status.FAIL
        and is_red(result, worst(result, item))
        for item in result.checks
    )
    ended = _ended(case, State.FAILED if red else State.SKIPPED, test.check, message)
    return msgspec.structs.replace(ended, text=test.message)


def _gate_case(result: GateResult) -> Case:
    gate = result.gate
    name = f"{gate.measurement} {gate.operator} {gate.bound:g} {gate.unit}"
    case = Case(group=GATE, name=name)
    if result.met is None:
        return _ended(case, State.SKIPPED, "undecided", f"Undecided: {result.reason}")
    return case if result.met else _ended(case, State.FAILED, GATE, result.reason)


def _error_case(note: ErrorNote) -> Case:
    return Case(
        group=HARNESS,
        name=note.where or HARNESS,
        state=State.BROKEN,
        kind=HARNESS,
        message=note.message,
        text=f"{note.message}\n{note.hint}".strip(),
    )


def _verdict_case(result: RunResult, others: Sequence[Case]) -> Case:
    case = Case(group=VERDICT, name=VERDICT)
    verdict, red = result.verdict, any(other.state in RED for other in others)
    told = f"{verdict}: {result.sentence}"
    if verdict is Verdict.PASS:
        return case
    if verdict is Verdict.FAIL and not red:
        return _ended(case, State.FAILED, VERDICT, result.sentence)
    if verdict is not Verdict.FAIL and not red:
        return _ended(case, State.BROKEN, verdict.value, told)
    return _ended(case, State.SKIPPED, verdict.value, told)


def _ended(case: Case, state: State, kind: str, message: str) -> Case:
    return msgspec.structs.replace(case, state=state, kind=kind, message=message)
