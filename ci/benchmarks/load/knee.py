"""Is the knee where the operator's capacity is? Bar 4 of `make bench-load`.

The truth is made first: the synthetic operator under endless backlog, its services a second counted
in its own log. Then the load suite searches for the knee of the same operator, once for each seed.
A line for each figure, as its run ends:

    name value unit goal holds|falls-short     ("- -" for figures without a goal)

    capacity        services a second under endless backlog
    write-latency   of the status write, mean: the service time must be at least 20 times that
    knee-<seed>     the highest sustained rate that was found, and how far it is from the capacity
    seconds-<seed>  how long the search took

Run folders stay in the output folder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench import TRUTH
from benchmarks.lab import Lab, fresh

from harness.reporting import read_result
from harness.tests.runner.synthetic import Truth

if TYPE_CHECKING:
    from collections.abc import Sequence

_NS = 1e9
_BACKLOG_RATE, _COUNT_S = 20, 20
_LEAST_RATIO = 20
_TOLERANCE, _LONGEST_S = 10.0, 240.0


def capacity(lab: Lab, *, workers: int, service_ms: float) -> float:
    """Measures and prints the truth: services a second."""
    load = ("--rate", str(_BACKLOG_RATE), "--duration", str(_COUNT_S))
    ran = lab.run(
        "capacity",
        *("--suite", TRUTH, "-k", "capacity", *load),
        workers=workers,
        service_time=f"{service_ms}ms",
        endless="true",
    )
    run = Truth(*ran)
    start, end = run.facts["counted_ns"]
    rows = run.log.served.between(start, end)
    found: float = len(rows) / ((end - start) / _NS)
    written = float((rows["finished_ns"] - rows["service_ended_ns"]).mean()) / 1e6
    lab.say("capacity", found, "1/s")
    lab.say("write-latency", written, "ms", most=service_ms / _LEAST_RATIO)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--service-ms", type=float, default=100.0)
    parser.add_argument("--output", type=Path, default=Path("bench-load"), help="for raw samples")
    given = parser.parse_args(arguments)
    lab = Lab(fresh(given.output, "knee"))
    true = capacity(lab, workers=given.workers, service_ms=given.service_ms)
    for seed in given.seeds.split(","):
        folder, _ = lab.run(
            f"seed-{seed}",
            *("--suite", "load", "--profile", "knee", "--seed", seed),
            workers=given.workers,
            service_time=f"{given.service_ms}ms",
        )
        load = read_result(folder.result_file).load
        knee = load.knee if load is not None else None
        if knee is None or knee.per_s is None:
            sys.exit(f"seed {seed}: no knee was found{': ' + knee.reason if knee else ''}")
        lab.say(f"knee-{seed}", knee.per_s, "1/s")
        lab.say(f"knee-{seed}-error", 100 * abs(knee.per_s / true - 1), "%", most=_TOLERANCE)
        lab.say(f"seconds-{seed}", knee.seconds, "s", most=_LONGEST_S)
    return 0 if lab.figures.held else 1


if __name__ == "__main__":
    sys.exit(main())
