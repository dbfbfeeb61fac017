"""Which pages a phase's figures are made of, and what is seen where an operator was overloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from harness.analysis import load_result
from harness.analysis.load.signs import figures_by_phase
from harness.model.load import PhaseRole
from harness.model.loadresult import Cause
from harness.tests.analysis.load import recording as load
from harness.tests.analysis.load.queues import SimulatedOperator
from harness.tests.analysis.recording import span

if TYPE_CHECKING:
    from harness.model.load import LoadPhase
    from harness.model.loadresult import Attribution
    from harness.tests.analysis.recording import Recording


def phase(index: int = 0, *, start: float, end: float, arrivals: int = 1) -> LoadPhase:
    """A phase on the recorded run's time axis; the first is called 0."""
    made = load.phase(index, name=str(index), arrivals=arrivals)
    return msgspec.structs.replace(made, span=span(start, end))


def scrape(recording: Recording, when: float, taken: int) -> None:
    """A page that tells how many items were taken so far."""
    lines = [
        f'workqueue_adds_total{{name="book"}} {taken}',
        f'workqueue_queue_duration_seconds_count{{name="book"}} {taken}',
        f'workqueue_queue_duration_seconds_sum{{name="book"}} {taken / 100}',
    ]
    recording.page(when, "\n".join(lines) + "\n")


def taken(recording: Recording, *, end: float = 20.0) -> tuple[int, float]:
    """Returns what was taken in a phase from 10 s on, and in which time."""
    ran = phase(start=10.0, end=end)
    drain = phase(1, start=end, end=end + 9, arrivals=0)
    following = phase(2, start=end + 10, end=end + 20)
    found = figures_by_phase(recording.evidence, [ran, drain, following])
    (queue,) = found[0].queues
    assert found[0].phase == "0"
    return queue.taken, round(queue.seconds, 6)


def test_a_page_at_rest_is_taken_if_rest_comes_soon(recording: Recording) -> None:
    for when, count in ((9.8, 0), (20.1, 90), (21.0, 100)):
        scrape(recording, when, count)
    assert taken(recording) == (100, 11.2)


def test_a_long_drain_is_in_no_mean_of_its_phase(recording: Recording) -> None:
    for when, count in ((9.8, 0), (20.1, 90), (28.0, 100)):
        scrape(recording, when, count)
    assert taken(recording) == (90, 10.3)


def test_a_phase_shorter_than_a_second_has_both_its_pages(recording: Recording) -> None:
    for when, count in ((9.8, 0), (10.6, 200)):
        scrape(recording, when, count)
    assert taken(recording, end=10.5) == (200, 0.8)


def test_what_comes_after_the_next_phase_began_is_not_of_this_one(recording: Recording) -> None:
    for when, count in ((9.8, 0), (20.1, 90), (21.5, 300)):
        scrape(recording, when, count)
    ran, following = phase(start=10.0, end=20.0), phase(1, start=21.0, end=30.0)
    (found, *_) = figures_by_phase(recording.evidence, [ran, following])
    assert found.queues[0].taken == 90


def test_a_phase_without_a_page_before_it_has_no_figures(recording: Recording) -> None:
    for when, count in ((10.2, 0), (20.1, 90)):
        scrape(recording, when, count)
    assert not figures_by_phase(recording.evidence, [phase(start=10.0, end=20.0)])


def told(recording: Recording) -> Attribution:
    """What a report says held the operator back."""
    found = load_result(recording.evidence)
    assert found is not None
    assert found.bottleneck is not None
    return found.bottleneck


def queue_page(recording: Recording, when: float, *, taken: int, worked_s: float) -> None:
    """A page of an operator with two workers."""
    lines = [
        f'workqueue_adds_total{{name="book"}} {taken}',
        f'workqueue_queue_duration_seconds_count{{name="book"}} {taken}',
        f'workqueue_queue_duration_seconds_sum{{name="book"}} {taken}',
        f'workqueue_work_duration_seconds_count{{name="book"}} {taken}',
        f'workqueue_work_duration_seconds_sum{{name="book"}} {worked_s}',
        f'controller_runtime_reconcile_total{{controller="book"}} {taken}',
        'controller_runtime_max_concurrent_reconciles{controller="book"} 2',
    ]
    recording.page(when, "\n".join(lines) + "\n")


