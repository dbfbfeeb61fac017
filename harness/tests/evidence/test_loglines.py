"""Log lines as people read them."""

from __future__ import annotations

import json

import pytest

from harness.evidence.loglines import readable


def test_a_json_line_becomes_words_in_the_usual_order() -> None:
    line = (
        '{"level":"info","ts":"2026-11-21T03:31:41Z","logger":"setup","msg":"Starting manager",'
        '"worker count":4,"source":"kind source: *v1.Service","controllerKind":"Guestbook"}'
    )

    assert readable(line) == (
        "03:31:41 info setup: Starting manager worker count=4 source=kind source: *v1.Service"
    )


def test_a_stack_trace_inside_json_is_left_out() -> None:
    line = json.dumps({"severity": "ERROR", "time": 12.5, "message": "no\nluck", "stacktrace": "x"})

    assert readable(line) == "12.5 error no luck"


@pytest.mark.parametrize(
    "line",
    ["I1121 03:31:41.1 1 main.go:1] started", "{no json", '{"level":"info"}', "[1]", '{"a":1', ""],
)
def test_what_is_no_json_message_stays_as_it_is(line: str) -> None:
    assert readable(line) == line


def test_a_very_long_line_is_cut() -> None:
    assert readable("x" * 1000) == "x" * 399 + "…"
