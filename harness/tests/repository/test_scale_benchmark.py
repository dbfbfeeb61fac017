"""Bar 8: a recorded run is as large as asked for and judged whole; what was measured is summed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.analysis import load_result
from harness.analysis.load.join import NEVER
from harness.evidence.reader import Evidence
from harness.model.verdict import ExitCode
from harness.runner.conclude import conclude
from harness.tests.repository.programs import load_benchmark

if TYPE_CHECKING:
    from types import ModuleType

ARRIVALS = 5_000
MS = 1_000_000


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    return load_benchmark("scale")


def test_a_recorded_run_has_as_many_arrivals_and_passes(
    benchmark: ModuleType, tmp_path: Path
) -> None:
    run = benchmark.make_run(tmp_path, ARRIVALS)
    result = conclude(run)
    assert result.exit_code == ExitCode.PASS
    load = load_result(Evidence(run))
    assert load is not None
    assert sum(phase.arrived.done for phase in load.phases) == ARRIVALS
    assert not load.problems
    assert len(load.operator) == len(load.phases), "a page at both bounds of each"
    assert {series.name for series in result.series} >= {"cpu", "cpu_harness", "latency"}


def test_memory_is_what_was_added_by_what_is_in_flight(benchmark: ModuleType) -> None:
    held = [(0, 50_000, 20_000), (1000, 550_000, 20_000), (2000, 750_000, 60_000)]
    taken = [
        benchmark.Holding(in_flight=count, bytes={"receiver": one, "suite": other})
        for count, one, other in held
    ]
    total, slope, each = benchmark.memory(taken)
    assert each == {"receiver": 350.0, "suite": 20.0}
    assert total == pytest.approx(370)
    assert slope == pytest.approx(240), "of the parts after the first"


def test_a_watch_may_be_ahead_of_the_answer_and_what_it_never_showed_is_counted(
    benchmark: ModuleType,
) -> None:
    acknowledged = np.array([10, 20, 30]) * MS
    lags, unseen = benchmark.lags_ms(acknowledged, np.array([15 * MS, 18 * MS, NEVER]))
    assert lags.tolist() == [-2.0, 5.0]
    assert unseen == 1


def test_a_part_that_is_not_there_is_refused(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(["--parts", "all", "--output", str(tmp_path)])
    assert "there is no part all; there are report, live" in capsys.readouterr().err
