"""The section on load: the knee and its reason, latencies with intervals, the bottleneck."""

from __future__ import annotations

import msgspec
import pytest

from harness.model.loadresult import Attribution, Cause, KneeState, LoadResult
from harness.reporting.load import LoadView, load_view
from harness.tests.reporting.loads import LOAD


def view(load: LoadResult = LOAD) -> LoadView:
    found = load_view(load)
    assert found is not None
    return found


def with_knee(**changes: object) -> LoadResult:
    assert LOAD.knee is not None
    return msgspec.structs.replace(LOAD, knee=msgspec.structs.replace(LOAD.knee, **changes))


def test_a_run_without_load_has_no_section() -> None:
    assert load_view(None) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "It sustains 95.1 arrivals a second, and not 99.8: at 99.8/s"),
        ({"state": KneeState.GENERATOR_LIMITED}, "It sustains at least 95.1 arrivals a second"),
        ({"state": KneeState.AT_LEAST}, "It sustains at least 95.1 arrivals a second"),
        ({"state": KneeState.INCONCLUSIVE}, "The knee was not confirmed; 95.1 arrivals a second"),
        ({"state": KneeState.BELOW, "per_s": None}, "No rate was found that it sustains: at"),
    ],
)
def test_the_first_sentence_says_what_is_known_of_the_knee_and_no_more(
    changes: dict[str, object], words: str
) -> None:
    assert view(with_knee(**changes)).sentences[0].startswith(words)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Cause.ONE_WORKER, "What holds it back: one worker."),
        (Cause.NOTHING, "Nothing held it back."),
        (Cause.UNKNOWN, "What holds it back is unknown."),
    ],
)
def test_the_second_names_the_bottleneck_or_says_that_there_is_none(
    cause: Cause, words: str
) -> None:
    found = Attribution(cause=cause, evidence=("seen",))
    shown = view(msgspec.structs.replace(LOAD, bottleneck=found))
    assert shown.sentences[1] == words
    assert shown.evidence == ("seen",)


def test_percentiles_come_with_intervals_and_lower_bounds_are_called_so() -> None:
    (row,) = view().phases
    assert row[:2] == ("steady", "poisson, 67/s")
    assert "22.8 ms (20.5 to 25.1)" in row
    assert "at least 45.6 ms" in row
    assert "25 ms" in row  # what a closed loop would have shown


def test_what_did_not_simply_end_is_counted() -> None:
    (sentence,) = view().counted
    assert sentence.startswith("steady: of 8,040 arrivals 2 dropped")
    for words in ("1 failed", "2 never done", "7 closed by a later", "3 open while watch events"):
        assert words in sentence


def test_counters_of_the_operator_are_shown_by_queue() -> None:
    (row,) = view().operator
    figures = ("8,040", "3.1 ms", "0.2", "66% of 1", "9.8 ms", "0", "2", "not offered")
    assert row == ("steady", "guestbook", *figures)
