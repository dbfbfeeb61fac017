"""Which pages a phase's figures are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.analysis.load.signs import figures_by_phase
from harness.tests.analysis.load import recording as load
from harness.tests.analysis.recording import span

if TYPE_CHECKING:
    from harness.model.load import LoadPhase
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
