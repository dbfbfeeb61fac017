"""Stage 5, WEB-003, WEB-004 and WEB-008: webhooks that answer, and what happens when they don't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.features.answers import Json, differences, taken
from harness.analysis.static.rules import listed
from harness.analysis.writes import audit_gap, call_ref, short_target_of, table, writes_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome, Finding

__all__ = ["admission_is_stable", "down_fails_as_declared", "webhooks_are_called"]

_NONE = "no webhook is about the operator's kinds"
_MAX_REFS = 20


def webhooks_are_called(case: WindowCase) -> CheckOutcome:
    """WEB-008: each webhook was asked for what its rules match, and answered."""
    facts = case.phase.facts
    webhooks: list[Json] = facts.get("webhooks") or []
    if not webhooks:
        return case.inapplicable(_NONE)
    findings = [finding for webhook in webhooks for finding in _uncalled(case, webhook)]
    if findings or facts.get("counted"):
        return case.decided(findings)
    return case.undecided("the API server's metrics can't be read, so calls aren't counted")


def _uncalled(case: WindowCase, webhook: Json) -> Iterator[Finding]:
    subject = f"the {webhook['way']} webhook {webhook['name']}"
    before, after = webhook.get("before") or {}, webhook.get("after") or {}
    opened = after.get("failed_open", 0)
    if webhook.get("unserved"):
        yield case.finding(
            f"{subject[0].upper()}{subject[1:]} is never called: its rules match nothing that "
            "is served",
            subject=webhook["name"],
            detail=listed([f"not served: {name}" for name in webhook["unserved"]]),
        )
    elif opened:
        yield case.finding(
            f"{subject[0].upper()}{subject[1:]} failed {opened} times and let everything pass",
            subject=webhook["name"],
            detail=f"failurePolicy is {webhook['policy']}: what it should have changed or refused "
            "went through as it was, and nobody was told. The API server's log says why it failed; "
            "a wrong path, port or certificate is the usual cause.",
        )
    elif (
        case.phase.facts.get("counted")
        and case.phase.facts.get("own_server")
        and webhook["matched"]
        and not webhook["selective"]
        and after.get("calls", 0) <= before.get("calls", 0)
    ):
        yield case.finding(
            f"{subject[0].upper()}{subject[1:]} was not called for {webhook['matched'][0]}",
            subject=webhook["name"],
            detail="Its rules match, but the API server counted no call:\n"
            + listed(webhook["matched"]),
        )


def down_fails_as_declared(case: WindowCase) -> CheckOutcome:
    """WEB-003: with the operator down, its own kinds fail as declared, and nothing else does."""
    facts = case.phase.facts
    if not facts.get("webhooks"):
        return case.inapplicable(_NONE)
    return case.decided([*_undeclared(case), *_collateral(case)])


def _undeclared(case: WindowCase) -> Iterator[Finding]:
    policies = ", ".join(
        f"{item['name']}: {item['policy']}" for item in case.phase.facts["webhooks"]
    )
    for write in case.phase.facts.get("writes") or ():
        wanted, was = write["expected"], "accepted" if taken(write) else "refused"
        if wanted in {was, "unknown"}:
            continue
        yield case.finding(
            f"With the operator down, {write['title']} is {was}; its failurePolicy says {wanted}",
            detail=f"The answer was {write['status']}: {write['message'] or 'taken'}\n"
            f"failurePolicy of the webhooks: {policies}",
        )


def _collateral(case: WindowCase) -> Iterator[Finding]:
    hit = [item for item in case.phase.facts.get("unrelated") or () if not taken(item)]
    if hit:
        names = ", ".join(item["title"] for item in hit)
        yield case.finding(
            f"With the operator down, requests that aren't its business fail: {names}",
            detail=listed([f"{item['title']}: {item['status']} {item['message']}" for item in hit]),
        )


def admission_is_stable(case: WindowCase) -> CheckOutcome:
    """WEB-004: what was admitted is admitted unchanged, and a dry run leaves nothing behind."""
    facts = case.phase.facts
    if not facts.get("webhooks"):
        return case.inapplicable(_NONE)
    findings = [*_unstable(case), *_traces(case)]
    if findings:
        return case.failed(*findings)
    if not taken(facts.get("second") or {}):
        answer = facts.get("second") or facts.get("first") or {}
        return case.undecided(f"the dry run was refused: {answer.get('message')}")
    gap = audit_gap(case.evidence, case.span)
    return case.undecided(gap) if gap else case.passed()


def _unstable(case: WindowCase) -> Iterator[Finding]:
    facts = case.phase.facts
    first, second = facts.get("first") or {}, facts.get("second") or {}
    if taken(first) and second and not taken(second):
        yield case.finding(
            f"What the webhooks make of {case.subject} is refused when it is sent again",
            detail=f"The answer was {second['status']}: {second['message']}",
        )
    changes = differences(facts.get("once") or {}, facts.get("twice") or {})
    if changes:
        yield case.finding(
            f"The webhooks change what they have made of {case.subject} themselves: {changes[0]}",
            detail="A dry run's result, sent as a dry run again, came back different:\n"
            + listed(changes),
        )


def _traces(case: WindowCase) -> Iterator[Finding]:
    if case.phase.facts.get("stored"):
        yield case.finding(f"A dry run of {case.subject} created it")
    if audit_gap(case.evidence, case.span):
        return
    writes = writes_in(case.evidence, case.span).effective
    if writes:
        yield case.finding(
            f"The operator wrote {len(writes)} times during dry runs: "
            f"{short_target_of(case.evidence, writes[0])}",
            detail="Nothing else was asked of it in that time, and a dry run must leave no trace:\n"
            + "\n".join(table(writes, case.span)),
            evidence=[call_ref(case.evidence, call) for call in writes[:_MAX_REFS]],
        )
