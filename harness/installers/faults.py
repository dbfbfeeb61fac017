"""Stage 3: what is the operator's own fault when an install fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import InstallFault
from harness.model.findings import EvidenceRef, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["not_installed", "not_ready"]


def not_installed(subject: str, title: str, *, detail: str = "", remedy: str = "") -> InstallFault:
    """Returns the fault of a manifest that a cluster won't take, or can't run (INS-001)."""
    return InstallFault(
        Finding(
            check="INS-001",
            severity=Severity.BLOCKER,
            title=title,
            subject=subject,
            detail=detail,
            remedy=remedy or "Mend the manifest; `kubectl apply --dry-run=server` shows the same.",
        )
    )


def not_ready(
    subject: str, title: str, *, detail: str = "", log: str = "", tail: Sequence[str] = ()
) -> InstallFault:
    """Returns the fault of an operator that ends at start, or doesn't become ready (INS-002).

    Args:
        subject: The workload.
        title: What it did instead, in one sentence.
        detail: What its probes said.
        log: Path of its log below the run folder.
        tail: Its last lines.
    """
    excerpt = "\n".join(tail)
    lines = f"Its last lines:\n{excerpt}" if tail else "It printed nothing."
    return InstallFault(
        Finding(
            check="INS-002",
            severity=Severity.BLOCKER,
            title=title,
            subject=subject,
            detail="\n".join(part for part in (detail, lines) if part),
            remedy="Read the operator's log; it names what it could not do.",
            evidence=(EvidenceRef(file=log, excerpt=excerpt),) if log else (),
        )
    )
