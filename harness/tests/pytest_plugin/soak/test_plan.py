"""The cycles of a soak, and the disk that they take."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError
from harness.pytest_plugin.soak import plan_soak
from harness.pytest_plugin.soak.disk import (
    estimate,
    nearly_full,
    refuse_full_disk,
    used,
)
from harness.pytest_plugin.soak.news import too_few

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600.0
MIB = 1 << 20


def test_half_an_hour_has_twenty_cycles_and_a_longer_soak_more_not_longer_ones() -> None:
    assert plan_soak(duration=0.0, rate=20.0).cycles == 20
    long = plan_soak(duration=8 * HOUR, rate=20.0)
    assert (long.cycles, long.cycle_s) == (320, 90.0)


def test_a_short_soak_has_fewer_cycles_of_at_least_eight_seconds() -> None:
    assert plan_soak(duration=128.0, rate=20.0).cycles == 16
    assert plan_soak(duration=5.0, rate=20.0).cycles == 1


def test_objects_follow_from_the_rate_up_to_five_thousand_at_a_time() -> None:
    assert plan_soak(duration=200.0, rate=50.0).objects == 150
    assert plan_soak(duration=0.0, rate=1_000.0).objects == 5_000


def test_an_operator_is_warm_before_the_first_cycle_that_counts() -> None:
    """Three hundred objects with the three cycles that are left out."""
    few = plan_soak(duration=240.0, rate=6.0)
    assert (few.objects, few.warm_ups) == (22, 8)  # 60 s of 7.2 s each
    assert plan_soak(duration=200.0, rate=20.0).warm_ups == 2
    assert plan_soak(duration=0.0, rate=20.0).warm_ups == 0  # a cycle makes 540


def test_an_operator_whose_process_is_judged_warms_up_longer_and_again_after_the_restart() -> None:
    few = plan_soak(duration=300.0, rate=5.8, settles=True)
    assert (few.objects, few.warm_ups, few.warm_ups_again) == (26, 10, 10)  # 90 s of 9 s each
    many = plan_soak(duration=200.0, rate=40.0, settles=True)
    assert (many.objects, many.warm_ups, many.warm_ups_again) == (120, 1, 4)
    assert plan_soak(duration=300.0, rate=5.8).warm_ups_again == 0
    assert plan_soak(duration=300.0, rate=5.8, settles=True, restarts=False).warm_ups_again == 0


@pytest.mark.parametrize(("settles", "most", "share"), [(False, 60.0, 0.25), (True, 90.0, 0.3)])
@pytest.mark.parametrize("seconds", [128.0, 240.0, 1800.0, 8 * HOUR])
def test_a_warm_up_takes_a_minute_or_a_tenth_of_a_soak_and_a_quarter_at_most_or_somewhat_more(
    seconds: float, *, settles: bool, most: float, share: float
) -> None:
    plan = plan_soak(duration=seconds, rate=0.5, settles=settles)
    for rounds in (plan.warm_ups, plan.warm_ups_again):
        taken = rounds * plan.round_s
        assert taken <= min(max(most, seconds / 10), seconds * share)
    assert plan.warm_ups > 0


def test_a_soak_that_is_too_short_for_a_verdict_has_no_warm_up() -> None:
    assert plan_soak(duration=120.0, rate=1.0).warm_ups == 0


def test_a_token_is_rotated_in_soaks_of_25_minutes_and_more() -> None:
    assert plan_soak(duration=24 * 60, rate=1.0).replaced_after == 0
    for minutes in (25, 30):
        plan = plan_soak(duration=minutes * 60, rate=1.0)
        assert (plan.replaced_after, plan.revoked_after, plan.cycles) == (14, 15, 20)


def test_a_token_is_revoked_before_one_that_lives_for_an_hour_would_be_replaced() -> None:
    plan = plan_soak(duration=8 * HOUR, rate=1.0)
    assert plan.revoked_after * plan.cycle_s <= 0.8 * HOUR - 480
    assert (plan.revoked_after - plan.replaced_after) * plan.cycle_s >= plan.overlap_s == 75.0


def test_a_long_warm_up_brings_the_revocation_forward() -> None:
    for seconds in (HOUR, 8 * HOUR):
        plan = plan_soak(duration=seconds, rate=0.5, settles=True)
        after_middle = plan.revoked_after > plan.cycles // 2
        rounds = plan.warm_ups + plan.warm_ups_again * after_middle
        assert rounds * plan.round_s + plan.revoked_after * plan.cycle_s <= 0.8 * HOUR - 480


@pytest.mark.parametrize("seconds", [24, 80, 160])
def test_a_shorter_soak_rotates_if_it_is_asked_to(seconds: float) -> None:
    plan = plan_soak(duration=seconds, rate=1.0, overlap_s=10.0)
    assert 1 <= plan.replaced_after < plan.revoked_after < plan.cycles
    assert plan.overlap_s == 10.0


def test_disk_use_is_that_of_all_cycles_together() -> None:
    minute, short = estimate(plan_soak(duration=600.0, rate=20.0))
    same_minute, long = estimate(plan_soak(duration=8 * HOUR, rate=20.0))
    assert short == pytest.approx(10 * minute, rel=0.01)
    assert long == pytest.approx(480 * same_minute, rel=0.01)
    assert same_minute < minute, "longer cycles"


def test_a_soak_that_would_fill_the_disk_is_refused_before_it_begins(tmp_path: Path) -> None:
    fits = plan_soak(duration=128.0, rate=1.0)
    refuse_full_disk(fits, tmp_path)
    with pytest.raises(HarnessError, match="are free in"):
        refuse_full_disk(plan_soak(duration=1e9, rate=1e6), tmp_path)


def test_no_cycle_begins_on_a_disk_that_is_nearly_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for free, begins in ((257 * MIB, True), (255 * MIB, False)):
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr("shutil.disk_usage", lambda _, usage=usage: usage)
        assert (nearly_full(tmp_path) == "") is begins
    assert "255 MiB are free" in nearly_full(tmp_path)


def test_a_soak_too_short_for_a_verdict_says_so_before_it_begins() -> None:
    assert too_few(plan_soak(duration=128.0, rate=20.0)) == ""
    assert too_few(plan_soak(duration=0.0, rate=20.0)) == ""
    assert "needs 16: --duration 128" in too_few(plan_soak(duration=60.0, rate=20.0))
    assert too_few(plan_soak(duration=480.0, rate=20.0), settles=True) == ""
    short = too_few(plan_soak(duration=479.0, rate=20.0), settles=True)
    assert "--duration 480 at least, or pprof in target.yaml" in short


def test_used_counts_files_below(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"x" * MIB)
    assert used(tmp_path) >= MIB
