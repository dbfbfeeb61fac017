"""Stage 5: the one judge.

The pytest plugin asks it when a window closes, the runner asks it again for the whole run, and
`harness report` asks it of an old run: the same evidence gives the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.analysis.case import Case, WindowCase
from harness.analysis.registry import RUN_CHECKS, WINDOW_CHECKS, WINDOWLESS
from harness.catalogue import WHERE_INSTALLED, check_info, load_catalogue
from harness.errors import UsageError
from harness.evidence.loglines import readable
from harness.model.findings import CheckInfo, CheckOutcome, Finding, Severity, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.reader import Evidence
    from harness.model.records import Phase

__all__ = ["judge", "judge_run"]

_ALWAYS = ("INS-001", "INS-003")
_ONLY_WHEN_BROKEN = "SUI-001"
_WHERE_UNINSTALLED = "LIF-009"  # elsewhere the cluster vanishes, and the question with it
_WHERE_REMOVED = "RBA-003"  # what a run doesn't use may be needed all the same
_RED = frozenset({Severity.BLOCKER, Severity.MAJOR})


def judge(check_id: str, evidence: Evidence, phase: Phase | None) -> CheckOutcome:
    """Judges one check.

    Args:
        check_id: For example "REC-002".
        evidence: Of the run.
        phase: The window; None for the whole run. A check that needs a window is not verified
            without one, with the reason why there is none.

    Raises:
        UsageError: There is no such check, or it isn't judged on evidence.
    """
    info = check_info(check_id)
    case = Case(info, evidence, phase)
    fault = evidence.install_fault
    if fault is not None and fault.check == check_id:
        return case.failed(_legible(fault))
    lacking = _lacking(info, evidence)
    if lacking:
        return case.undecided(lacking)
    if check_id in RUN_CHECKS:
        return RUN_CHECKS[check_id](case)
    if check_id not in WINDOW_CHECKS:
        raise UsageError(f"The check {check_id} isn't judged on a window or on a run's evidence.")
    if phase is None:
        return _without_window(case)
    return WINDOW_CHECKS[check_id](WindowCase(info, evidence, phase))


def _without_window(case: Case) -> CheckOutcome:
    answer = WINDOWLESS[case.info.id](case) if case.info.id in WINDOWLESS else None
    if answer is not None:
        return answer
    return case.undecided(f"its test did not run: {_why_no_window(case.evidence)}")


def judge_run(evidence: Evidence, checks: Sequence[str]) -> tuple[CheckOutcome, ...]:
    """Judges a whole run: each check in each window that names it, or on the run as a whole.

    Args:
        evidence: Of the run.
        checks: Ids of the suite's checks. Installing and staying up are judged wherever there was
            a cluster, so is each check that a window names, and what the operator may do and where
            it acted, where its roles are known; a suite's own failed assertions are never left out.

    Returns:
        At least one outcome for each check, in the order of `checks`.

    Raises:
        UsageError: `checks` holds an id that isn't known.
    """
    known = load_catalogue()
    named = (check for phase in evidence.phases() for check in phase.checks if check in known)
    uninstalled = [_WHERE_UNINSTALLED] if evidence.run.inventory_file.exists() else []
    always = _ALWAYS if evidence.manifest.cluster else ()
    bound = WHERE_INSTALLED if evidence.access() else ()
    removed = [_WHERE_REMOVED] if evidence.removal is not None else []
    wanted = dict.fromkeys([*checks, *always, *named, *uninstalled, *removed, *bound])
    outcomes = [outcome for check in wanted for outcome in _outcomes(check, evidence)]
    if _ONLY_WHEN_BROKEN not in wanted:
        own = judge(_ONLY_WHEN_BROKEN, evidence, None)
        outcomes.extend([own] if own.status is Status.FAIL else [])
    return tuple(outcomes)


def _legible(fault: Finding) -> Finding:
    """An install fault as findings are written; its log lines as people read them."""
    return msgspec.structs.replace(
        fault,
        title=fault.title.rstrip("."),
        detail=_readable(fault.detail),
        evidence=tuple(
            msgspec.structs.replace(ref, excerpt=_readable(ref.excerpt)) for ref in fault.evidence
        ),
    )


def _readable(text: str) -> str:
    return "\n".join(readable(line) for line in text.splitlines())


def _outcomes(check: str, evidence: Evidence) -> list[CheckOutcome]:
    if check in RUN_CHECKS:
        return [judge(check, evidence, None)]
    windows = [phase for phase in evidence.phases() if check in phase.checks]
    return [judge(check, evidence, phase) for phase in windows] or [judge(check, evidence, None)]


def _lacking(info: CheckInfo, evidence: Evidence) -> str:
    if not info.needs:
        return ""
    if evidence.cluster is None:
        return f"its test did not run: {_why_no_window(evidence)}"
    missing = [need for need in info.needs if need not in evidence.cluster.capabilities]
    if not missing:
        return ""
    return (
        f"it needs {' and '.join(missing)}, which this cluster "
        f"({evidence.cluster.provider}) doesn't offer"
    )


def _why_no_window(evidence: Evidence) -> str:
    """Says as exactly as the evidence can why a check has no window."""
    if evidence.install_fault is not None:
        return f"the operator could not be installed (see {evidence.install_fault.check})"
    interrupted = [stage.name for stage in evidence.stages() if stage.outcome == "interrupted"]
    if interrupted:
        return f"the run was interrupted during {interrupted[0]}"
    unfinished = evidence.unfinished_tests()
    if unfinished:
        return f"the run was cut short in {unfinished[0]}"
    failed = [stage.name for stage in evidence.stages() if stage.outcome == "failed"]
    if evidence.installation is None or not evidence.installation.complete:
        where = f" ({failed[0]} failed)" if failed else ""
        return f"the operator was never installed{where}"
    return _earlier_failure(evidence)


def _earlier_failure(evidence: Evidence) -> str:
    """What ended badly before: a test that broke, a check that turned red, any other test."""
    return (
        _ended(evidence, "broken", "broke")
        or _red_check(evidence)
        or _ended(evidence, "failed", "failed")
        or _ended(evidence, "skipped", "was skipped")
        or "no test of the suites that ran opens its window"
    )


def _red_check(evidence: Evidence) -> str:
    for record in evidence.judged():
        if any(finding.severity in _RED for finding in record.outcome.findings):
            return f"{record.outcome.check} had failed before it"
    return ""


def _ended(evidence: Evidence, outcome: str, words: str) -> str:
    for test in evidence.tests():
        if test.outcome == outcome:
            lines = test.message.strip().splitlines()
            name = test.test.rpartition("::")[2] or test.test
            return f"{name} {words}" + (f" ({lines[0]})" if lines else "")
    return ""
