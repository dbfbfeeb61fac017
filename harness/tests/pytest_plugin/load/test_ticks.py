"""What is told of a load once a second."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from harness.cli.progress import _WIDTH
from harness.model.records import LoadTick
from harness.model.time import Stamp
from harness.pytest_plugin.load.live import Live
from harness.pytest_plugin.load.ticks import Ticks

if TYPE_CHECKING:
    from pathlib import Path

    from harness.pytest_plugin.context import Context

_MS = 1_000_000


def at(ms: int) -> Stamp:
    return Stamp(mono_ns=ms * _MS, wall_ns=ms * _MS)


def test_rates_are_those_since_the_tick_before_and_nothing_is_in_flight_below_zero(
    tmp_path: Path,
) -> None:
    told: list[LoadTick] = []
    context = SimpleNamespace(run=SimpleNamespace(samples=tmp_path), record=told.append)
    ticks = Ticks(cast("Context", context))
    live = Live([tmp_path / "arrivals-0.i64"], tmp_path / "events.i64")

    def tell(ms: int, *, due: int, unanswered: int) -> None:
        if ticks.is_due(at(ms), due=due, done=live.done):
            ticks.tell(
                "steady", at(ms), due=due, unanswered=unanswered, live=live, depth=lambda: 3.0
            )

    tell(0, due=10, unanswered=0)
    tell(900, due=50, unanswered=0)
    assert not told

    tell(2_000, due=110, unanswered=4)
    tell(3_000, due=160, unanswered=-3)

    assert [tick.rate_per_s for tick in told] == [50.0, 50.0]
    assert [tick.in_flight for tick in told] == [4, 0]
    assert {tick.queue_depth for tick in told} == {3.0}


def test_the_line_in_the_terminal_tells_all_figures_in_plain_numbers_and_fits() -> None:
    tick = LoadTick(
        stamp=at(0),
        phase="growth-custom-resources-1600",
        rate_per_s=4000,
        completed_per_s=3999.6,
        in_flight=100_000,
        p50_ms=1234.5,
        p99_ms=98_765.4,
        queue_depth=99_999,
        operator_cpu=1.4,
    )
    assert tick.line == (
        "growth-custom-resources-1600: 4000/s, 4000/s done, 100000 in flight, "
        "p50 1234 ms, p99 98765 ms, queue 99999, operator 140% CPU"
    )
    assert len(tick.line) <= _WIDTH
