"""Numbers in sentences: no powers of ten where a reader has to compare."""

from __future__ import annotations

import pytest

from harness.model.digits import digits


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
