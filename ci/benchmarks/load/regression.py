"""Is a slower build found, and is an equal one left alone? Bar 7 of `make bench-load`.

`harness compare` runs the synthetic operator and its slow-down in turn, ten times, each on a
cluster of its own; a trial finds it if the 95 % interval of the p50 lies wholly above 0 %. The
slow-down is 5 % of the p50 that two equal builds have in one long run, by a longer service.
False alarms are counted on 2,000 comparisons that are resampled from the blocks of that run. All
rules are constants below.

A line for each figure, as soon as it is known:

    name value unit goal holds|falls-short     ("- -" for figures without a goal)

A stopped program goes on by `--resume FOLDER`: blocks that were run are not run again. Run folders
with their raw stamps stay there, and the blocks of each run as JSON.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from benchmarks.lab import fresh
from benchmarks.telling import Figures, tell

from harness import command
from harness.analysis.load.alarms import false_alarms
from harness.analysis.load.bootstrap import exact_rate
from harness.evidence.folder import RunFolder
from harness.model.comparison import BlockRow, Comparison, Direction
from harness.reporting import read_result
from harness.tests.runner.synthetic import write_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.comparison import Change

_TRIALS, _LEAST_FOUND = 10, 9
_PAIRS, _EQUAL_PAIRS = 8, 20
"""Of a trial, and of the run of equal builds: 40 blocks."""
_RATE, _SECONDS = 50, 6
_WORKERS, _SERVICE_MS = 4, 20
_SLOWER_PERCENT = 5
_FIGURE = "p50"
_RESAMPLED, _MOST_ALARMS_PERCENT = 2_000, 5.0
_EQUAL = "equal"
_RUN_S = 900.0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One run of `harness compare`, as it is kept.

    Attributes:
        exit_code: Of the command.
        comparison: Its answer.
        blocks: In the order in which they ran.
    """

    exit_code: int
    comparison: Comparison
    blocks: tuple[BlockRow, ...]

    @property
    def change(self) -> Change | None:
        """Of the figure; None where too few pairs were left."""
        return next((item for item in self.comparison.changes if item.name == _FIGURE), None)

    @property
    def finds(self) -> bool:
        """Whether head is proven worse."""
        change = self.change
        if change is None or self.comparison.doubts:
            return False
        return change.direction is Direction.WORSE


class Bench:
    """Runs the parts that aren't there yet.

    Args:
        folder: Where all is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.figures = Figures(self._folder)

    def part(self, name: str) -> Part | None:
        """Returns a part that was run; None where it wasn't."""
        file = self._folder / f"{name}.json"
        return msgspec.json.decode(file.read_bytes(), type=Part) if file.exists() else None

    def run(self, name: str) -> Part:
        """Runs a part, and keeps it.

        Raises:
            SystemExit: Nothing was compared.
        """
        base = self._target("base")
        head = base if name == _EQUAL else self._target("head")
        runs = self._folder / f"{name}-runs"
        pairs = _EQUAL_PAIRS if name == _EQUAL else _PAIRS
        words = ("--rate", _RATE, "--duration", _SECONDS, "--blocks", pairs)
        gate = ("--gate", f"{_FIGURE}<=0%")
        done = command.run(
            (
                *(sys.executable, "-P", "-m", "harness", "compare", base, head),
                *(*map(str, words), *gate, "--runs", runs),
            ),
            timeout=_RUN_S,
            check=False,
        )
        result = read_result(RunFolder((runs / "latest").resolve()).result_file)
        if not result.comparisons or result.load is None:
            sys.exit(f"{name}: the run ended with {done.exit_code}\n{done.tail}")
        part = Part(
            exit_code=done.exit_code,
            comparison=result.comparisons[0],
            blocks=result.load.blocks,
        )
        self.figures.keep(name, part)
        return part

    def _slow_down(self) -> float:
        """Returns how much longer the service must take, in percent, for the p50 to be 5 % longer.

        Raises:
            SystemExit: The p50 of equal builds isn't known.
        """
        equal = self.part(_EQUAL)
        if equal is None or equal.change is None:
            sys.exit(f"the p50 of equal builds must be known first: --parts {_EQUAL}")
        found = _SLOWER_PERCENT * equal.change.base / _SERVICE_MS
        self.figures.say("seeded-slow-down", found, "%-of-service")
        return found

    def _target(self, name: str) -> Path:
        folder = self._folder / name
        if (folder / "target.yaml").exists():
            return folder
        return write_target(
            folder,
            workers=_WORKERS,
            service_time=f"{_SERVICE_MS}ms",
            slow_down_percent=0 if name == "base" else self._slow_down(),
        )


def tell_change(bench: Bench, name: str, part: Part) -> None:
    """Prints by how much the figure differs."""
    change = part.change
    if change is not None:
        low, high = (100 * bound for bound in change.worsening)
        bench.figures.say(f"{_FIGURE}-{name}", 100 * change.point, "%", bounds=(low, high))
    for remark in (*part.comparison.doubts, part.comparison.caveat):
        if remark:
            tell(f"{name}: {remark}")


def tell_alarms(bench: Bench, equal: Part) -> None:
    """Prints how often equal builds are called different."""
    blocks = [row.figures for row in equal.blocks if row.figures is not None and not row.limit]
    bench.figures.say("equal-blocks", len(blocks), "1", least=2 * _EQUAL_PAIRS)
    found = false_alarms(blocks, pairs=_PAIRS, figure=_FIGURE, trials=_RESAMPLED)
    for name, most in (("worse", _MOST_ALARMS_PERCENT), ("better", None)):
        rate = found[name]
        bounds = (100 * rate.low, 100 * rate.high)
        title = "false-alarms" if name == "worse" else "falsely-better"
        bench.figures.say(title, 100 * rate.share, "%", most=most, bounds=bounds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    names = [_EQUAL, *(f"trial-{number}" for number in range(1, _TRIALS + 1))]
    parser.add_argument("--parts", default=",".join(names), help="which runs, by commas")
    parser.add_argument("--resume", type=Path, help="folder of a program that was stopped")
    parser.add_argument("--output", type=Path, default=Path("bench-load"), help="for raw samples")
    given = parser.parse_args(arguments)
    bench = Bench(given.resume or fresh(given.output, "regression"))
    for name in given.parts.split(","):
        if name not in names:
            parser.error(f"there is no part {name}; there are {', '.join(names)}")
        part = bench.part(name) or bench.run(name)
        tell_change(bench, name, part)
        if name == _EQUAL:
            tell_alarms(bench, part)
    trials = [part for name in names[1:] if (part := bench.part(name)) is not None]
    if len(trials) < _TRIALS:
        tell(f"{len(trials)} of {_TRIALS} trials have been run")
        return 0 if bench.figures.held else 1
    times = sum(part.finds for part in trials)
    rate = exact_rate(times, _TRIALS)
    bench.figures.say("slow-down-found", times, f"of-{_TRIALS}", least=_LEAST_FOUND)
    bench.figures.say("power", 100 * rate.share, "%", bounds=(100 * rate.low, 100 * rate.high))
    return 0 if bench.figures.held else 1


if __name__ == "__main__":
    sys.exit(main())
