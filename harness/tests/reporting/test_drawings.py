"""Geometry of the timelines."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest

from harness.model.resource import ObjectKey
from harness.model.result import Convergence, TimelineMark
from harness.reporting.axes import Scale, ticks
from harness.reporting.timeline import timelines


@pytest.mark.parametrize(
    ("high", "shown"),
    [
        (412.7, (0, 100, 200, 300, 400, 500)),
        (500, (0, 100, 200, 300, 400, 500)),
        (0.9, (0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (0, (0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (math.nan, (0, 0.2, 0.4, 0.6, 0.8, 1.0)),
    ],
)
def test_ticks_are_round_and_reach_the_greatest_value(
    high: float, shown: tuple[float, ...]
) -> None:
    assert ticks(high, about=5) == pytest.approx(shown)


def test_a_scale_keeps_values_inside() -> None:
    scale = Scale(10, left=0.1, right=0.1)
    assert [scale.at(value) for value in (-5, 0, 5, 10, 50)] == ["10%", "10%", "50%", "90%", "90%"]


def _convergence(*marks: tuple[float, str, str], latency: float | None = 100.0) -> Convergence:
    return Convergence(
        subject=ObjectKey(resource="guestbooks.example.com", name="sample", namespace="ns"),
        generation=1,
        action="create",
        latency_ms=latency,
        marks=tuple(TimelineMark(ms=ms, label=label, lane=lane) for ms, label, lane in marks),
    )


def test_lanes_begin_with_the_stimulus_and_the_custom_resource() -> None:
    (drawn,) = timelines(
        [_convergence((1, "a", "services x"), (2, "b", "custom resource"), (0, "c", "stimulus"))]
    )
    assert [lane.name for lane in drawn.lanes] == ["stimulus", "custom resource", "services x"]
    assert [row[2] for row in drawn.rows] == ["c", "a", "b"]


def test_labels_of_a_lane_never_overlap() -> None:
    marks = [(float(index), f"mark number {index}", "custom resource") for index in range(30)]
    (drawn,) = timelines([_convergence(*marks, latency=None)])
    (lane,) = drawn.lanes
    rows: dict[int, list[float]] = {}
    for mark in lane.marks:
        rows.setdefault(mark.y, []).append(float(mark.x.rstrip("%")))
    for places in rows.values():
        apart = [later - earlier for earlier, later in itertools.pairwise(places)]
        assert all(distance > 20 for distance in apart)
    assert lane.height <= drawn.axis


def test_what_never_converged_says_so_and_has_no_line_for_it() -> None:
    (drawn,) = timelines([_convergence((0, "sent", "stimulus"), latency=None)])
    assert drawn.done == ""
    assert "never converged" in drawn.sentence


def test_marks_beyond_forty_are_in_the_table_only() -> None:
    marks = [(float(index), "mark", "custom resource") for index in range(100)]
    (drawn,) = timelines([_convergence(*marks)])
    assert drawn.hidden == 60
    assert len(drawn.rows) == 100


def test_marks_of_one_instant_share_a_label() -> None:
    marks = [(10.0, "Ready=True", "custom resource"), (10.0, "ready", "custom resource")]
    (drawn,) = timelines([_convergence(*marks, (11.0, "later", "custom resource"))])
    (lane,) = drawn.lanes
    assert [mark.label for mark in lane.marks] == ["Ready=True, ready", "later"]
    assert len(drawn.rows) == 3


def test_how_long_it_was_watched_is_said_where_it_never_converged() -> None:
    convergence = msgspec.structs.replace(
        _convergence((0, "sent", "stimulus"), latency=None), watched_ms=15_000
    )
    (drawn,) = timelines([convergence])
    assert drawn.outcome == "did not converge in 15.0 s"
