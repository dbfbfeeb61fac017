"""Stage 6: waivers, dated and reasoned exceptions for findings."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from harness.model.findings import Excuse, Finding, Severity
from harness.model.target import Waiver

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WAIVER_CHECK", "Waived", "apply"]

WAIVER_CHECK = "WAI-001"


class Waived(msgspec.Struct, frozen=True, kw_only=True):
    """Findings after waivers.

    Attributes:
        kept: Findings that count, without those of expired waivers.
        waived: Findings that a waiver excuses.
        expired: A finding for each waiver whose day has passed.
        idle: Waivers in force that excused nothing.
    """

    kept: tuple[Finding, ...]
    waived: tuple[Finding, ...]
    expired: tuple[Finding, ...]
    idle: tuple[Waiver, ...]


def apply(waivers: Sequence[Waiver], findings: Sequence[Finding], *, today: date) -> Waived:
    """Applies a target's waivers.

    Args:
        waivers: Of the target.
        findings: Of all checks.
        today: Day of the run, so that an old run is judged as it was then.
    """
    expired = [waiver for waiver in waivers if _has_expired(waiver, today)]
    in_force = [waiver for waiver in waivers if waiver not in expired]
    kept, waived = [], []
    used: list[Waiver] = []
    for finding in findings:
        excuse = next((waiver for waiver in in_force if _matches(waiver, finding)), None)
        if excuse is None:
            kept.append(finding)
            continue
        used.append(excuse)
        waived.append(_excused(finding, excuse))
    return Waived(
        kept=tuple(kept),
        waived=tuple(waived),
        expired=tuple(_finding(waiver) for waiver in expired),
        idle=tuple(waiver for waiver in in_force if waiver not in used),
    )


def _has_expired(waiver: Waiver, today: date) -> bool:
    """An unreadable date counts as past: an exception without an end isn't one."""
    try:
        return date.fromisoformat(waiver.expires) < today
    except ValueError:
        return True


def _matches(waiver: Waiver, finding: Finding) -> bool:
    return waiver.check == finding.check and (
        waiver.match in finding.subject or waiver.match in finding.title
    )


def _excused(finding: Finding, waiver: Waiver) -> Finding:
    """The finding with the reason, so that a reader needn't look the waiver up."""
    link = f" ({waiver.link})" if waiver.link else ""
    note = f"Waived until {waiver.expires}: {waiver.reason}{link}"
    detail = f"{note}\n{finding.detail}".rstrip()
    excuse = Excuse(reason=waiver.reason, expires=waiver.expires, link=waiver.link)
    return msgspec.structs.replace(finding, detail=detail, waiver=excuse)


def _finding(waiver: Waiver) -> Finding:
    about = f"{waiver.check} ({waiver.match})" if waiver.match else waiver.check
    return Finding(
        check=WAIVER_CHECK,
        severity=Severity.MAJOR,
        title=f"The waiver for {about} expired on {waiver.expires}",
        subject=waiver.check,
        detail=f"Its reason was: {waiver.reason}",
        remedy=(
            "Mend what it excuses and remove it from target.yaml, or renew it with a new date and "
            "a reason that still holds."
        ),
    )
