"""Stage 6: why the verdict is what it is, in one sentence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from harness.model.findings import ChecklistItem, Finding, Severity, Status
from harness.model.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.measurement import GateResult
    from harness.model.result import ErrorNote

__all__ = ["Grounds", "sentence"]

_ARTICLES = ("The ", "A ", "An ", "Each ", "Deleting ")


class Grounds:
    """Everything that a verdict rests on.

    Args:
        errors: What of the harness or its environment broke.
        interruption: Where the run was cut short; empty where it wasn't.
        failing: Findings that make the verdict red, worst first.
        broken: Gates that aren't met.
        open_gates: Gates that evidence can't decide.
        open_checks: Checks that aren't verified, where that changes the verdict.
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
        undecided: bool = False,
    ) -> None:
        self.errors = tuple(errors)
        self.interruption = interruption
        self.failing = tuple(failing)
        self.broken = tuple(broken)
        self.open_gates = tuple(open_gates)
        self.open_checks = tuple(open_checks)
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
        if self.open_gates or self.open_checks or self.undecided:
            return Verdict.INCONCLUSIVE
        return Verdict.PASS

    @property
    def reasons(self) -> tuple[str, ...]:
        """What decided, most important first; empty for a pass."""
        if self.errors:
            return tuple(f"{note.where}: {_line(note.message)}" for note in self.errors)
        if self.interruption:
            return (self.interruption,)
        if self.failing or self.broken:
            found = [f"{finding.check} {_lower(finding.title)}" for finding in self.failing]
            return (*found, *(f"gate: {gate.reason}" for gate in self.broken))
        gates = [f"gate: {gate.reason}" for gate in self.open_gates]
        checks = [f"{item.check.id} is not verified: {item.reason}" for item in self.open_checks]
        none = ["not one check could be decided"] if self.undecided else []
        return (*gates, *checks, *none)


def sentence(
    grounds: Grounds,
    checks: Sequence[ChecklistItem],
    gates: Sequence[GateResult],
    findings: Sequence[Finding],
) -> str:
    """Returns the sentence at the top of every report, verdict first.

    For example "fail: REC-002 the operator wrote 9 times in 10 s at rest; 1 of 14 checks failed,
    2 not verified."
    """
    reasons = grounds.reasons
    parts = []
    if reasons:
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        parts.append(reasons[0].rstrip(".") + more)
    parts.append(_counts(checks, findings))
    if gates:
        met = sum(gate.met is True for gate in gates)
        parts.append(f"{met} of {len(gates)} gates met")
    return f"{grounds.verdict.value}: {'; '.join(part for part in parts if part)}."


def _counts(checks: Sequence[ChecklistItem], findings: Sequence[Finding]) -> str:
    if not checks:
        return "no check was judged"
    count = Counter(item.status for item in checks)
    total = len(checks)
    head = (
        f"{count[Status.FAIL]} of {total} checks failed"
        if count[Status.FAIL]
        else f"{count[Status.PASS]} of {total} checks passed"
    )
    light = sum(finding.severity in {Severity.MINOR, Severity.INFO} for finding in findings)
    rest = [
        f"{light} minor {'finding' if light == 1 else 'findings'}" if light else "",
        *(
            f"{count[status]} {words}"
            for status, words in (
                (Status.WAIVED, "waived"),
                (Status.NOT_VERIFIED, "not verified"),
                (Status.NOT_APPLICABLE, "not applicable"),
            )
            if count[status]
        ),
    ]
    return ", ".join([head, *(part for part in rest if part)])


def _lower(title: str) -> str:
    """As it stands inside a sentence; names of kinds keep their capital."""
    return title[0].lower() + title[1:] if title.startswith(_ARTICLES) else title


def _line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no message"
