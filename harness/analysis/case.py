"""Stage 5: what a check function is given, and how it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.findings import (
    CheckInfo,
    CheckOutcome,
    EvidenceRef,
    Finding,
    Holder,
    Severity,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.reader import Evidence
    from harness.model.records import Phase
    from harness.model.time import Span

__all__ = ["Case", "WindowCase"]


class Case:
    """A check that is judged on a whole run.

    Args:
        info: The check.
        evidence: All that is known.
        phase: The window that it is judged for, where there is one.
    """

    def __init__(self, info: CheckInfo, evidence: Evidence, phase: Phase | None = None) -> None:
        self.info = info
        self.evidence = evidence
        self.window = phase.name if phase else ""
        self.subject = phase.subject if phase else ""

    def passed(self) -> CheckOutcome:
        """Answers that the check holds."""
        return self._outcome(Status.PASS)

    def failed(self, *findings: Finding) -> CheckOutcome:
        """Answers that the check is broken, with at least one finding."""
        return self._outcome(Status.FAIL, findings=findings)

    def decided(self, findings: Sequence[Finding]) -> CheckOutcome:
        """Answers by what was found: broken if anything, else it holds."""
        return self.failed(*findings) if findings else self.passed()

    def undecided(self, reason: str) -> CheckOutcome:
        """Answers that the evidence can't tell, and why."""
        return self._outcome(Status.NOT_VERIFIED, reason=reason)

    def inapplicable(self, reason: str) -> CheckOutcome:
        """Answers that the check says nothing about this target, and why."""
        return self._outcome(Status.NOT_APPLICABLE, reason=reason)

    def finding(
        self,
        title: str,
        *,
        subject: str = "",
        detail: str = "",
        remedy: str = "",
        severity: Severity | None = None,
        evidence: Sequence[EvidenceRef] = (),
        snippet: str = "",
        holder: Holder | None = None,
    ) -> Finding:
        """Returns a finding of this check in this window.

        Args:
            title: One sentence, with the numbers.
            subject: What it is about; the window's subject if not given.
            detail: What was seen and what was expected.
            remedy: The catalogue's if not given.
            severity: The catalogue's if not given.
            evidence: Where to look.
            snippet: What can be pasted to mend it.
            holder: Whose right it is about.
        """
        return Finding(
            check=self.info.id,
            severity=severity or self.info.severity,
            title=title,
            subject=subject or self.subject,
            detail=detail,
            remedy=remedy or self.info.remedy,
            evidence=tuple(evidence),
            window=self.window,
            snippet=snippet,
            holder=holder,
        )

    def _outcome(
        self, status: Status, *, reason: str = "", findings: tuple[Finding, ...] = ()
    ) -> CheckOutcome:
        return CheckOutcome(
            check=self.info.id,
            status=status,
            subject=self.subject,
            window=self.window,
            reason=reason,
            findings=findings,
        )


class WindowCase(Case):
    """A check that is judged on one window.

    Attributes:
        phase: The window.
    """

    def __init__(self, info: CheckInfo, evidence: Evidence, phase: Phase) -> None:
        super().__init__(info, evidence, phase)
        self.phase = phase

    @property
    def span(self) -> Span:
        """When the window was open."""
        return self.phase.span
