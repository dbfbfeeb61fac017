"""Stage 5, SCO-104: whether the operator shows a tenant what only others may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.model.trials import DeputyTrial

if TYPE_CHECKING:
    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome

__all__ = ["fetches_nothing_foreign"]


def fetches_nothing_foreign(case: WindowCase) -> CheckOutcome:
    """SCO-104: the window's facts hold what was tried, and where the canary was found."""
    facts = case.phase.facts
    trials = [msgspec.convert(item, DeputyTrial) for item in facts.get("trials") or ()]
    if not trials:
        reason = str(facts.get("reason") or "")
        if reason:
            return case.undecided(reason)
        return case.inapplicable("its schema has no reference with a field for the namespace")
    findings = [
        case.finding(
            f"{trial.path} shows a tenant the {trial.kind} of namespace {facts.get('foreign')}",
            subject=trial.path,
            detail="\n".join(
                [
                    f"A tenant with rights in namespace {facts.get('namespace')} alone created "
                    f"{case.subject or 'a custom resource'} with {trial.path} -> "
                    f"{facts.get('foreign')}/{facts.get('name')}.",
                    *(f"The canary stands in {place}." for place in trial.leaks),
                ]
            ),
        )
        for trial in trials
        if trial.leaks
    ]
    failed = [trial for trial in trials if trial.trouble]
    if failed and not findings:
        return case.undecided(f"{failed[0].path} could not be tried: {failed[0].trouble}")
    return case.decided(findings)
