"""Bar 7: what was run is not run again, and its lines say whether the goals are met."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from harness.analysis.load.comparison import compare
from harness.model.comparison import BASE, HEAD, Block, BlockRow
from harness.pytest_plugin.load.interleaved import order
from harness.tests.repository.programs import load_benchmark

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    return load_benchmark("regression")


def write_part(
    benchmark: ModuleType, folder: Path, name: str, *, pairs: int, slower: float
) -> None:
    """Keeps a run of blocks whose p50 differs by 1 % for no reason."""
    random = np.random.default_rng(len(name) + ord(name[-1]))
    rows, sides = [], {BASE: list[Block](), HEAD: list[Block]()}
    for side, number in order(pairs):
        p50 = 25 * (1 + (slower if side == HEAD else 0)) * float(np.exp(random.normal(0, 0.01)))
        figures = Block(p50_ms=p50, throughput_per_s=50)
        sides[side].append(figures)
        rows.append(BlockRow(side=side, number=number, arrivals=300, unfinished=0, figures=figures))
    found = compare(sides[BASE], sides[HEAD])
    part = benchmark.Part(exit_code=0, comparison=found, blocks=tuple(rows))
    (folder / f"{name}.json").write_bytes(msgspec.json.encode(part))


@pytest.mark.parametrize("missed", [0, 1, 2])
def test_nine_of_ten_slow_downs_must_be_found(
    benchmark: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    missed: int,
) -> None:
    word, code = ("holds", 0) if missed < 2 else ("falls-short", 1)
    write_part(benchmark, tmp_path, "equal", pairs=20, slower=0.0)
    for number in range(1, 11):
        slower = -0.05 if number <= missed else 0.05
        write_part(benchmark, tmp_path, f"trial-{number}", pairs=6, slower=slower)
    assert benchmark.main(["--resume", str(tmp_path)]) == code
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert lines["slow-down-found"][1:] == [f"{10 - missed}.000", "of-10", ">=9", word]
    assert lines["equal-blocks"][1:] == ["40.000", "1", ">=40", "holds"]
    assert lines["false-alarms"][-2:] == ["<=5", "holds"]
    assert set(lines) >= {"p50-equal", "p50-trial-1", "p50-trial-10", "power"}


def test_the_seeded_slow_down_is_of_the_p50_not_of_the_service(
    benchmark: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made: dict[str, object] = {}
    monkeypatch.setattr(benchmark, "write_target", lambda _, **asked: made.update(asked))
    bench = benchmark.Bench(tmp_path)
    with pytest.raises(SystemExit, match="the p50 of equal builds must be known first"):
        bench._target("head")
    write_part(benchmark, tmp_path, "equal", pairs=20, slower=0.0)
    bench._target("base")
    assert made["slow_down_percent"] == 0
    bench._target("head")
    assert made["slow_down_percent"] == pytest.approx(5 * 25 / 20, rel=0.02)
    assert capsys.readouterr().out.startswith("seeded-slow-down 6.")


def test_nothing_is_said_of_trials_before_all_were_run(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_part(benchmark, tmp_path, "trial-1", pairs=6, slower=0.05)
    assert benchmark.main(["--resume", str(tmp_path), "--parts", "trial-1"]) == 0
    told = capsys.readouterr()
    assert told.out.split()[0] == "p50-trial-1"
    assert "slow-down-found" not in told.out
    assert "1 of 10 trials" in told.err
