"""Percentiles are exact samples; their intervals cover the truth as often as they promise."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from harness.analysis.load.percentiles import (
    distribution,
    latency,
    nearest_rank,
    rank_interval,
)
from harness.model.loadresult import Latency

MS = 1_000_000


def summary(milliseconds: list[float], waiting: list[float] | None = None) -> Latency:
    open_ns = None if waiting is None else (np.array(waiting) * MS).astype(np.int64)
    found = latency("total", (np.array(milliseconds) * MS).astype(np.int64), open_ns=open_ns)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("q", "n", "rank"),
    [(0.5, 1, 0), (0.5, 2, 0), (0.5, 3, 1), (0.99, 100, 98), (0.99, 1000, 989), (1.0, 5, 4)],
)
def test_a_percentile_is_the_sample_of_nearest_rank(q: float, n: int, rank: int) -> None:
    assert nearest_rank(q, n) == rank


def test_percentiles_are_bit_exact_to_the_sorted_samples() -> None:
    values = np.random.default_rng(3).integers(1, 10**12, 100_000)
    found = latency("total", values)
    assert found is not None
    for item in found.percentiles:
        assert item.ms == int(np.sort(values)[nearest_rank(item.q, 100_000)]) / MS


def test_percentiles_that_the_samples_are_too_few_for_are_left_out() -> None:
    assert [item.q for item in summary([1.0] * 99).percentiles] == [0.5, 0.9, 0.95]
    assert [item.q for item in summary([1.0] * 100).percentiles] == [0.5, 0.9, 0.95, 0.99]


def test_an_interval_has_no_end_where_samples_are_too_few_for_one() -> None:
    assert rank_interval(0.5, 5) == (None, None)
    assert rank_interval(0.5, 6) == (0, 5)
    assert rank_interval(0.99, 300)[1] is None
    assert rank_interval(0.99, 400)[1] is not None


@pytest.mark.parametrize(("q", "n"), [(0.5, 20), (0.5, 301), (0.9, 100), (0.99, 600)])
def test_intervals_cover_the_true_percentile_in_at_least_95_of_100_cases(q: float, n: int) -> None:
    low, high = rank_interval(q, n)
    assert low is not None
    assert high is not None
    samples = np.sort(np.random.default_rng(7).random((10_000, n)), axis=1)
    covered = float(np.mean((samples[:, low] <= q) & (q <= samples[:, high])))
    assert 0.945 <= covered <= 0.985  # 0.95 promised; 0.002 is the standard error


def test_what_is_still_open_counts_as_slow_and_marks_what_it_reaches_into() -> None:
    found = summary([10.0] * 95, waiting=[500.0] * 5)
    assert (found.n, found.open) == (100, 5)
    median, p99 = found.at(0.5), found.at(0.99)
    assert median is not None
    assert p99 is not None
    assert (median.ms, median.at_least) == (10, False)
    assert (p99.ms, p99.at_least, p99.high_ms) == (500, True, None)


def test_no_samples_are_no_latency() -> None:
    assert latency("total", np.empty(0, np.int64)) is None


def test_a_distribution_rises_to_what_all_but_one_of_the_samples_kept() -> None:
    found = distribution(np.arange(1, 1001)[::-1] * 1_000_000)
    shares = [share for share, _ in found]
    assert shares == sorted(set(shares))
    assert shares[-1] == pytest.approx(0.999)
    assert found[-1][1] == 999
    assert dict(found)[0.5] == 500
    assert len(found) < 60


def test_one_sample_is_no_distribution() -> None:
    assert distribution(np.array([5_000_000])) == ()


def test_of_latencies_that_are_all_open_there_is_no_mean_and_the_result_can_be_read() -> None:
    found = latency("total", np.array([], np.int64), open_ns=np.array([5_000_000, 7_000_000]))

    assert found is not None
    assert found.mean_ms is None
    assert msgspec.json.decode(msgspec.json.encode(found), type=Latency) == found
