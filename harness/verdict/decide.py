"""Stage 6: all that was judged and measured becomes one RunResult."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.clock import utc
from harness.model.findings import (
    CheckInfo,
    ChecklistItem,
    CheckOutcome,
    Finding,
    Severity,
    Status,
)
from harness.model.result import RunResult
from harness.verdict.access import access_checklists
from harness.verdict.checklist import checklist
from harness.verdict.comparing import held_changes
from harness.verdict.facts import (
    broken_tests,
    environment,
    interruption,
    notes,
    own_test_results,
    run_info,
    test_results,
)
from harness.verdict.gates import hold
from harness.verdict.locations import located
from harness.verdict.sentence import Grounds, Tally, sentence
from harness.verdict.waivers import WAIVER_CHECK, Waived, apply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.evidence.reader import Evidence
    from harness.model.access import RbacReport
    from harness.model.comparison import Comparison
    from harness.model.loadresult import LoadResult
    from harness.model.measurement import GateResult, Measurement, Series
    from harness.model.result import Convergence, ErrorNote, PhaseBand
    from harness.model.soakresult import SoakResult

__all__ = ["decide"]

_ORDER = tuple(Severity)
_RED = frozenset({Severity.BLOCKER, Severity.MAJOR})
_DECIDED = frozenset({Status.PASS, Status.FAIL, Status.WAIVED})
_INSTALL_FAMILY = "INS-"


def decide(
    *,
    evidence: Evidence,
    outcomes: Sequence[CheckOutcome],
    catalogue: Mapping[str, CheckInfo],
    measurements: Sequence[Measurement] = (),
    unanswered: Mapping[str, str] = MappingProxyType({}),
    convergences: Sequence[Convergence] = (),
    series: Sequence[Series] = (),
    phases: Sequence[PhaseBand] = (),
    permissions: RbacReport | None = None,
    load: LoadResult | None = None,
    soak: SoakResult | None = None,
    comparisons: Sequence[Comparison] = (),
    questions: Sequence[str] = (),
    errors: Sequence[ErrorNote] = (),
    interrupted: str = "",
) -> RunResult:
    """Returns the result of a run.

    Args:
        evidence: Of the run.
        outcomes: As the judge gave them for the whole run.
        catalogue: What each check is.
        measurements: Held against the target's gates.
        unanswered: Why one that a gate asks for isn't there, by its name.
        convergences: Passed on to the reports.
        series: Passed on to the reports.
        phases: Passed on to the reports.
        permissions: Passed on to the reports.
        load: Passed on to the reports.
        soak: Passed on to the reports.
        comparisons: With another build or run; their gates are the run's.
        questions: What a suite asked and evidence can't answer; each begins a sentence.
        errors: What of the harness or its environment broke; tests that broke are added.
        interrupted: By what the run was stopped, for example "SIGINT"; what evidence knows of an
            early end counts too.
    """
    sifted = _sift(evidence, outcomes)
    findings = _ordered((*sifted.kept, *sifted.expired), catalogue)
    checks = checklist(
        _with_waivers(evidence, outcomes, sifted), catalogue=catalogue, findings=findings
    )
    waived = _ordered(sifted.waived, catalogue)
    held = hold(evidence.target.gates, measurements, unanswered=unanswered)
    gates = (*held, *held_changes(comparisons))
    notices = _unique((*errors, *broken_tests(evidence)))
    grounds = _grounds(
        frozenset(evidence.manifest.fail_on),
        errors=notices,
        interrupted=interruption(evidence, stopped_by=interrupted),
        findings=findings,
        gates=gates,
        checks=checks,
        questions=questions,
    )
    return RunResult(
        verdict=grounds.verdict,
        exit_code=int(grounds.verdict.exit_code),
        sentence=sentence(
            grounds,
            Tally(
                target=evidence.manifest.target,
                checks=checks,
                gates=gates,
                findings=findings,
                measurements=measurements,
            ),
        ),
        run=run_info(evidence),
        environment=environment(evidence),
        checks=checks,
        findings=findings,
        waived=waived,
        gates=gates,
        measurements=tuple(measurements),
        convergences=tuple(convergences),
        series=tuple(series),
        phases=tuple(phases),
        permissions=permissions,
        checklists=access_checklists(
            checks, findings=findings, waived=waived, permissions=permissions
        ),
        alterations=evidence.installation.alterations if evidence.installation else (),
        notes=notes(evidence, sifted.idle),
        blind_spots=evidence.cluster.blind_spots if evidence.cluster else (),
        tests=test_results(evidence),
        own_tests=own_test_results(evidence),
        errors=notices,
        tail=_tail(evidence, findings),
        load=load,
        soak=soak,
        comparisons=tuple(comparisons),
    )


def _grounds(
    strict: frozenset[str],
    *,
    errors: Sequence[ErrorNote],
    interrupted: str,
    findings: Sequence[Finding],
    gates: Sequence[GateResult],
    checks: Sequence[ChecklistItem],
    questions: Sequence[str],
) -> Grounds:
    """Chooses what the verdict rests on; `strict` holds what else turns it."""
    return Grounds(
        errors=errors,
        interruption=interrupted,
        failing=[item for item in findings if item.severity in _RED or "minor" in strict],
        broken=[gate for gate in gates if gate.met is False],
        open_gates=[gate for gate in gates if gate.met is None],
        open_checks=_unverified(checks) if "not_verified" in strict else (),
        open_questions=questions,
        undecided=not any(item.status in _DECIDED for item in checks),
    )


def _sift(evidence: Evidence, outcomes: Sequence[CheckOutcome]) -> Waived:
    """Applies the waivers, each finding once, even if two windows share it."""
    found = located(
        evidence.origins,
        dict.fromkeys(finding for outcome in outcomes for finding in outcome.findings),
    )
    today = utc(evidence.manifest.started).date()
    return apply(evidence.target.waivers, found, today=today)


def _with_waivers(
    evidence: Evidence, outcomes: Sequence[CheckOutcome], sifted: Waived
) -> tuple[CheckOutcome, ...]:
    """Adds the check of the waivers themselves, where the target has some."""
    if not evidence.target.waivers:
        return tuple(outcomes)
    status = Status.FAIL if sifted.expired else Status.PASS
    own = CheckOutcome(check=WAIVER_CHECK, status=status, findings=sifted.expired)
    return (*outcomes, own)


def _ordered(
    findings: Iterable[Finding], catalogue: Mapping[str, CheckInfo]
) -> tuple[Finding, ...]:
    """Worst first; then as the catalogue orders the checks."""
    places = {check: place for place, check in enumerate(catalogue)}
    return tuple(
        sorted(findings, key=lambda item: (_ORDER.index(item.severity), places.get(item.check, 0)))
    )


def _unverified(checks: Sequence[ChecklistItem]) -> list[ChecklistItem]:
    return [item for item in checks if item.status is Status.NOT_VERIFIED]


def _unique(errors: Iterable[ErrorNote]) -> tuple[ErrorNote, ...]:
    first: dict[str, ErrorNote] = {}
    for note in errors:
        first.setdefault(note.where, note)
    return tuple(first.values())


def _tail(evidence: Evidence, findings: Sequence[Finding]) -> tuple[str, ...]:
    """The operator's last lines, where it died or never became ready."""
    if any(finding.check.startswith(_INSTALL_FAMILY) for finding in findings):
        return evidence.log_tail(lines=40)
    return ()
