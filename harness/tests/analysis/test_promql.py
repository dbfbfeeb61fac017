"""Gates on PromQL expressions: the worst that Prometheus said decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.analysis.promql import gated
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
