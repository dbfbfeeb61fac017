"""What is there already need not be written."""

from __future__ import annotations

import pytest
from noteboard.comparing import holds


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"spec": {"replicas": 1, "strategy": {}}}, {"spec": {"replicas": 1}}),
        ([{"name": "injected"}, {"name": "board", "tty": False}], [{"name": "board"}]),
        (["ALL"], ["ALL"]),
        ([], []),
    ],
)
def test_what_others_put_beside_it_does_not_matter(live: object, wanted: object) -> None:
    assert holds(live, wanted)


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        ({}, {"a": None}),
        ({"a": "1"}, {"a": 1}),
        ({"a": 1}, {"a": {"b": 1}}),
        ([{"name": "injected"}], [{"name": "board"}]),
        ("board", [{"name": "board"}]),
        (["ALL", "CHOWN"], ["ALL"]),
    ],
)
def test_what_differs_has_to_be_written(live: object, wanted: object) -> None:
    assert not holds(live, wanted)
