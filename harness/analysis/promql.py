"""Stage 5: what Prometheus said of the expressions that gates bind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.measurement import Measurement

if TYPE_CHECKING:
    from harness.evidence.reader import Evidence
    from harness.model.promql import PromqlAnswer
    from harness.model.target import Gate

__all__ = ["gated", "unanswered"]


def gated(evidence: Evidence) -> list[Measurement]:
    """Returns the worst value of each PromQL gate, over all series and evaluations.

    An evaluation without a value (no series yet, division by zero) decides nothing; one that
    Prometheus refused neither. A gate that has no value at all is left out, so that it can't be
    decided.
    """
    found = []
    for gate in evidence.target.gates:
        if not gate.promql:
            continue
        made = _worst(evidence, gate)
        if made is not None:
            found.append(made)
    return found


def unanswered(evidence: Evidence) -> dict[str, str]:
    """Returns why PromQL gates have no value, by the gate's name."""
    found = {}
    for gate in evidence.target.gates:
        if not gate.promql or _worst(evidence, gate) is not None:
            continue
        answers = _answers(evidence, gate)
        refused = [answer.error for answer in answers if answer.error]
        if refused:
            found[gate.measurement] = (
                f"Prometheus refused {len(refused)} of {len(answers)} evaluations of "
                f"{gate.promql}: {refused[-1]}"
            )
        elif answers:
            found[gate.measurement] = (
                f"Prometheus had no value in {len(answers)} evaluations of {gate.promql}: it "
                "knows no such series, or it isn't a number"
            )
        else:
            found[gate.measurement] = (
                f"{gate.promql} was never evaluated: no Prometheus was there, or no phase was "
                "measured for five seconds"
            )
    return found


def _answers(evidence: Evidence, gate: Gate) -> list[PromqlAnswer]:
    return [
        answer
        for answer in evidence.promql
        if answer.gate == gate.measurement and answer.query == gate.promql
    ]


def _worst(evidence: Evidence, gate: Gate) -> Measurement | None:
    answers = _answers(evidence, gate)
    values = [
        (value, series.labels, answer.phase)
        for answer in answers
        for series in answer.series
        for _, value in series.points
    ]
    if not values:
        return None
    upper = gate.operator.startswith("<")
    value, labels, phase = (max if upper else min)(values, key=lambda item: item[0])
    silent = sum(not any(item.points for item in answer.series) for answer in answers)
    method = (
        f"the {'highest' if upper else 'lowest'} value of {gate.promql} in {len(answers)} "
        f"evaluations of it by Prometheus while the suite measured"
        + (f", {silent} of them without a value" if silent else "")
    )
    subject = ", ".join(f"{name}={labels[name]}" for name in sorted(labels))
    return Measurement(
        name=gate.measurement,
        value=value,
        unit=gate.unit,
        n=len(answers),
        method=method,
        subject=", ".join(part for part in (subject, phase and f"phase {phase}") if part),
        direction="lower" if upper else "higher",
    )
