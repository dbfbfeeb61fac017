"""A run with a load is judged from its folder: figures, checks, what stays open, what broke."""

from __future__ import annotations

import sys

import pytest

from harness import command
from harness.analysis import (
    bands,
    judge,
    load_faults,
    load_questions,
    load_result,
    measure,
    series,
)
from harness.analysis.load.knee import Taken, next_step
from harness.analysis.load.phases import Stamped, rows_by_phase
from harness.analysis.load.result import stamped
from harness.analysis.load.steps import step_taken
from harness.model.findings import Status
from harness.model.load import PhaseRole
from harness.model.loadresult import Knee, KneeState, LoadResult
from harness.model.measurement import Measurement
from harness.tests.analysis.load.queues import SimulatedOperator
from harness.tests.analysis.load.recording import LoadedRun
from harness.tests.analysis.recording import Recording


@pytest.fixture
def load(recording: Recording) -> LoadedRun:
    return LoadedRun(recording.run, SimulatedOperator(workers=2, service_s=0.02))


def result(recording: Recording) -> LoadResult:
    found = load_result(recording.evidence)
    assert found is not None
    return found


def figures(recording: Recording) -> dict[tuple[str, str], Measurement]:
    return {(item.name, item.subject): item for item in measure(recording.evidence)}


def test_a_run_without_load_has_no_result_and_its_checks_are_not_verified(
    recording: Recording,
) -> None:
    assert load_result(recording.evidence) is None
    assert not load_questions(recording.evidence)
    assert not load_faults(recording.evidence)
    assert judge("LOA-101", recording.evidence, None).status is Status.NOT_VERIFIED


def test_figures_of_steady_load_and_of_a_burst_have_different_names(
    recording: Recording, load: LoadedRun
) -> None:
    load.constant(50, 20)
    load.burst(300)
    load.write()
    found = figures(recording)
    median = found["load_latency_p50", "steady"]
    assert median.value == pytest.approx(23, abs=0.01)
    assert (median.unit, median.n, median.headline) == ("ms", 1000, True)
    assert "constant arrivals at 50/s" in median.method
    assert found["load_throughput", "steady"].value == pytest.approx(50, rel=0.02)
    assert found["burst_drain", "burst"].value == pytest.approx(3.0, rel=0.01)
    assert found["burst_throughput", "burst"].value == pytest.approx(100, rel=0.01)
    assert ("load_latency_p50", "burst") not in found
    assert found["load_errors", "steady"].value == 0


def searched(load: LoadedRun) -> Knee:
    """Searches as the driver does: by the files, as far as they are written."""
    taken: list[Taken] = []
    last = 0
    while True:
        step = next_step(taken)
        if isinstance(step, Knee):
            return step
        phase = load.constant(step.rate_per_s, step.seconds, name=step.name, role=step.role)
        load.write()
        found = stamped(load.run)
        rows = rows_by_phase(found.arrivals, [phase])[phase.index]
        since = last or phase.span.start.mono_ns
        seconds = (phase.span.end.mono_ns - since) / 1e9
        taken.append(step_taken(found, rows, phase, settle=step.settle_s, seconds=seconds))
        last = phase.span.end.mono_ns


def test_a_report_finds_the_same_knee_as_the_run_did(recording: Recording, load: LoadedRun) -> None:
    during = searched(load)
    load.constant(60, 5)
    load.write()
    after = result(recording).knee
    assert after is not None
    assert during.state is after.state is KneeState.CONFIRMED
    assert (after.per_s, after.low, after.high) == (during.per_s, during.low, during.high)
    assert after.steps == during.steps
    assert after.per_s == pytest.approx(100, rel=0.10)
    knee = figures(recording)["knee", ""]
    assert (knee.unit, knee.direction, knee.headline) == ("1/s", "higher", True)
    assert (knee.low, knee.high, knee.at_least) == (after.low, after.high, False)


def test_checks_hold_for_an_operator_that_does_all(recording: Recording, load: LoadedRun) -> None:
    load.constant(50, 4)
    load.write()
    for check in ("LOA-101", "LOA-102", "LOA-103"):
        assert judge(check, recording.evidence, None).status is Status.PASS


def test_an_arrival_that_the_operator_went_past_is_forgotten_not_backlog(
    recording: Recording, load: LoadedRun
) -> None:
    load.constant(50, 4)
    load.write(forget=[17])
    forgotten = judge("LOA-101", recording.evidence, None)
    assert [item.title for item in forgotten.findings] == [
        "1 of 200 arrivals of the phase steady never converged, though later ones did"
    ]
    assert judge("LOA-103", recording.evidence, None).status is Status.PASS