def test_a_step_that_failed_is_no_overload_where_a_higher_rate_was_sustained(
    recording: Recording,
) -> None:
    stalled = SimulatedOperator(workers=2, service_s=0.02, stalls=[(1007.0, 1011.5)])
    run = load.LoadedRun(recording.run, stalled)
    run.constant(30, 6, name="bracket-1", role=PhaseRole.SEARCH)
    run.constant(60, 6, name="bracket-2", role=PhaseRole.SEARCH)
    run.write()
    found = load_result(recording.evidence)
    assert found is not None
    states = [phase.sustained.state for phase in found.phases if phase.sustained]
    assert states == ["failed", "sustained"]
    assert told(recording).cause is Cause.NOTHING


def test_an_operator_that_stops_is_said_to_have_stood_still(recording: Recording) -> None:
    stopped = SimulatedOperator(workers=2, service_s=0.02, stalls=[(1008.0, 1013.5)])
    run = load.LoadedRun(recording.run, stopped)
    run.constant(30, 8)
    run.write()
    queue_page(recording, 4.9, taken=0, worked_s=0)
    queue_page(recording, 13.1, taken=100, worked_s=15.5)  # 95 % of two workers' time
    found = told(recording)
    assert found.cause is Cause.UNKNOWN
    assert any(line.startswith("it stood still for 5") for line in found.evidence)


@pytest.mark.parametrize("workers_busy_s", [15.5])
def test_an_operator_that_is_merely_too_slow_did_not_stand_still(
    recording: Recording, workers_busy_s: float
) -> None:
    run = load.LoadedRun(recording.run, SimulatedOperator(workers=2, service_s=0.1))
    run.constant(30, 8)
    run.write()
    queue_page(recording, 4.9, taken=0, worked_s=0)
    queue_page(recording, 13.1, taken=160, worked_s=workers_busy_s)
    found = told(recording)
    assert found.cause is Cause.WORKERS
    assert "all 2 workers of book" in found.evidence[0]


@pytest.mark.parametrize(
    ("easy_s", "cause"), [(2.8, Cause.WORKERS), (0.3, Cause.UNKNOWN)], ids=["as fast", "faster"]
)
def test_reconciles_are_compared_with_those_at_a_lower_rate(
    recording: Recording, easy_s: float, cause: Cause
) -> None:
    run = load.LoadedRun(recording.run, SimulatedOperator(workers=2, service_s=0.1))
    run.constant(5, 6, name="bracket-1", role=PhaseRole.SEARCH)
    easy_end = run.now / 1e9 - 1000
    run.constant(30, 8, name="bracket-2", role=PhaseRole.SEARCH)
    run.write()
    queue_page(recording, 4.9, taken=0, worked_s=0)
    queue_page(recording, easy_end, taken=30, worked_s=easy_s)
    queue_page(recording, easy_end + 8.1, taken=190, worked_s=easy_s + 15.5)
    recording.samples(
        (easy_end, 42, 1.0, 50), (easy_end + 4, 42, 1.1, 50), (easy_end + 7, 42, 1.2, 50)
    )
    assert told(recording).cause is cause


def test_a_container_s_limit_is_what_its_processor_time_is_held_against(
    recording: Recording,
) -> None:
    recording.install(cpu_limit=0.5)
    run = load.LoadedRun(recording.run, SimulatedOperator(workers=2, service_s=0.1))
    run.constant(30, 8)
    run.write()
    recording.samples((5.5, 42, 1.0, 50), (8.5, 42, 2.45, 50), (12.5, 42, 4.4, 50))
    found = told(recording)
    assert found.cause is Cause.CPU
    assert found.evidence == ("it used 0.49 of the 0.5 cores that its container may",)
