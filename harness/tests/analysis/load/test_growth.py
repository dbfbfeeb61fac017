"""Exponents are found with intervals that cover the truth."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analysis.load.growth import growth, slope
from harness.model.growth import Growth

SIZES = (100, 300, 1000, 3000, 10_000)


def fitted(exponent: float, *, noise: float = 0.05, seed: int = 0) -> Growth:
    random = np.random.default_rng(seed)
    points = [(x, 3 * x**exponent * float(np.exp(random.normal(0, noise)))) for x in SIZES]
    found = growth(points, figure="reconcile p50", unit="ms", by="custom resources")
    assert found is not None
    return found


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_the_interval_covers_the_exponent_in_95_of_100_cases(exponent: float) -> None:
    found = [fitted(exponent, seed=seed) for seed in range(400)]
    assert sum(item.low <= exponent <= item.high for item in found) >= 368  # 380 - 3 sd


@pytest.mark.parametrize(
    ("exponent", "words"),
    [
        (0.0, "no growth of reconcile p50 with the number of custom resources was found"),
        (0.5, "grows slower than the number of custom resources (exponent 0.5"),
        (1.0, "in proportion to"),
        (2.0, "grows faster than"),
        (-1.0, "falls with"),
    ],
)
def test_the_sentence_says_what_the_interval_allows(exponent: float, words: str) -> None:
    assert words in fitted(exponent, noise=0.001 if exponent else 0.05).sentence


def test_less_than_three_sizes_are_no_growth() -> None:
    assert growth([(1, 1), (10, 2)], figure="x", unit="ms", by="y") is None
    assert growth([(5, 1), (5, 2), (5, 3)], figure="x", unit="ms", by="y") is None
    assert growth([(0, 1), (-1, 2)], figure="x", unit="ms", by="y") is None


def test_memory_of_each_custom_resource_is_the_slope() -> None:
    random = np.random.default_rng(1)
    points = [(n, 40e6 + 13_000 * n + random.normal(0, 2e5)) for n in SIZES]
    found = slope(points, figure="memory", unit="B")
    assert found is not None
    assert found.low <= 13_000 <= found.high
    assert found.each == pytest.approx(13_000, rel=0.02)
