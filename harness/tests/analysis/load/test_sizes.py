"""From recorded sizes to exponents: an operator that lists all objects, and one that doesn't."""

from __future__ import annotations

import pytest

from harness.analysis import load_questions, load_result, measure
from harness.evidence.ndjson import NdjsonWriter
from harness.model.growth import Growing, GrowthSize
from harness.model.loadresult import LoadResult
from harness.tests.analysis.load.queues import SimulatedOperator
from harness.tests.analysis.load.recording import LoadedRun
from harness.tests.analysis.recording import Recording, at

SIZES = (50, 100, 200, 400, 800)
KIB = 1024


def recorded(
    recording: Recording, *, of_all_s: float, by: Growing = Growing.CUSTOM_RESOURCES
) -> LoadResult:
    """A run in which a reconcile takes 4 ms, and some time more for each object that is there."""
    load = LoadedRun(recording.run, SimulatedOperator(workers=4, service_s=0.004))
    writer = NdjsonWriter(recording.run.load_sizes_file)
    for size in SIZES:
        load.served_by(SimulatedOperator(workers=4, service_s=0.004 + of_all_s * size))
        phase = load.constant(20, 10, name=f"growth-{size}")
        noise = size % 3 * 16 * KIB
        writer.write(
            GrowthSize(
                phase=phase.name,
                by=by,
                objects=size if by is Growing.CUSTOM_RESOURCES else SIZES[-1],
                unrelated=0 if by is Growing.CUSTOM_RESOURCES else size,
                kind="configmaps",
                rest=at(phase.span.end.mono_ns / 1e9),
                values={"memory": 50e6 + noise, "live heap": 5e6 + 12 * KIB * size + noise},
            )
        )
    writer.close()
    load.write()
    found = load_result(recording.evidence)
    assert found is not None
    return found


def test_an_operator_that_lists_everything_is_found_to(recording: Recording) -> None:
    found = {item.figure: item for item in recorded(recording, of_all_s=0.0001).growth}
    latency = found["reconcile p50"]
    assert latency.low > 0.3
    assert "grows" in latency.sentence
    assert [objects for objects, _ in latency.points] == list(SIZES)


def test_one_that_does_not_is_flat(recording: Recording) -> None:
    found = {item.figure: item for item in recorded(recording, of_all_s=0).growth}
    latency = found["reconcile p50"]
    assert latency.high < 0.05
    assert latency.low > -0.05


def test_a_custom_resource_costs_live_heap_and_a_resident_set_may_not_show_it(
    recording: Recording,
) -> None:
    found = {item.figure: item for item in recorded(recording, of_all_s=0).each_object}
    heap = found["live heap"]
    assert heap.low <= 12 <= heap.high
    assert heap.seen
    assert "costs 12" in heap.sentence
    assert not found["memory"].seen
    assert "below the detection limit" in found["memory"].sentence


def test_unrelated_objects_are_told_apart_and_are_measurements(recording: Recording) -> None:
    recorded(recording, of_all_s=0.0001, by=Growing.UNRELATED)
    found = {item.name: item for item in measure(recording.evidence)}
    exponent = found["growth_latency"]
    assert exponent.subject == "unrelated objects"
    assert exponent.value == pytest.approx(0.8, abs=0.2)
    assert found["live_heap_per_object"].value == pytest.approx(12, rel=0.1)
    assert not load_questions(recording.evidence)


def test_a_run_of_another_profile_has_no_growth(recording: Recording) -> None:
    load = LoadedRun(recording.run, SimulatedOperator(workers=4, service_s=0.004))
    load.constant(20, 10)
    load.write()
    found = load_result(recording.evidence)
    assert found is not None
    assert (found.growth, found.each_object) == ((), ())