def test_what_was_forgotten_isnt_told_from_a_backlog_that_is_left(
    recording: Recording, load: LoadedRun
) -> None:
    load.constant(50, 4)
    load.write(forget=[17, 198, 199])
    assert judge("LOA-101", recording.evidence, None).status is Status.NOT_VERIFIED
    assert judge("LOA-103", recording.evidence, None).status is Status.FAIL


def test_a_write_that_is_refused_is_a_finding(recording: Recording, load: LoadedRun) -> None:
    load.constant(50, 4)
    load.write(refuse=[5])
    refused = judge("LOA-102", recording.evidence, None)
    assert refused.status is Status.FAIL
    assert "1" in refused.findings[0].title
    assert judge("LOA-103", recording.evidence, None).status is Status.PASS


def test_what_waits_behind_all_that_was_done_is_backlog(
    recording: Recording, load: LoadedRun
) -> None:
    load.constant(50, 4)
    load.write(forget=[197, 198, 199])
    assert judge("LOA-101", recording.evidence, None).status is Status.PASS
    left = judge("LOA-103", recording.evidence, None)
    assert left.findings[0].title.startswith("3 arrivals were still in flight")
    assert "200 arrivals = 197 done + 3 in flight + 0 errors + 0 dropped" in left.findings[0].detail


def test_a_knee_that_time_was_too_short_for_leaves_a_question_and_no_figure(
    recording: Recording, load: LoadedRun
) -> None:
    load.constant(50, 6, name="bracket-1", role=PhaseRole.SEARCH)
    load.constant(200, 6, name="bracket-2", role=PhaseRole.SEARCH)
    load.write()
    (question,) = load_questions(recording.evidence)
    assert question.startswith("The knee was not found: the bracket stayed wide")
    assert ("knee", "") not in figures(recording)


def test_arrivals_without_a_row_are_an_error_of_the_harness(
    recording: Recording, load: LoadedRun
) -> None:
    load.constant(50, 4)
    load.write()
    file = load.run.load_arrivals_file(0)
    file.write_bytes(file.read_bytes()[: -80 * 3])
    (fault,) = load_faults(recording.evidence)
    assert "200 arrivals were planned" in fault.message
    assert "(3 without a row, 0 twice)" in fault.message


def test_the_load_is_shown_over_time_with_its_phases(recording: Recording, load: LoadedRun) -> None:
    load.constant(50, 10)
    load.burst(300)
    load.write()
    found = {(item.name, item.subject): item for item in series(recording.evidence)}
    arrivals, done = found["throughput", "arrivals"], found["throughput", "completions"]
    assert arrivals.values[3] == pytest.approx(50, rel=0.05)
    assert sum(arrivals.values) == pytest.approx(sum(done.values))
    assert max(found["in_flight", "arrivals"].values) >= 200
    assert found["latency", "median"].values[3] == pytest.approx(23, abs=0.1)
    tail = found["latency", "p99"]
    assert len(tail.seconds) < len(found["latency", "median"].seconds)  # 100 arrivals a point
    assert max(tail.values) <= max(found["latency", "largest"].values)
    assert arrivals.seconds[0] >= 5  # on the run's axis
    assert [item.name for item in bands(recording.evidence)] == ["steady", "burst"]


def test_without_load_nothing_loads_numpy() -> None:
    asked = "import sys, harness.analysis; print('numpy' in sys.modules)"
    found = command.run([sys.executable, "-c", asked], timeout=60)
    assert found.output.strip() == "False"


def test_the_latest_stamps_bound_what_is_still_open(recording: Recording, load: LoadedRun) -> None:
    load.constant(50, 4)
    load.write(forget=range(100, 200))
    found = stamped(load.run)
    assert isinstance(found, Stamped)
    total = result(recording).phases[0].latency("total")
    assert total is not None
    assert total.open == 100
    p90 = total.at(0.9)
    assert p90 is not None
    assert p90.at_least


def test_what_is_cleared_up_dwarfs_no_load_over_time(recording: Recording, load: LoadedRun) -> None:
    load.constant(50, 5)
    load.constant(400, 1, name="steady-clear", role=PhaseRole.CLEAR)
    load.constant(50, 5, name="more")
    load.write()
    found = {(item.name, item.subject): item for item in series(recording.evidence)}
    assert max(found["throughput", "arrivals"].values) == pytest.approx(50, rel=0.1)
    assert max(found["in_flight", "arrivals"].values) < 10
    assert max(found["latency", "largest"].values) == pytest.approx(23, abs=0.1)
