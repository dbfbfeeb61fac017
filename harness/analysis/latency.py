"""Stage 5: how long each generation of each custom resource took to converge.

Four stamps on one monotonic clock: the send (t1), the API server's answer (t2), the own write's
watch event (t3), and the first watch event that meets the readiness rule for the generation (t4).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from harness import readiness
from harness.analysis.footprint import owners_of
from harness.analysis.objects import (
    Sighting,
    conditions,
    generation_of,
    metadata_of,
    rule_of,
    shows_generation,
    sightings,
)
from harness.model.records import Action, Stimulus
from harness.model.result import Convergence, TimelineMark
from harness.model.target import Readiness
from harness.readiness import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.evidence.reader import Evidence
    from harness.model.records import TimelineEvent
    from harness.model.resource import ObjectKey

__all__ = ["convergences"]

_CUSTOM_RESOURCE = "custom resource"
_STIMULUS = "stimulus"
_MAX_MARKS = 80
_NEVER = 2**63
_ACCEPTED = range(200, 300)

Json = dict[str, Any]  # any JSON object


def convergences(evidence: Evidence) -> tuple[Convergence, ...]:
    """Returns one convergence for each accepted create, and each update that changed the spec."""
    kinds = {kind.resource for kind in evidence.target.kinds}
    children = _Children(evidence)
    found = []
    generations: dict[tuple[str, ...], int] = {}
    for stimulus in evidence.stimuli():
        key = stimulus.subject
        if key is None or key.resource not in kinds or not _changes_spec(stimulus, generations):
            continue
        found.append(_convergence(evidence, stimulus, key, children))
    return tuple(found)


def _changes_spec(stimulus: Stimulus, generations: dict[tuple[str, ...], int]) -> bool:
    """Whether a stimulus was accepted and made a new generation of its object."""
    key = stimulus.subject
    if (
        key is None
        or stimulus.action not in {Action.CREATE, Action.UPDATE}
        or stimulus.status not in _ACCEPTED
        or stimulus.generation < 1
    ):
        return False
    name = (key.resource, key.namespace, key.name, key.uid)
    changed = generations.get(name) != stimulus.generation
    generations[name] = stimulus.generation
    return changed


def _convergence(
    evidence: Evidence, stimulus: Stimulus, key: ObjectKey, children: _Children
) -> Convergence:
    sent, limit = stimulus.sent.mono_ns, _limit(evidence, stimulus)
    states = [
        state
        for state in sightings(evidence, key)
        if sent <= state.event.stamp.mono_ns <= limit
        and not state.gone
        and generation_of(state.event.object) >= stimulus.generation
    ]
    done = _done(evidence, stimulus, states)
    end = done.event.stamp.mono_ns if done else limit
    marks = [
        TimelineMark(ms=0.0, label=f"{stimulus.action.value} sent", lane=_STIMULUS),
        TimelineMark(ms=_ms(sent, stimulus.acknowledged.mono_ns), label="accepted", lane=_STIMULUS),
        *_own_marks(sent, [s for s in states if s.event.stamp.mono_ns <= end], stimulus),
        *children.marks(key.uid or _uid(states), sent, end),
    ]
    if done:
        ms = _ms(sent, end)
        marks.append(TimelineMark(ms=ms, label="ready", lane=_CUSTOM_RESOURCE))
    marks.sort(key=lambda mark: mark.ms)
    return Convergence(
        subject=key,
        generation=stimulus.generation,
        action=stimulus.action.value,
        latency_ms=_ms(sent, end) if done else None,
        acknowledged_ms=_ms(sent, stimulus.acknowledged.mono_ns),
        echoed_ms=_ms(sent, states[0].event.stamp.mono_ns) if states else None,
        marks=tuple(marks[:_MAX_MARKS]),
        watched_ms=_ms(sent, limit) if limit < _NEVER else None,
    )


def _limit(evidence: Evidence, stimulus: Stimulus) -> int:
    """Until when a generation may converge: the next stimulus, or the end of its window."""
    sent = stimulus.sent.mono_ns
    later = [
        other.sent.mono_ns
        for other in evidence.stimuli()
        if other.sent.mono_ns > sent
        and (other.subject is None or _names(other.subject) == _names(stimulus.subject))
    ]
    windows = [p.span.end.mono_ns for p in evidence.phases() if p.span.holds(stimulus.sent)]
    return min([*windows, *later], default=_NEVER)


def _names(key: ObjectKey | None) -> tuple[str, ...]:
    return (key.resource, key.namespace, key.name) if key else ()


def _done(evidence: Evidence, stimulus: Stimulus, states: Sequence[Sighting]) -> Sighting | None:
    """The state at which it had converged; where settling decides, the last one that came."""
    rule = rule_of(evidence, stimulus.subject.resource if stimulus.subject else "")
    ready = [
        state
        for state in states
        if readiness.judge(state.event.object, rule, generation=stimulus.generation).state
        is State.READY
    ]
    if not ready:
        return None
    return ready[-1] if rule.writes else ready[0]


def _own_marks(sent: int, states: Sequence[Sighting], stimulus: Stimulus) -> Iterator[TimelineMark]:
    """The write's echo, flips of conditions, and when the generation was observed."""
    before: dict[str, str] = {}
    observed = False
    for number, state in enumerate(states):
        ms, body = _ms(sent, state.event.stamp.mono_ns), state.event.object
        if number == 0:
            yield TimelineMark(ms=ms, label="seen by the watch", lane=_CUSTOM_RESOURCE)
        claims = shows_generation(body, Readiness())
        if not observed and claims is not None and claims >= stimulus.generation:
            observed = True
            label = f"observedGeneration {claims}"
            yield TimelineMark(ms=ms, label=label, lane=_CUSTOM_RESOURCE)
        for label in _flips(before, body, quiet=number == 0):
            yield TimelineMark(ms=ms, label=label, lane=_CUSTOM_RESOURCE)


