"""Does the same operator get the same verdict each time? `make bench-stability`.

Runs smoke in a row on an idle machine, then as often while a child process keeps one core busy.
Prints a line for each run as it ends, then a line for each figure:

    name value unit goal holds|falls-short     ("- -" for figures without a goal)

The same verdict means: decided by evidence (not an error of the harness), the same word and the
same set of failed checks. Run folders and results.ndjson, a line for each finished run, stay in
harness-runs/stability-<utc>/; Ctrl-C loses only the run in work. Exit codes: 0 every goal holds,
1 one falls short, 2 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import command
from harness.clock import SYSTEM_CLOCK
from harness.errors import CommandError
from harness.model.findings import Status
from harness.model.result import RunResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Figure", "Outcome", "figures"]

RUN_TIMEOUT_S = 600.0
"""Seconds for one smoke run; ten times what it takes on two cores."""
DECIDED = frozenset({"pass", "fail", "inconclusive"})
"""Verdicts about the operator; "error" and "interrupted" are about the run."""

SPIN = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: whatever ends its parent ends it
if os.getppid() != int(sys.argv[1]):
    sys.exit()
os.sched_setaffinity(0, {int(sys.argv[2])})
while True:
    pass
"""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one run ended.

    Attributes:
        load: "idle" or "busy".
        verdict: The word of result.json; "none" where there is no result.
        failed: Ids of the checks that failed.
        seconds: From start to exit.
        convergence_ms: Median over the run's convergences; None where there is none.
        folder: Of the run; empty where there is none.
    """

    load: str
    verdict: str
    failed: tuple[str, ...]
    exit_code: int
    seconds: float
    convergence_ms: float | None
    folder: str


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the summary; without a goal it is for information."""

    name: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def falls_short(self) -> bool:
        """Whether it has a goal and misses it."""
        return self.goal is not None and self.value < self.goal

    def __str__(self) -> str:
        goal, word = "-", "-"
        if self.goal is not None:
            goal, word = f"{self.goal:g}", "falls-short" if self.falls_short else "holds"
        return f"{self.name} {round(self.value, 1):g} {self.unit} {goal} {word}"


def figures(outcomes: Sequence[Outcome], *, runs: int) -> list[Figure]:
    """Returns the figures of both loads and of both together; `runs` were asked for of each."""
    found = []
    for load in ("idle", "busy"):
        chosen = [outcome for outcome in outcomes if outcome.load == load]
        found.append(_same(f"stability_{load}_same_verdict", chosen, runs))
    found.append(_same("stability_all_same_verdict", outcomes, 2 * runs))
    for load in ("idle", "busy"):
        chosen = [outcome for outcome in outcomes if outcome.load == load]
        found += _spread(f"stability_{load}_run", [item.seconds for item in chosen], "s")
        latencies = [item.convergence_ms for item in chosen if item.convergence_ms is not None]
        found += _spread(f"stability_{load}_convergence_latency", latencies, "ms")
    return found


def _same(name: str, outcomes: Sequence[Outcome], goal: int) -> Figure:
    """Counts the runs that ended as most did."""
    ends = Counter((item.verdict, item.failed) for item in outcomes if item.verdict in DECIDED)
    return Figure(name=name, value=max(ends.values(), default=0), unit=f"of_{goal}", goal=goal)


def _spread(name: str, values: Sequence[float], unit: str) -> list[Figure]:
    if not values:
        return []
    summary = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return [
        Figure(name=f"{name}_{word}", value=value, unit=unit) for word, value in summary.items()
    ]


def run_once(target: str, *, load: str, output: Path) -> Outcome:
    """Runs smoke once, in a process of its own, and reads how it ended."""
    argv = [sys.executable, "-m", "harness", "run", "--suite", "smoke", "--target", target]
    start = SYSTEM_CLOCK.now()
    try:
        done = command.run(
            [*argv, "--quiet", "--output", output], timeout=RUN_TIMEOUT_S, check=False
        )
        exit_code, said = done.exit_code, done.tail
    except CommandError as error:
        exit_code, said = -1, str(error)
    seconds = (SYSTEM_CLOCK.now().mono_ns - start.mono_ns) / 1e9
    file = output / "latest" / "result.json"
    if not file.is_file():
        print(said, file=sys.stderr)
    result = msgspec.json.decode(file.read_bytes(), type=RunResult) if file.is_file() else None
    return Outcome(
        load=load,
        verdict=result.verdict.value if result else "none",
        failed=failed_checks(result) if result else (),
        exit_code=exit_code,
        seconds=seconds,
        convergence_ms=convergence_ms(result) if result else None,
        folder=str(file.parent.resolve()) if result else "",
    )


def failed_checks(result: RunResult) -> tuple[str, ...]:
    """Returns the ids of the checks that failed, in order."""
    return tuple(sorted(item.check.id for item in result.checks if item.status is Status.FAIL))


def convergence_ms(result: RunResult) -> float | None:
    """Returns the median convergence latency of a run."""
    name = "convergence_latency_median"
    return next((item.value for item in result.measurements if item.name == name), None)


@contextlib.contextmanager
def busy_core() -> Iterator[int]:
    """Keeps one of our cores busy while the context lasts, and never longer; yields the pid."""
    core = max(os.sched_getaffinity(0))
    argv = [sys.executable, "-c", SPIN, str(os.getpid()), str(core)]
    spinner = command.spawn(argv, env=command.environment())
    try:
        yield spinner.pid
        if spinner.poll() is not None:
            raise CommandError(f"The process that kept core {core} busy ended by itself.")
    finally:
        spinner.send_signal(signal.SIGKILL)
        spinner.wait()


def measure(target: str, *, runs: int, folder: Path) -> Iterator[Outcome]:
    """Yields each run's outcome as it ends, and keeps it in results.ndjson."""
    for load in ("idle", "busy"):
        with busy_core() if load == "busy" else contextlib.nullcontext():
            for number in range(1, runs + 1):
                outcome = run_once(target, load=load, output=folder / f"{load}-{number:02}")
                with (folder / "results.ndjson").open("ab") as file:
                    file.write(msgspec.json.encode(outcome) + b"\n")
                print(describe(outcome, number, runs), flush=True)
                yield outcome


def describe(outcome: Outcome, number: int, runs: int) -> str:
    """Returns the line of one run."""
    failed = f" ({', '.join(outcome.failed)})" if outcome.failed else ""
    latency = outcome.convergence_ms
    converged = "" if latency is None else f", convergence latency {latency:.0f} ms"
    return (
        f"{outcome.load} {number}/{runs}: {outcome.verdict}{failed}, exit "
        f"{outcome.exit_code}, {outcome.seconds:.1f} s{converged}"
    )


def main() -> int:
    """Runs the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10, help="of each load (default: 10)")
    parser.add_argument("--target", default="guestbook", help="as in `harness run`")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs: at least one run is needed")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path("harness-runs").absolute() / f"stability-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder.mkdir(parents=True)
    try:
        outcomes = list(measure(options.target, runs=options.runs, folder=folder))
    except KeyboardInterrupt:
        print(f"Stopped. The finished runs are in {folder}.", file=sys.stderr)
        return 2
    lines = figures(outcomes, runs=options.runs)
    print("\n".join(map(str, lines)))
    print(f"The runs are in {folder}.", file=sys.stderr)
    return int(any(line.falls_short for line in lines))


if __name__ == "__main__":
    sys.exit(main())
