"""Stage 5, SOA: slow death: what only shows in an operator that has run for long.

Its API server restarts, its definition is made anew, its token is replaced, it loses its lead, it
panics and goes on.
Nothing here loads NumPy where there was no soak.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from harness.analysis.metrics import counted
from harness.analysis.soaked import soak_result
from harness.analysis.writes import audit_gap
from harness.model.records import Action
from harness.model.soak import API_SERVER, DEFINITION, TOKEN

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.soak import Disturbance, LeaseState, Plateau
    from harness.model.soakresult import CycleLoad

__all__ = [
    "follows_its_token",
    "goes_on_after_its_definition",
    "keeps_its_lead",
    "survives_its_server",
    "swallows_no_panic",
]

_NO_SOAK = "there was no soak, or it was stopped before its first cycle was over"
_PATIENT_S = 8.0
"""Seconds that an operator must do without an API server: its lead ends after ten."""
_PANICS = (
    "controller_runtime_reconcile_panics_total",
    "controller_runtime_webhook_panics_total",
    "controller_runtime_conversion_webhook_panics_total",
)
_STARTS = frozenset({Action.RESTART, Action.KILL})


def survives_its_server(case: Case) -> CheckOutcome:
    """SOA-104: it neither ends while the API server is away for a moment, nor forgets to watch."""
    done = _done(case.evidence, API_SERVER)
    if isinstance(done, str):
        return case.undecided(done)
    findings: list[Finding] = []
    for item in done:
        findings += _ends(case, item, "while the API server was away")
        if not item.recovered:
            findings.append(
                case.finding(
                    "After a restart of the API server the operator didn't get ready",
                    detail=item.note,
                )
            )
        next_cycle = _next(case, item)
        if next_cycle is None and not findings:
            return case.undecided("no cycle was over after the API server had restarted")
        if next_cycle and _lost_some(case, item, next_cycle):
            findings.append(
                case.finding(
                    f"{next_cycle.unconverged} of {next_cycle.arrivals} arrivals in the cycle "
                    "after a restart of the API server never converged: it no longer watches, or "
                    "not all",
                    detail=f"The API server was away for {item.away_s:.1f} s after cycle "
                    f"{item.after_cycle}, and etcd was compacted: every watch must list anew.",
                )
            )
    return case.decided(findings)


def follows_its_token(case: Case) -> CheckOutcome:
    """SOA-108: it reads its token again when that is replaced, before the old one ends."""
    done = _done(case.evidence, TOKEN)
    if isinstance(done, str):
        return case.undecided(done)
    findings: list[Finding] = []
    for item in done:
        when = f"{item.overlap_s:.0f} s after its token had been replaced, when the old one ended"
        findings += [
            case.finding(f"The operator's process ended {when}", subject=name, detail=item.note)
            for name in dict.fromkeys(item.ended)
        ]
        if not item.recovered:
            findings.append(
                case.finding(
                    f"Nothing converged any more {when}: it goes on with a token that it read once",
                    detail=f"{item.note}\nIt was restarted then, so that the soak could go on.",
                )
            )
            continue
        next_cycle = _next(case, item)
        if next_cycle is None and not findings:
            return case.undecided("no cycle was over after the token had been revoked")
        if next_cycle and _lost_some(case, item, next_cycle):
            findings.append(
                case.finding(
                    f"{next_cycle.unconverged} of {next_cycle.arrivals} arrivals in the cycle "
                    "after its old token had ended never converged: a part of it goes on with "
                    "that token",
                )
            )
    return case.decided(findings)


def goes_on_after_its_definition(case: Case) -> CheckOutcome:
    """SOA-105: when its definition is made anew it serves the new one, and starts nothing twice."""
    done = _done(case.evidence, DEFINITION)
    if isinstance(done, str):
        return case.undecided(done)
    findings: list[Finding] = []
    for item in done:
        findings += _ends(case, item, "when its definition was made anew")
        if not item.recovered:
            findings.append(
                case.finding(
                    "An object of a definition that was made anew didn't converge",
                    detail=item.note,
                )
            )
    if findings:
        return case.failed(*findings)
    if audit_gap(case.evidence):  # else SOA-111 counts the watches themselves
        return case.decided(_goroutines(case))
    return case.passed()


def keeps_its_lead(case: Case) -> CheckOutcome:
    """SOA-106: nobody else takes the lead while nobody restarts it."""
    states: dict[tuple[str, str], list[LeaseState]] = {}
    for state in case.evidence.leases:
        states.setdefault((state.namespace, state.name), []).append(state)
    if not case.evidence.plateaus():
        return case.undecided(_NO_SOAK)
    if not states:
        return case.inapplicable("no Lease of the operator was seen")
    return case.decided(
        [
            _lost(case, before, after)
            for seen in states.values()
            for before, after in pairwise(seen)
            if before.holder
            and (after.transitions > before.transitions or after.holder != before.holder)
            and not _restarted(case.evidence, before, after)
        ]
    )


def swallows_no_panic(case: Case) -> CheckOutcome:
    """SOA-107: the counters of panics that were recovered stay where they are."""
    if not case.evidence.plateaus():
        return case.undecided(_NO_SOAK)
    told = False
    findings = []
    for series in _PANICS:
        for labels, (total, _) in counted(case.evidence, series).items():
            told = True
            if total:
                where = ", ".join(f"{name} {value}" for name, value in labels)
                findings.append(
                    case.finding(
                        f"{total:.0f} panics were recovered ({series}{', ' if where else ''}"
                        f"{where})",
                        subject=dict(labels).get("controller", ""),
                        detail="Its log has their stacks (OBS-006).",
                    )
                )
    if not told:
        return case.inapplicable("its metrics count no recovered panics; OBS-006 reads its log")
    return case.decided(findings)


def _done(evidence: Evidence, name: str) -> list[Disturbance] | str:
    """Returns the disturbances of a name, or why there are none."""
    if not evidence.plateaus():
        return _NO_SOAK
    found = [item for item in evidence.disturbances if item.name == name]
    tried = [item for item in found if item.tried]
    if tried:
        return tried
    return found[0].note if found else "the soak was stopped before that"


def _next(case: Case, item: Disturbance) -> CycleLoad | None:
    """Returns the first cycle that was over after a disturbance."""
    result = soak_result(case.evidence)
    return next((x for x in (result.loads if result else ()) if x.cycle > item.after_cycle), None)


def _lost_some(case: Case, item: Disturbance, after: CycleLoad) -> bool:
    """Whether more arrivals of a cycle came to nothing than of any before a disturbance."""
    result = soak_result(case.evidence)
    before = [x for x in (result.loads if result else ()) if x.cycle <= item.after_cycle]
    return after.unconverged > max((x.unconverged for x in before), default=0)


def _ends(case: Case, item: Disturbance, when: str) -> list[Finding]:
    """A process that ends; one that lost its lead to a long outage ends as it should."""
    if not item.ended or (item.name == API_SERVER and item.away_s > _PATIENT_S):
        return []
    return [
        case.finding(
            f"The operator's process ended {when} for {item.away_s:.1f} s",
            subject=name,
            detail="It was started again, as a kubelet would.",
        )
        for name in dict.fromkeys(item.ended)
    ]


def _goroutines(case: Case) -> list[Finding]:
    """Goroutines that each new definition adds; none where nobody counted them."""
    rests: dict[str, list[Plateau]] = {}
    for rest in case.evidence.soak_rests:
        rests.setdefault(rest.workload, []).append(rest)
    findings = []
    for workload, seen in rests.items():
        counts = [rest.values["goroutines"] for rest in seen if "goroutines" in rest.values]
        if len(counts) < 3:  # noqa: PLR2004 - before, and after two times
            continue
        if all(after > before for before, after in pairwise(counts)):
            findings.append(
                case.finding(
                    "Goroutines stay each time that its definition is made anew: "
                    f"{', then '.join(f'{count:.0f}' for count in counts)}",
                    subject=workload,
                )
            )
    return findings


def _lost(case: Case, before: LeaseState, after: LeaseState) -> Finding:
    return case.finding(
        f"The lead went from {before.holder} to {after.holder or 'nobody'} between cycles "
        f"{before.cycle + 1} and {after.cycle + 1}",
        subject=f"{after.namespace}/{after.name}",
    )


def _restarted(evidence: Evidence, before: LeaseState, after: LeaseState) -> bool:
    """Whether we had a part in it: a restart of ours, or an outage."""
    acts = (item.sent.mono_ns for item in evidence.stimuli() if item.action in _STARTS)
    if any(before.stamp.mono_ns <= at <= after.stamp.mono_ns for at in acts):
        return True
    return any(
        item.tried
        and before.stamp.mono_ns <= item.span.end.mono_ns
        and item.span.start.mono_ns <= after.stamp.mono_ns
        for item in evidence.disturbances
    )