def _flips(before: dict[str, str], body: Json, *, quiet: bool) -> list[str]:
    """Conditions whose status differs from what was seen before; remembers them."""
    labels = []
    for condition in conditions(body):
        kind, status = str(condition.get("type")), str(condition.get("status"))
        if before.get(kind) != status:
            before[kind] = status
            labels.append(f"{kind}={status}")
    return [] if quiet else labels


class _Children:
    """Watch events of objects that custom resources own, directly or not."""

    def __init__(self, evidence: Evidence) -> None:
        self._events: dict[str, list[TimelineEvent]] = defaultdict(list)
        self._owned: dict[str, set[str]] = defaultdict(set)
        for timeline in evidence.timelines().values():
            for event in timeline:
                for owner in owners_of(event.object):
                    self._owned[owner].add(event.key.uid)
                if owners_of(event.object):
                    self._events[event.key.uid].append(event)

    def marks(self, owner: str, start: int, end: int) -> Iterator[TimelineMark]:
        """Yields creations, deletions, changes of the spec and flips of conditions."""
        for uid in sorted(self._family(owner)):
            before: dict[str, str] = {}
            generation = 0
            for event in self._events[uid]:
                stamp, body = event.stamp.mono_ns, event.object
                labels = [*_life(event, generation), *_flips(before, body, quiet=False)]
                generation = generation_of(body)
                if start <= stamp <= end:
                    name = f"{body.get('kind') or event.key.resource} {event.key.name}"
                    for label in labels:
                        yield TimelineMark(ms=_ms(start, stamp), label=label, lane=name)

    def _family(self, owner: str) -> set[str]:
        family: set[str] = set()
        fresh = set(self._owned.get(owner, ()))
        while fresh:
            family |= fresh
            fresh = {uid for one in fresh for uid in self._owned.get(one, ())} - family
        return family


def _life(event: TimelineEvent, generation: int) -> list[str]:
    """What an event says of a child's life: created, changed or deleted."""
    if event.type == "ADDED":
        return ["created"]
    if event.type == "DELETED":
        return ["deleted"]
    now = generation_of(event.object)
    return [f"changed (generation {now})"] if generation and now > generation else []


def _uid(states: Sequence[Sighting]) -> str:
    return str(metadata_of(states[0].event.object).get("uid", "")) if states else ""


def _ms(start_ns: int, end_ns: int) -> float:
    return (end_ns - start_ns) / 1e6
