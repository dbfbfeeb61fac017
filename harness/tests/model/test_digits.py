"""Numbers in sentences: no powers of ten where a reader has to compare."""

from __future__ import annotations

import pytest

from harness.model.digits import data_size, digits


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0"),
        (0.12345, "0.123"),
        (999.4, "999"),
        (999.6, "1000"),
        (1010.2, "1010"),
        (-1234567, "-1234567"),
        (1e-7, "1e-07"),
    ],
)
def test_three_digits_or_all_before_the_point(value: float, told: str) -> None:
    assert digits(value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1010 * 1024, "0.986 MiB"),
        (-900 * 1024, "-900 KiB"),
        (1.5 * (1 << 30), "1.5 GiB"),
        (5000.0 * (1 << 30), "5000 GiB"),
    ],
)
def test_bytes_are_told_in_the_unit_that_fits(value: float, told: str) -> None:
    assert data_size(value) == told
