"""Words and numbers."""

from __future__ import annotations

import math

import pytest

from harness.model.measurement import Measurement
from harness.reporting import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (3, "3"),
        (0.5, "0.5"),
        (1.8349, "1.83"),
        (48.25, "48.2"),
        (99.96, "100"),
        (412.7, "413"),
        (12345.6, "12,346"),
        (0.00031, "0.00031"),
        (1.2e-9, "1.20e-09"),
        (-2.5, "-2.5"),
        (math.nan, "not a number"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, shown: str) -> None:
    assert text.number(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.041, "41 ms"), (9.77, "9.8 s"), (192.4, "3 min 12 s"), (3860, "1 h 4 min")],
)
def test_durations_have_the_unit_that_fits(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("a\rb", r"a\x0db"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\ud800", r"\ud800"),
        ("\ufffe\uffff\x85", r"\ufffe\uffff\x85"),
        ("Zürich 東京", "Zürich 東京"),
    ],
)
def test_what_is_not_plain_text_becomes_visible(raw: str, shown: str) -> None:
    assert text.visible(raw) == shown


def test_one_line_is_one_line() -> None:
    assert text.one_line(" a\n\n  b\tc\u2028d ") == r"a b c\u2028d"


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (None, None, ""),
        (1.0, 2.0, "1 to 2 ms"),
        (None, 2.0, "at most 2 ms"),
        (1.0, None, "at least 1 ms"),
    ],
)
def test_intervals_say_what_is_known(low: float | None, high: float | None, shown: str) -> None:
    measurement = Measurement(name="x", value=1, unit="ms", n=2, method="m", low=low, high=high)
    assert text.interval(measurement) == shown


@pytest.mark.parametrize(
    ("started", "shown"),
    [
        ("2026-11-20T02:14:33.201Z", "2026-11-20 02:14:33 UTC"),
        ("2026-11-20T03:14:33+01:00", "2026-11-20 02:14:33 UTC"),
        ("2026-11-20T02:14:33", "2026-11-20 02:14:33 UTC"),
        ("yesterday", "yesterday"),
    ],
)
def test_moments_are_utc(started: str, shown: str) -> None:
    assert text.moment(started) == shown
