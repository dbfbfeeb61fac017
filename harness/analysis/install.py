"""Stage 5, INS: the operator installs, becomes ready and stays up."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from harness.analysis.logs import last_words
from harness.analysis.scope.deprived import is_deprived
from harness.evidence.loglines import readable
from harness.model.findings import CheckOutcome, EvidenceRef, Finding
from harness.model.installation import InstallWay

if TYPE_CHECKING:
    from pathlib import Path

    from harness.analysis.case import Case, WindowCase
    from harness.evidence.reader import Evidence
    from harness.model.records import ProcessEvent

__all__ = ["became_ready", "becomes_ready", "installs", "stays_up"]

_SEPARATORS = "-.@#"


def installs(case: Case) -> CheckOutcome:
    """INS-001: judged on the whole run; an install fault is reported by the judge itself."""
    if case.evidence.install_fault is not None:
        fault = case.evidence.install_fault
        return case.undecided(f"the install stopped at {fault.check} before it was complete")
    if not _is_complete(case.evidence):
        return case.undecided("the run ended before the operator was installed")
    return case.passed()


def becomes_ready(case: WindowCase) -> CheckOutcome:
    """INS-002: the window's facts say whether probes answered and it leads."""
    facts = case.phase.facts
    if facts.get("ready", True):
        return case.passed()
    reason = str(facts.get("reason") or "it didn't answer its probes")
    return case.failed(
        case.finding(
            f"The operator did not become ready in {case.span.seconds:.0f} s: {_first(reason)}",
            subject=_operator(case.evidence),
            detail="\n".join([reason, *last_words(case.evidence, case.span)]),
            evidence=_log_refs(case.evidence),
        )
    )


def became_ready(case: Case) -> CheckOutcome | None:
    """INS-002 where no window asks: the installer itself waits until the operator is ready."""
    return case.passed() if _is_complete(case.evidence) else None


def _is_complete(evidence: Evidence) -> bool:
    return evidence.installation is not None and evidence.installation.complete


def stays_up(case: Case) -> CheckOutcome:
    """INS-003: no process of the operator may end unless we ended it."""
    installation = case.evidence.installation
    if installation is None or not installation.complete:
        return case.undecided(_never_installed(case.evidence))
    names = [workload.process for workload in installation.workloads if workload.process]
    if not names:
        return case.undecided("the operator's processes aren't ours to see in this cluster")
    events = [
        event
        for event in case.evidence.process_events()
        if any(event.name == name or _is_replica(event.name, name) for name in names)
    ]
    if not events:
        return case.undecided("no start of the operator's process was recorded")
    ended = [
        event
        for event in events
        if event.event == "ended"
        and not event.asked
        and not is_deprived(case.evidence, event.stamp.wall_ns)
    ]
    return case.decided([_end(case, event) for event in ended])


def _is_replica(name: str, workload: str) -> bool:
    return name.startswith(workload) and name[len(workload)] in _SEPARATORS


def _end(case: Case, event: ProcessEvent) -> Finding:
    how = _exit_words(event.exit_code) + (f" ({event.reason})" if event.reason else "")
    last = [
        readable(line.text)
        for line in case.evidence.log(event.name)
        if line.stamp.mono_ns <= event.stamp.mono_ns + 1_000_000_000
    ][-25:]
    after = (event.stamp.mono_ns - case.evidence.manifest.started.mono_ns) / 1e9
    return case.finding(
        f"The operator's process ended by itself with {how}, {after:.1f} s into the run",
        subject=event.name,
        detail="\n".join(
            [f"{event.name} (pid {event.pid}) ended with {how}.", *_quoted("Last lines:", last)]
        ),
        evidence=[
            EvidenceRef(file=case.evidence.place(_told_in(case.evidence))),
            *_log_refs(case.evidence, event.name),
        ],
    )


def _told_in(evidence: Evidence) -> Path:
    """Returns the file of starts and ends: the guard's, or that of containers."""
    installation = evidence.installation
    in_cluster = installation is not None and installation.way is not InstallWay.PROCESS
    run = evidence.run
    return run.containers_file if in_cluster else run.processes_file


def _exit_words(code: int | None) -> str:
    if code is None:
        return "an unknown exit code"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _never_installed(evidence: Evidence) -> str:
    fault = evidence.install_fault
    return (
        f"the operator was never up (see {fault.check})"
        if fault
        else ("the operator was never installed")
    )


def _quoted(title: str, lines: list[str]) -> list[str]:
    return [title, *(f"  {line}" for line in lines)] if lines else ["Its log is empty."]


def _log_refs(evidence: Evidence, process: str = "") -> list[EvidenceRef]:
    """Returns the last line of each log, or of one process's."""
    return [
        EvidenceRef(
            file=evidence.place(evidence.log_file(name)), line=len(lines), excerpt=lines[-1].text
        )
        for name, lines in evidence.logs().items()
        if lines and process in {"", name}
    ]


def _operator(evidence: Evidence) -> str:
    installation = evidence.installation
    if installation is None or not installation.workloads:
        return "operator"
    first = installation.workloads[0]
    return f"Deployment {first.namespace}/{first.name}"


def _first(text: str) -> str:
    return text.strip().splitlines()[0].rstrip(".") if text.strip() else ""
