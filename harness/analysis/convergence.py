"""Stage 5, REC-001 and STA-002: a custom resource reaches its state and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import readiness
from harness.analysis.objects import (
    Sighting,
    gap_in,
    generation_of,
    rule_of,
    shows_generation,
    sightings,
    timeline_ref,
    uses_observed_generation,
)
from harness.model.records import Wait
from harness.readiness import State

if TYPE_CHECKING:
    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome, EvidenceRef
    from harness.model.resource import ObjectKey

__all__ = ["converges", "generation_is_observed"]

_FIRST_GENERATION = 1


class _Goal:
    """What a window awaits: an object at a generation, and what the watch showed of it.

    Raises:
        LookupError: The window doesn't say what it is about, or the watch saw nothing of it.
    """

    def __init__(self, case: WindowCase) -> None:
        if not case.phase.objects:
            raise LookupError("its window names no object")
        self.key = case.phase.objects[0]
        self.generation = int(case.phase.facts.get("generation") or 0)
        if self.generation < _FIRST_GENERATION:
            raise LookupError("its window doesn't say which generation was awaited")
        self.rule = rule_of(case.evidence, self.key.resource)
        self.states = sightings(case.evidence, self.key, until=case.span.end)
        if not self.states:
            raise LookupError(f"the watch recorded nothing of {self.key}")
        self.gap = gap_in(case.evidence, f"timeline/{self.key.resource}", case.span)

    @property
    def last(self) -> Sighting:
        return self.states[-1]

    @property
    def body(self) -> dict[str, Any] | None:
        """The last object; None where it is gone."""
        return None if self.last.gone else self.last.event.object

    def ready(self) -> bool:
        """Whether any state met the readiness rule for the generation."""
        return any(
            not state.gone
            and generation_of(state.event.object) >= self.generation
            and readiness.judge(state.event.object, self.rule, generation=self.generation).state
            is State.READY
            for state in self.states
        )

    def observed(self) -> int | None:
        """The newest generation that any state claimed to describe."""
        claims = (shows_generation(state.event.object, self.rule) for state in self.states)
        return max((claim for claim in claims if claim is not None), default=None)


def converges(case: WindowCase) -> CheckOutcome:
    """REC-001: some watch event in the window meets the readiness rule for the generation."""
    try:
        goal = _Goal(case)
    except LookupError as reason:
        return case.undecided(str(reason))
    if goal.ready():
        return case.passed()
    if goal.gap:
        return case.undecided(f"the watch of {goal.key.resource} was broken: {goal.gap}")
    observed = goal.observed()
    if (
        "STA-002" in case.phase.checks
        and goal.generation > _FIRST_GENERATION
        and uses_observed_generation(case.evidence, goal.key.resource)
        and (observed is None or observed < goal.generation)
    ):
        return case.undecided(
            f"observedGeneration stays at {observed} for generation {goal.generation}, which is "
            "STA-002's finding; so nobody can tell whether it is ready"
        )
    return case.failed(
        case.finding(
            f"{goal.key} did not become ready for generation {goal.generation} "
            f"within {_limit(case, goal.key):.0f} s",
            subject=str(goal.key),
            detail=_detail(case, goal),
            evidence=_refs(case, goal),
        )
    )


def generation_is_observed(case: WindowCase) -> CheckOutcome:
    """STA-002: the watch shows observedGeneration at the window's generation."""
    try:
        goal = _Goal(case)
    except LookupError as reason:
        return case.undecided(str(reason))
    if not uses_observed_generation(case.evidence, goal.key.resource):
        return case.inapplicable(f"{goal.key.resource} never shows an observedGeneration")
    observed = goal.observed()
    if observed is not None and observed >= goal.generation:
        return case.passed()
    if goal.gap:
        return case.undecided(f"the watch of {goal.key.resource} was broken: {goal.gap}")
    shown = "is never set" if observed is None else f"stays at {observed}"
    return case.failed(
        case.finding(
            f"observedGeneration of {goal.key} {shown}, though metadata.generation has been "
            f"{goal.generation} for {_limit(case, goal.key):.0f} s",
            subject=str(goal.key),
            detail=_detail(case, goal),
            evidence=_refs(case, goal),
        )
    )


def _wait(case: WindowCase, key: ObjectKey) -> Wait | None:
    """The last wait for the object in the window."""
    waits = [
        wait
        for wait in case.evidence.waits()
        if (wait.subject.resource, wait.subject.namespace, wait.subject.name)
        == (key.resource, key.namespace, key.name)
        and case.span.holds(wait.span.end)
    ]
    return waits[-1] if waits else None


def _limit(case: WindowCase, key: ObjectKey) -> float:
    wait = _wait(case, key)
    return wait.timeout_s if wait else case.span.seconds


def _detail(case: WindowCase, goal: _Goal) -> str:
    rows = []
    change = case.phase.facts.get("change")
    if change:
        rows.append(f"After the change {change}.")
    if goal.body is None:
        rows.append("The object was deleted meanwhile.")
    rows.append(readiness.difference(goal.body, goal.rule, goal.generation))
    wait = _wait(case, goal.key)
    if wait and not wait.met:
        rows.append(f"Awaited: {wait.awaited}, for {wait.timeout_s:g} s.")
    events = _events(case, goal.key)
    if events:
        rows += ["Events:", *(f"  {event}" for event in events)]
    last = case.evidence.log_tail(until=case.span.end)
    if last:
        rows += ["The operator's last lines:", *(f"  {line}" for line in last)]
    return "\n".join(row for row in rows if row)


def _events(case: WindowCase, key: ObjectKey) -> list[str]:
    """The Events about an object, where they were watched."""
    found = {}
    for resource, about in (("events", "involvedObject"), ("events.events.k8s.io", "regarding")):
        for event in case.evidence.timeline(resource):
            body = event.object
            subject = body.get(about) or {}
            if (subject.get("namespace", ""), subject.get("name")) == (key.namespace, key.name):
                message = body.get("message") or body.get("note") or ""
                text = f"{body.get('type', '')} {body.get('reason', '')}: {message}"
                found[event.key.uid or event.key.name] = text
    return list(found.values())[-8:]


def _refs(case: WindowCase, goal: _Goal) -> list[EvidenceRef]:
    last = goal.last
    excerpt = f"{last.event.type} {goal.key} resourceVersion {last.event.resource_version}"
    return [timeline_ref(case.evidence, goal.key.resource, last.line, excerpt)]
