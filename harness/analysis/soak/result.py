"""A soak's result from its evidence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from harness.analysis.soak.audited import costs, with_event_caches, with_watches
from harness.analysis.soak.blame import sites
from harness.analysis.soak.drift import cycle_loads, drifts
from harness.analysis.soak.leaks import Churn, Plateaus, judge_soak, unread, warm_up
from harness.analysis.soak.signals import complete, last_life, signals
from harness.analysis.soakleft import inventory_changes, left_behind
from harness.model.soakresult import LeakVerdict, SoakResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.reader import Evidence
    from harness.model.soak import Plateau
    from harness.model.soakresult import GrowingSite, SoakSignal

__all__ = ["soaked"]


def soaked(evidence: Evidence, *, brief: bool = False) -> SoakResult:
    """Judges the plateaus that are there, also those of a soak that was cut short.

    Workloads are judged together; of each the longest life of its process counts, and of all as
    many cycles as the shortest has.

    Args:
        evidence: Of the run, which may still go on.
        brief: Look at plateaus alone; requests, arrivals and call sites are many.
    """
    plateaus = evidence.plateaus()
    if not brief:
        plateaus = with_watches(evidence, plateaus)
    names = list(dict.fromkeys(plateau.workload for plateau in plateaus))
    lives = [last_life([p for p in plateaus if p.workload == name]) for name in names]
    least = min(map(len, lives), default=0)
    decide: list[Plateaus] = []
    beside: list[Plateaus] = []
    partial: list[SoakSignal] = []
    cost: list[Plateaus] = []
    for life in lives:
        whole = complete(life[len(life) - least :])
        ours, others, lacking = signals(whole)
        decide += ours if brief else with_event_caches(evidence, ours, life[len(life) - least :])
        beside += others
        partial += [unread(signal, cycles=len(whole)) for signal in lacking]
        cost += [] if brief else costs(evidence, life[len(life) - least :])
    churn = _churn([life[len(life) - least :] for life in lives])
    plan = evidence.soak_plan
    seconds = least * plan.cycle_s if plan is not None else math.inf
    found = judge_soak(decide, churn=churn, seconds=seconds)
    shown = judge_soak(beside, churn=churn, seconds=seconds)
    spent = judge_soak(cost, churn=churn)
    leaking = {
        (signal.subject, signal.name)
        for signal in found.signals
        if signal.verdict is LeakVerdict.LEAK
    }
    planned = plan.cycles if plan is not None else least
    cycles = () if brief else cycle_loads(evidence)
    return msgspec.structs.replace(
        found,
        signals=(*found.signals, *partial),
        cycles=least,
        planned=planned,
        beside=shown.signals,
        sites=() if brief or not leaking else _sites(evidence, lives, leaking),
        notes=tuple(_notes(plateaus, lives, least=least, planned=planned)),
        loads=cycles,
        drift=drifts(cycles),
        disturbances=evidence.disturbances,
        cost=spent.signals,
        left=() if brief else left_behind(evidence),
        inventory=None if brief else inventory_changes(evidence),
        events=_events(evidence),
    )


def _sites(
    evidence: Evidence, lives: Sequence[Sequence[Plateau]], leaking: set[tuple[str, str]]
) -> tuple[GrowingSite, ...]:
    every = (site for life in lives for site in sites(evidence, life))
    return tuple(site for site in every if (site.subject, site.kind) in leaking)


def _events(evidence: Evidence) -> tuple[int, int] | None:
    begin, end = evidence.soak_inventory("begin"), evidence.soak_inventory("end")
    if begin is None or end is None or begin.events is None or end.events is None:
        return None
    return begin.events, end.events


def _churn(lives: Sequence[Sequence[Plateau]]) -> Churn:
    """What was done in the cycles that count; reconciles are those of all workloads."""
    counted, objects = None, 0
    for life in lives:
        left_out = warm_up(len(life))
        if len(life) <= left_out:
            return Churn()
        objects = max(objects, sum(plateau.objects for plateau in life[left_out:]))
        before, after = life[left_out - 1].reconciles, life[-1].reconciles
        if before is not None and after is not None and after >= before:
            counted = (counted or 0) + after - before
    return Churn(reconciles=counted, objects=objects or None)


def _gaps(name: str, life: Sequence[Plateau]) -> list[str]:
    """Says which plateaus lack what nearly all have."""
    whole = complete(life)
    notes = []
    if len(whole) < len(life):
        lacking = len(life) - len(whole)
        notes.append(f"{name}: {lacking} of {len(life)} plateaus lack a signal, and don't count")
    return notes


def _notes(
    plateaus: Sequence[Plateau], lives: Sequence[Sequence[Plateau]], *, least: int, planned: int
) -> list[str]:
    notes = []
    if least < planned:
        notes.append(f"{least} of {planned} cycles were complete and count")
    for life in lives:
        name = life[0].workload
        own = [plateau for plateau in plateaus if plateau.workload == name]
        if len({plateau.pid for plateau in own}) > 1:
            notes.append(f"{name} was started anew: only the longest life of its process counts")
        notes += _gaps(name, life[len(life) - least :])
        left = sum(not plateau.gone for plateau in own)
        if left:
            notes.append(f"after {left} cycles objects were left when {name} was sampled")
        notes += dict.fromkeys(f"{name}: {note}" for plateau in own for note in plateau.notes)
    return notes
