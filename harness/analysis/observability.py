"""Stage 5, OBS: metrics that can be read, a log without panics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.logs import BURST_SECONDS, bursts, panics
from harness.analysis.metrics import families
from harness.model.findings import EvidenceRef, Finding, Severity
from harness.model.records import Action

if TYPE_CHECKING:
    from pathlib import Path

    from harness.analysis.case import Case, WindowCase
    from harness.analysis.logs import Burst, Panic
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome
    from harness.model.records import LogLine, MetricsPage

__all__ = ["log_is_sane", "metrics_parse"]

_OK = 200
_DISTURBANCES = frozenset({Action.RESTART, Action.KILL, Action.PAUSE, Action.RESUME, Action.OUTAGE})
_AFTER_NS = 15_000_000_000
"""How long errors are excused after we disturbed the operator: a lease that was held lasts 15 s."""
_BEFORE_NS = 1_000_000_000
_CONTEXT_LINES = 12
_SHORT = 160


def metrics_parse(case: WindowCase) -> CheckOutcome:
    """OBS-001: each page of the window is there and parses."""
    if not _has_metrics(case.evidence):
        return case.inapplicable("the target has no metrics endpoint")
    pages = [
        (path, page) for path, page in case.evidence.metrics_files() if case.span.holds(page.stamp)
    ]
    if not pages:
        return case.undecided("nothing was scraped in its window")
    found = [_page_fault(case, path, page) for path, page in pages]
    return case.decided([finding for finding in found if finding is not None])


def _has_metrics(evidence: Evidence) -> bool:
    installed = evidence.installation.workloads if evidence.installation else ()
    return any(workload.metrics for workload in installed) or any(
        workload.metrics for workload in evidence.target.workloads
    )


def _page_fault(case: WindowCase, path: Path, page: MetricsPage) -> Finding | None:
    title, detail = _complaint(page)
    if not title:
        return None
    return case.finding(
        title,
        subject=page.workload,
        detail=f"{page.url}\n{detail}".rstrip(),
        evidence=[EvidenceRef(file=case.evidence.place(path))],
    )


def _complaint(page: MetricsPage) -> tuple[str, str]:
    """Returns title and detail of what is wrong with a page; empty where nothing is."""
    if page.status == 0:
        return "The metrics endpoint did not answer", page.error
    if page.status != _OK:
        return f"The metrics endpoint answered {page.status}", page.body[:500]
    try:
        found = families(page)
    except ValueError as error:
        return "The metrics page can't be parsed", str(error)
    if not found:
        return "The metrics page is empty", ""
    bare = [family.name for family in found if not family.described]
    if bare:
        shown = ", ".join(bare[:10]) + (" …" if len(bare) > 10 else "")  # noqa: PLR2004 - enough
        return f"{len(bare)} of {len(found)} metrics have no HELP or no TYPE", shown
    return "", ""


def log_is_sane(case: Case) -> CheckOutcome:
    """OBS-006: panics anywhere, bursts of errors where we didn't disturb the operator."""
    logs = case.evidence.logs()
    if not any(logs.values()):
        return case.undecided("no line of the operator's log was recorded")
    quiet = _disturbed(case.evidence)
    findings: list[Finding] = []
    for process, lines in logs.items():
        findings += _panic_findings(case, process, lines)
        findings += [_burst(case, process, item) for item in bursts(lines, quiet=quiet)]
    return case.decided(findings)


def _disturbed(evidence: Evidence) -> list[tuple[int, int]]:
    acts = [
        (stimulus.sent.mono_ns - _BEFORE_NS, stimulus.acknowledged.mono_ns + _AFTER_NS)
        for stimulus in evidence.stimuli()
        if stimulus.action in _DISTURBANCES
    ]
    ends = [
        (_stop_began(evidence, event.stamp.mono_ns), event.stamp.mono_ns + _AFTER_NS)
        for event in evidence.process_events()
        if event.event == "ended" and event.asked
    ]
    return acts + ends


def _stop_began(evidence: Evidence, ended_ns: int) -> int:
    """Since when the operator may have been stopping.

    What the tests before have seen isn't excused by it: else the end of a run would take back what
    was judged during the run.
    """
    seen = (test.span.end.mono_ns for test in evidence.tests())
    before = max((end for end in seen if end <= ended_ns), default=0)
    return max(ended_ns - _AFTER_NS, before)


def _panic_findings(case: Case, process: str, lines: tuple[LogLine, ...]) -> list[Finding]:
    """One finding for each message; the same panic at each reconcile is one defect."""
    groups: dict[str, list[Panic]] = {}
    for panic in panics(lines):
        groups.setdefault(panic.message, []).append(panic)
    return [_panic(case, process, lines, group) for group in groups.values()]


def _panic(case: Case, process: str, lines: tuple[LogLine, ...], group: list[Panic]) -> Finding:
    first = group[0]
    times = "once" if len(group) == 1 else f"{len(group)} times"
    shown = lines[first.line - 1 : first.line - 1 + _CONTEXT_LINES]
    return case.finding(
        f"The operator panicked {times}: {first.message[:_SHORT]}",
        subject=process,
        detail="\n".join(line.text for line in shown),
        evidence=[_log_ref(case, process, panic.line, panic.message) for panic in group[:3]],
    )


def _burst(case: Case, process: str, burst: Burst) -> Finding:
    return case.finding(
        f"The operator logged {burst.count} errors within {BURST_SECONDS:.0f} s",
        subject=process,
        severity=Severity.MAJOR,
        detail="\n".join(["Different lines among them:", *burst.samples]),
        evidence=[_log_ref(case, process, burst.first, burst.samples[0])],
    )


def _log_ref(case: Case, process: str, line: int, excerpt: str) -> EvidenceRef:
    file = case.evidence.place(case.evidence.log_file(process))
    return EvidenceRef(file=file, line=line, excerpt=excerpt)
