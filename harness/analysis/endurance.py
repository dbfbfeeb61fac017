"""Stage 5, SOA: slow death: what only shows in an operator that has run for long.

Its API server restarts, its definition is made anew, it loses its lead, it panics and goes on.
Nothing here loads NumPy where there was no soak.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from harness.analysis.metrics import counted
from harness.analysis.soaked import soak_result
from harness.analysis.writes import audit_gap, call_ref, operator_calls
from harness.model.records import Action
from harness.model.soak import API_SERVER, DEFINITION

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.records import ApiCall
    from harness.model.soak import Disturbance, LeaseState, Plateau

__all__ = [
    "goes_on_after_its_definition",
    "keeps_its_lead",
    "open_watches",
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
_FINAL = frozenset({"ResponseComplete", "Panic"})
_STARTS = frozenset({Action.RESTART, Action.KILL})
_REFS = 20


def survives_its_server(case: Case) -> CheckOutcome:
    """SOA-104: it neither ends while the API server is away for a moment, nor forgets to watch."""
    done = _done(case.evidence, API_SERVER)
    if isinstance(done, str):
        return case.undecided(done)
    result = soak_result(case.evidence)
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
        after = [x for x in (result.loads if result else ()) if x.cycle > item.after_cycle]
        before = [x for x in (result.loads if result else ()) if x.cycle <= item.after_cycle]
        if not after and not findings:
            return case.undecided("no cycle was over after the API server had restarted")
        if after and after[0].unconverged > max((x.unconverged for x in before), default=0):
            findings.append(
                case.finding(
                    f"{after[0].unconverged} of {after[0].arrivals} arrivals in the cycle after a "
                    "restart of the API server never converged: it no longer watches, or not all",
                    detail=f"The API server was away for {item.away_s:.1f} s after cycle "
                    f"{item.after_cycle}, and etcd was compacted: every watch must list anew.",
                )
            )
    return case.decided(findings)


def goes_on_after_its_definition(case: Case) -> CheckOutcome:
    """SOA-105: its definition is made anew: it serves the new one, and leaves no watch behind."""
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
    watches = _watches(case, done)
    if watches is not None:
        return case.decided(watches)
    goroutines = _goroutines(case)
    if goroutines is None:
        return case.undecided(
            "it went on, but neither an audit log nor a profile tells whether watches were left"
        )
    return case.decided(goroutines)


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


def open_watches(evidence: Evidence, resource: str, at_ns: int) -> tuple[ApiCall, ...]:
    """Returns the operator's watches of a resource that were open at an instant, oldest first.

    Args:
        evidence: With an audit log.
        resource: `Resource.key`.
        at_ns: Wall clock.
    """
    # A server that was killed logged no end of the watches that it had.
    killed = [item.span for item in evidence.disturbances if item.name == API_SERVER and item.tried]
    begun_ns = max((at.start.wall_ns for at in killed if at.end.wall_ns <= at_ns), default=0)
    return tuple(
        call
        for call in operator_calls(evidence)
        if call.verb == "watch"
        and call.resource == resource
        and begun_ns <= call.received_ns <= at_ns
        and (call.stage not in _FINAL or call.done_ns > at_ns)
    )


def _done(evidence: Evidence, name: str) -> list[Disturbance] | str:
    """Returns the disturbances of a name, or why there are none."""
    if not evidence.plateaus():
        return _NO_SOAK
    found = [item for item in evidence.disturbances if item.name == name]
    tried = [item for item in found if item.tried]
    if tried:
        return tried
    return found[0].note if found else "the soak was stopped before that"


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


def _watches(case: Case, done: list[Disturbance]) -> list[Finding] | None:
    """Watches that each new definition adds; None where the audit log can't tell."""
    plan = case.evidence.load_plan
    if plan is None or audit_gap(case.evidence):
        return None
    key = plan.resource.key
    moments = [done[0].span.start.wall_ns, *(item.span.end.wall_ns for item in done)]
    seen = [open_watches(case.evidence, key, at) for at in moments]
    counts = [len(item) for item in seen]
    if not all(after > before for before, after in pairwise(counts)):
        return []
    return [
        case.finding(
            f"Each time that the definition of {key} is made anew, a watch of it stays: "
            f"{', then '.join(map(str, counts))} were open",
            subject=key,
            detail="\n".join(f"{call.user_agent} {call.uri}" for call in seen[-1]),
            evidence=[call_ref(case.evidence, call) for call in seen[-1][-_REFS:]],
        )
    ]


def _goroutines(case: Case) -> list[Finding] | None:
    """Goroutines that each new definition adds; None where nobody counted them."""
    rests: dict[str, list[Plateau]] = {}
    for rest in case.evidence.soak_rests:
        rests.setdefault(rest.workload, []).append(rest)
    findings, known = [], False
    for workload, seen in rests.items():
        counts = [rest.values["goroutines"] for rest in seen if "goroutines" in rest.values]
        if len(counts) < 3:  # noqa: PLR2004 - before, and after two times
            continue
        known = True
        if all(after > before for before, after in pairwise(counts)):
            findings.append(
                case.finding(
                    "Goroutines stay each time that its definition is made anew: "
                    f"{', then '.join(f'{count:.0f}' for count in counts)}",
                    subject=workload,
                )
            )
    return findings if known else None


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
