"""Is the knee where the operator's capacity is? Bar 4 of `make bench-load`.

The truth is made first: the synthetic operator under endless backlog, its services a second counted
in its own log. The service must take at least 20 times as long as the write after it; where it does
not on this machine, the truth is made again with a service that does, by half as much more, and
with as many more workers, so that the capacity stays. Then the load suite searches for the knee of
the same operator, once for each seed. A line for each figure, as its run ends:

    name value unit goal holds|falls-short     ("- -" for figures without a goal)

    capacity           services a second under endless backlog
    service            how long one takes
    write-latency      of the status write, mean
    service-by-write   the one by the other
    knee-<seed>        the highest sustained rate found, and how far it is from the capacity
    seconds-<seed>     how long the search took

Run folders stay in the output folder.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from bench import TRUTH
from benchmarks.lab import Lab, fresh

from harness.reporting import read_result
from harness.tests.runner.synthetic import Truth, written_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

_NS = 1e9
_BACKLOG_RATE, _COUNT_S = 20, 20
_LEAST_RATIO, _SPARE = 20, 1.5
_STEP_MS = 50.0
_TOLERANCE, _LONGEST_S = 10.0, 240.0


class _Operator(msgspec.Struct, frozen=True, kw_only=True):
    workers: int
    service_ms: float

    @property
    def settings(self) -> dict[str, object]:
        """As of a target."""
        return {"workers": self.workers, "service_time": f"{self.service_ms}ms"}

    def beside(self, write_ms: float) -> _Operator:
        """Returns itself, or one of the same capacity whose service dwarfs such a write."""
        if self.service_ms >= _LEAST_RATIO * write_ms:
            return self
        service = _STEP_MS * math.ceil(_SPARE * _LEAST_RATIO * write_ms / _STEP_MS)
        workers = round(self.workers * service / self.service_ms)
        return _Operator(workers=workers, service_ms=service)


def capacity(lab: Lab, operator: _Operator) -> tuple[float, float]:
    """Measures the truth: services a second, and the mean of a write in milliseconds."""
    load = ("--rate", str(_BACKLOG_RATE), "--duration", str(_COUNT_S))
    ran = lab.run(
        f"capacity-{operator.service_ms:g}ms",
        *("--suite", TRUTH, "-k", "capacity", *load),
        endless="true",
        **operator.settings,
    )
    run = Truth(*ran)
    start, end = run.facts["counted_ns"]
    rows = run.log.served.between(start, end)
    return len(rows) / ((end - start) / _NS), written_ms(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--service-ms", type=float, default=250.0)
    parser.add_argument("--output", type=Path, default=Path("bench-load"), help="for raw samples")
    given = parser.parse_args(arguments)
    lab = Lab(fresh(given.output, "knee"))
    first = _Operator(workers=given.workers, service_ms=given.service_ms)
    true, write_ms = capacity(lab, first)
    operator = first.beside(write_ms)
    if operator != first:
        true, write_ms = capacity(lab, operator)
    lab.say("capacity", true, "1/s")
    lab.say("service", operator.service_ms, "ms")
    lab.say("write-latency", write_ms, "ms")
    lab.say("service-by-write", operator.service_ms / write_ms, "1", least=_LEAST_RATIO)
    for seed in given.seeds.split(","):
        folder, _ = lab.run(
            f"seed-{seed}",
            *("--suite", "load", "--profile", "knee", "--seed", seed),
            **operator.settings,
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
