"""Stage 6: why the verdict is what it is, in one sentence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from harness.model.findings import ChecklistItem, Finding, Severity, Status
from harness.model.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.model.measurement import GateResult, Measurement
    from harness.model.result import ErrorNote

__all__ = ["Grounds", "Tally", "sentence"]

_MEASURED: Mapping[str, str] = {"REC-001": "convergence_latency_median"}
"""Which figure stands behind what a check shows."""
_WHOLE = 100  # from here on a figure needs no digits after the point


class Grounds:
    """Everything that a verdict rests on.

    Args:
        errors: What of the harness or its environment broke.
        interruption: Where the run was cut short; empty where it wasn't.
        failing: Findings that make the verdict red, worst first.
        broken: Gates that aren't met.
        open_gates: Gates that evidence can't decide.
        open_checks: Checks that aren't verified, where that changes the verdict.
        open_questions: What a suite asked and evidence can't answer.
        undecided: Whether not one check came to a decision.
    """

    def __init__(
        self,
        *,
        errors: Sequence[ErrorNote] = (),
        interruption: str = "",
        failing: Sequence[Finding] = (),
        broken: Sequence[GateResult] = (),
        open_gates: Sequence[GateResult] = (),
        open_checks: Sequence[ChecklistItem] = (),
        open_questions: Sequence[str] = (),
        undecided: bool = False,
    ) -> None:
        self.errors = tuple(errors)
        self.interruption = interruption
        self.failing = tuple(failing)
        self.broken = tuple(broken)
        self.open_gates = tuple(open_gates)
        self.open_checks = tuple(open_checks)
        self.open_questions = tuple(open_questions)
        self.undecided = undecided

    @property
    def verdict(self) -> Verdict:
        """Error before interrupted before fail before inconclusive before pass."""
        if self.errors:
            return Verdict.ERROR
        if self.interruption:
            return Verdict.INTERRUPTED
        if self.failing or self.broken:
            return Verdict.FAIL
        if self.open_gates or self.open_checks or self.open_questions or self.undecided:
            return Verdict.INCONCLUSIVE
        return Verdict.PASS

    @property
    def reasons(self) -> tuple[str, ...]:
        """What decided, most important first; empty for a pass. Each begins a sentence."""
        if self.errors:
            return tuple(
                f"The harness broke ({note.where}): {_line(note.message)}" for note in self.errors
            )
        if self.interruption:
            return (_capital(self.interruption),)
        if self.failing or self.broken:
            found = [_reason(finding) for finding in self.failing]
            return (*found, *(f"Gate not met: {gate.reason}" for gate in self.broken))
        gates = [f"Gate undecided: {gate.reason}" for gate in self.open_gates]
        checks = [f"{item.check.id} is not verified: {item.reason}" for item in self.open_checks]
        none = ["Not one check could be decided"] if self.undecided else []
        return (*self.open_questions, *gates, *checks, *none)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What the sentence counts and names.

    Attributes:
        target: Name of the operator under test.
    """

    target: str
    checks: Sequence[ChecklistItem] = ()
    gates: Sequence[GateResult] = ()
    findings: Sequence[Finding] = ()
    measurements: Sequence[Measurement] = ()


def sentence(grounds: Grounds, tally: Tally) -> str:
    """Returns the sentence that stands below the verdict's word at the top of every report.

    For example "The operator wrote 9 times in 10 s at rest (REC-002); 1 of 14 checks failed, 2
    not verified." or "All 12 checks passed: guestbook installs, converges in 104 ms (median of 2)
    and cleans up after itself."
    """
    reasons = grounds.reasons
    parts = []
    if reasons:
        more = _more(len(reasons) - 1)
        parts.append(reasons[0].rstrip(".") + more)
    parts.append(_counts(grounds.verdict, tally))
    if tally.gates:
        met = sum(gate.met is True for gate in tally.gates)
        parts.append(f"{met} of {len(tally.gates)} gates met")
    text = "; ".join(parts)
    return f"{_capital(text)}."


def _more(reasons: int) -> str:
    if not reasons:
        return ""
    return f", and {reasons} more {'reason' if reasons == 1 else 'reasons'}"


def _counts(verdict: Verdict, tally: Tally) -> str:
    if not tally.checks:
        return "no check was judged"
    count = Counter(item.status for item in tally.checks)
    total = len(tally.checks)
    head = f"{count[Status.PASS]} of {total} checks passed"
    if count[Status.PASS] == total:
        head = f"all {total} checks passed" if total > 1 else "the one check passed"
    elif count[Status.FAIL] and verdict is not Verdict.PASS:
        head = f"{count[Status.FAIL]} of {total} checks failed"
    words = ", ".join([head, *_rest(count, tally.findings)])
    shown = _shown(tally) if verdict is Verdict.PASS else ""
    return f"{words}: {tally.target} {shown}" if shown else words


def _rest(count: Counter[Status], findings: Sequence[Finding]) -> list[str]:
    light = Counter(finding.severity for finding in findings)
    words = [
        f"{light[severity]} {severity.value} {'finding' if light[severity] == 1 else 'findings'}"
        for severity in (Severity.MINOR, Severity.INFO)
        if light[severity]
    ]
    return words + [
        f"{count[status]} {word}"
        for status, word in (
            (Status.WAIVED, "waived"),
            (Status.NOT_VERIFIED, "not verified"),
            (Status.NOT_APPLICABLE, "not applicable"),
        )
        if count[status]
    ]


def _shown(tally: Tally) -> str:
    """What passed checks have shown, in their order, with the figure where there is one."""
    phrases = [
        item.check.shows + _figure(item.check.id, tally.measurements)
        for item in tally.checks
        if item.check.shows and item.status is Status.PASS
    ]
    if len(phrases) < 2:  # noqa: PLR2004 - one has no "and"
        return "".join(phrases)
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _figure(check: str, measurements: Sequence[Measurement]) -> str:
    for item in measurements:
        if item.name == _MEASURED.get(check):
            of = f" (median of {item.n})" if item.n > 1 else ""
            digits = 0 if item.value >= _WHOLE else 1
            return f" in {item.value:.{digits}f} {item.unit}{of}"
    return ""


def _reason(finding: Finding) -> str:
    """The finding as the begin of a sentence: a title that doesn't begin with a capital follows."""
    if finding.title[:1].isupper():
        return f"{finding.title.rstrip('.')} ({finding.check})"
    return f"{finding.check}: {finding.title}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no message"
