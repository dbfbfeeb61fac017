"""Stage 5, REC-002 and REC-004: a converged operator writes nothing, also after a restart."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from harness.analysis.changes import last_change
from harness.analysis.footprint import Footprint, identity_of, snapshot_label
from harness.analysis.writes import (
    audit_gap,
    call_ref,
    key_of,
    short_target_of,
    table,
    writes_in,
)
from harness.model.findings import Severity

if TYPE_CHECKING:
    from harness.analysis.case import WindowCase
    from harness.analysis.writes import Writes
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.records import ApiCall

__all__ = ["restart_writes_nothing", "silent_at_rest"]

_MAX_REFS = 20


def silent_at_rest(case: WindowCase) -> CheckOutcome:
    """REC-002: no write by the operator in the window."""
    gap = audit_gap(case.evidence, case.span)
    if gap:
        return case.undecided(gap)
    return case.decided(_about_writes(case, writes_in(case.evidence, case.span), "at rest"))


def restart_writes_nothing(case: WindowCase) -> CheckOutcome:
    """REC-004: as REC-002 in the window of a restart, and the children keep their uids."""
    if case.phase.facts.get("ready") is False:
        return case.undecided("the operator did not come back (INS-002)")
    findings = _replaced(case)
    gap = audit_gap(case.evidence, case.span)
    if gap:
        return case.failed(*findings) if findings else case.undecided(gap)
    writes = writes_in(case.evidence, case.span)
    return case.decided([*_about_writes(case, writes, "after its restart"), *findings])


def _about_writes(case: WindowCase, writes: Writes, when: str) -> list[Finding]:
    """One finding for all writes of a window: they have one cause more often than not."""
    seconds = case.span.seconds
    if writes.effective:
        return [
            case.finding(
                f"The operator wrote {_times(len(writes.effective))} in {seconds:.0f} s {when}: "
                f"{_kinds(case, writes.effective)}",
                subject=_subject(case, writes.effective),
                detail=_detail(case, writes),
                evidence=[call_ref(case.evidence, call) for call in writes.effective[:_MAX_REFS]],
            )
        ]
    if writes.idle:
        return [
            case.finding(
                f"The operator sent {_writes(len(writes.idle))} that changed nothing in "
                f"{seconds:.0f} s {when}: {_kinds(case, writes.idle)}",
                subject=_subject(case, writes.idle),
                severity=Severity.MINOR,
                detail=_detail(case, writes),
                evidence=[call_ref(case.evidence, call) for call in writes.idle[:_MAX_REFS]],
            )
        ]
    return []


def _detail(case: WindowCase, writes: Writes) -> str:
    rate = len(writes.effective) / max(case.span.seconds, 1e-9)
    rows = [f"Expected: no write in {case.span.seconds:.1f} s. Seen: {rate:.2f} writes/s."]
    if writes.effective:
        rows += ["Writes:", *table(writes.effective, case.span), *_last_change(case, writes)]
    if writes.idle:
        rows += [
            "Apart from these, writes that changed nothing (no watch event followed):",
            *table(writes.idle, case.span),
        ]
    return "\n".join(rows)


def _last_change(case: WindowCase, writes: Writes) -> list[str]:
    """What the last write to the object that is written most changed."""
    ((key, _),) = Counter(key_of(call) for call in writes.effective).most_common(1)
    rows = last_change(case.evidence, key, case.span)
    return [f"What the last write to {key} changed:", *(f"  {row}" for row in rows)] if rows else []


def _subject(case: WindowCase, calls: tuple[ApiCall, ...]) -> str:
    """The object, where there is only one; else what the window is about."""
    keys = {key_of(call) for call in calls}
    return str(next(iter(keys))).rstrip() if len(keys) == 1 else case.subject


def _kinds(case: WindowCase, calls: tuple[ApiCall, ...]) -> str:
    names = list(dict.fromkeys(short_target_of(case.evidence, call) for call in calls))
    rest = f" and {len(names) - 2} more" if len(names) > 2 else ""  # noqa: PLR2004 - two are shown
    return ", ".join(names[:2]) + rest


def _writes(count: int) -> str:
    return "one write" if count == 1 else f"{count} writes"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _replaced(case: WindowCase) -> list[Finding]:
    """Children that a restart replaced or removed, by the snapshots that the facts name."""
    taken = {shot.name: shot.objects for shot in case.evidence.snapshots()}
    before = taken.get(str(case.phase.facts.get("before")), ())
    after = taken.get(str(case.phase.facts.get("after")))
    if not before or after is None or not case.phase.objects:
        return []
    footprint = Footprint(case.evidence, case.phase.objects, until=case.span.end)
    uids = {identity_of(body): _uid(body) for body in after}
    return [
        _change(case, body, uids.get(identity_of(body)))
        for body in before
        if footprint.attribution(body) and uids.get(identity_of(body)) != _uid(body)
    ]


def _change(case: WindowCase, body: dict[str, Any], uid: str | None) -> Finding:
    what = "was removed" if uid is None else "was deleted and made anew (another uid)"
    return case.finding(
        f"{snapshot_label(body)} {what} when the operator restarted",
        subject=str(identity_of(body)),
        detail=f"Snapshots {case.phase.facts['before']} and {case.phase.facts['after']} differ.",
    )


def _uid(body: dict[str, Any]) -> str:
    return str((body.get("metadata") or {}).get("uid", ""))
