"""Stage 5, REC-001 and STA-002: a custom resource reaches its state and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import readiness
from harness.analysis.logs import last_words
from harness.analysis.objects import (
    Sighting,
    gap_in,
    generation_of,
    label_of,
    rule_of,
    shows_generation,
    sightings,
    timeline_ref,
    uses_observed_generation,
)
from harness.kube.webhooks import failed_conversion
from harness.model.findings import EvidenceRef
from harness.model.records import Wait
from harness.readiness import State

if TYPE_CHECKING:
    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome, Finding
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
    refusal = _refusal(case)
    if refusal is not None:
        return case.failed(_unreadable(case, refusal))
    try:
        goal = _Goal(case)
    except LookupError as reason:
        return case.undecided(str(reason))
    if goal.ready():
        return case.passed()
    doubt = _doubt(case, goal)
    if doubt:
        return case.undecided(doubt)
    return case.failed(
        case.finding(
            f"{label_of(case.evidence, goal.key)} did not become ready for generation "
            f"{goal.generation} within {_limit(case, goal.key):.0f} s",
            subject=str(goal.key),
            detail=_detail(case, goal, readiness.difference(goal.body, goal.rule, goal.generation)),
            evidence=_refs(case, goal),
        )
    )


def _doubt(case: WindowCase, goal: _Goal) -> str:
    """Why evidence can't tell whether the object became ready; empty where it can."""
    if goal.gap:
        return f"the watch of {goal.key.resource} was broken: {goal.gap}"
    observed = goal.observed()
    if (
        "STA-002" in case.phase.checks
        and goal.generation > _FIRST_GENERATION
        and uses_observed_generation(case.evidence, goal.key.resource)
        and (observed is None or observed < goal.generation)
    ):
        stays = "is not set" if observed is None else f"stays at {observed}"
        return (
            f"observedGeneration {stays} for generation {goal.generation} (see STA-002), so its "
            "status doesn't tell whether that generation became ready"
        )
    wait = _wait(case, goal.key)
    if wait is not None and wait.met:
        return (
            f"the test saw {wait.awaited}, and the recorder's timeline doesn't hold it: the "
            "evidence is incomplete"
        )
    return ""


def _refusal(case: WindowCase) -> Wait | None:
    """The wait in the window that ended since nobody could read the object."""
    key = case.phase.objects[0] if case.phase.objects else None
    wait = _wait(case, key) if key else None
    return wait if wait and wait.refusal else None


def _unreadable(case: WindowCase, wait: Wait) -> Finding:
    """An object that a failing conversion hides from its users, as from us."""
    label = label_of(case.evidence, wait.subject)
    who = failed_conversion(wait.refusal) or "the conversion webhook"
    rows = ["The API server answers:", f"  {wait.refusal}", f"Awaited: {wait.awaited}."]
    return case.finding(
        f"{label} can't be read: {who} fails",
        subject=str(wait.subject),
        detail="\n".join([*rows, *last_words(case.evidence, case.span)]),
        remedy="Mend the conversion between the versions that the CRD serves; each stored object "
        "must come back in each of them.",
        evidence=[EvidenceRef(file=case.evidence.place(case.evidence.run.suite_file))],
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
    shown = (
        "has no observedGeneration"
        if observed is None
        else (f"still has observedGeneration {observed},")
    )
    return case.failed(
        case.finding(
            f"{label_of(case.evidence, goal.key)} {shown} "
            f"{_limit(case, goal.key):.0f} s after its generation became {goal.generation}",
            subject=str(goal.key),
            detail=_detail(case, goal, _lag(goal, observed)),
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


def _lag(goal: _Goal, observed: int | None) -> str:
    """What was awaited beside what was seen, then the object as the readiness rule sees it."""
    seen = "none" if observed is None else observed
    _, _, rest = readiness.difference(goal.body, goal.rule, goal.generation).partition("\n")
    rows = rest.splitlines()[1:]
    head = [
        f"- awaited: observedGeneration {goal.generation}",
        f"+ seen: observedGeneration {seen}",
    ]
    return "\n".join([*head, *rows])


def _detail(case: WindowCase, goal: _Goal, difference: str) -> str:
    rows = []
    change = case.phase.facts.get("change")
    if change:
        rows.append(f"After the change {change}.")
    if goal.body is None:
        rows.append("The object was deleted meanwhile.")
    rows.append(difference)
    events = _events(case, goal.key)
    if events:
        rows += ["Events:", *(f"  {event}" for event in events)]
    rows += last_words(case.evidence, case.span)
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
    excerpt = f"{last.event.type} {goal.key}, resourceVersion {last.event.resource_version}"
    return [timeline_ref(case.evidence, goal.key.resource, last.line, excerpt)]
