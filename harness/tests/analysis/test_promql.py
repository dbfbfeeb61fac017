"""Gates on PromQL expressions: the worst that Prometheus said decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.analysis.promql import gated, unanswered
from harness.evidence.ndjson import NdjsonWriter, write_document
from harness.model.promql import PromqlAnswer, PromqlSeries
from harness.model.target import Gate
from harness.model.time import Stamp
from harness.verdict.gates import hold

if TYPE_CHECKING:
    from harness.tests.analysis.recording import Recording

_QUERY = "max(depth)"


def _gate(text: str, operator: str, bound: float) -> Gate:
    return Gate(
        measurement="queue", operator=operator, bound=bound, unit="1", text=text, promql=_QUERY
    )


def _record(recording: Recording, gate: Gate, *values: float | None, query: str = _QUERY) -> None:
    target = msgspec.structs.replace(recording.evidence.target, gates=(gate,))
    write_document(recording.run.target_file, target)
    writer = NdjsonWriter(recording.run.promql_file)
    for second, value in enumerate(values):
        series = () if value is None else (PromqlSeries(points=((float(second), value),)),)
        stamp = Stamp(mono_ns=second, wall_ns=second)
        writer.write(
            PromqlAnswer(query=query, stamp=stamp, gate="queue", phase="steady", series=series)
        )
    writer.close()


def test_the_highest_value_breaks_an_upper_bound(recording: Recording) -> None:
    gate = _gate("< 4", "<", 4)
    _record(recording, gate, 1.0, 5.0, 2.0)
    (measured,) = gated(recording.evidence)
    assert (measured.value, measured.n) == (5.0, 3)
    assert "phase steady" in measured.subject
    (result,) = hold((gate,), (measured,))
    assert result.met is False


def test_the_lowest_value_decides_a_lower_bound(recording: Recording) -> None:
    gate = _gate("> 0", ">", 0)
    _record(recording, gate, 1.0, 5.0, 2.0)
    (measured,) = gated(recording.evidence)
    assert measured.value == 1.0
    (result,) = hold((gate,), (measured,))
    assert result.met is True


def test_evaluations_without_a_value_are_counted_and_decide_nothing(recording: Recording) -> None:
    _record(recording, _gate("< 4", "<", 4), None, 2.0)
    (measured,) = gated(recording.evidence)
    assert measured.value == 2.0
    assert "1 of them without a value" in measured.method


def test_a_gate_that_never_had_a_value_cannot_be_decided(recording: Recording) -> None:
    gate = _gate("< 4", "<", 4)
    _record(recording, gate, None)
    assert gated(recording.evidence) == []
    (result,) = hold((gate,), ())
    assert result.met is None


def test_why_a_gate_has_no_value_is_told(recording: Recording) -> None:
    gate = _gate("< 4", "<", 4)
    _record(recording, gate)
    assert "never evaluated" in unanswered(recording.evidence)["queue"]


def test_a_series_that_is_not_there_is_told(recording: Recording) -> None:
    gate = _gate("< 4", "<", 4)
    _record(recording, gate, None, None)
    reason = unanswered(recording.evidence)["queue"]
    assert "no value in 2 evaluations of max(depth)" in reason
    (result,) = hold((gate,), (), unanswered={"queue": reason})
    assert (result.met, result.reason) == (None, reason)


def test_what_prometheus_refused_is_told_in_its_words(recording: Recording) -> None:
    gate = _gate("< 4", "<", 4)
    _record(recording, gate)
    writer = NdjsonWriter(recording.run.promql_file)
    stamp = Stamp(mono_ns=1, wall_ns=1)
    writer.write(PromqlAnswer(query=_QUERY, stamp=stamp, gate="queue", error="execution: too many"))
    writer.close()
    assert "refused 1 of 1 evaluations" in unanswered(recording.evidence)["queue"]
    assert "execution: too many" in unanswered(recording.evidence)["queue"]


def test_a_gate_with_a_value_has_no_reason(recording: Recording) -> None:
    _record(recording, _gate("< 4", "<", 4), None, 2.0)
    assert unanswered(recording.evidence) == {}
