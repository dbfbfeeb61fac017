"""Is what holds an operator back told right, and nobody accused? Bar 6 of `make bench-load`.

The synthetic operator is overloaded, once for each cause that can be seeded; then it runs healthily
at half of what it can serve. A line for each run, as it ends:

    name value unit goal holds|falls-short

    cause-<name>    1 where the cause that was told is the one that was seeded
    clean-<seed>    1 where nothing was claimed
    right, claims   how many of the seeded causes were told; how many clean runs were accused

What the harness said, with its evidence, goes to standard error, and with the run folders into the
output folder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from benchmarks.lab import Lab, fresh
from benchmarks.telling import tell

from harness.model.loadresult import Attribution, Cause
from harness.model.verdict import ExitCode
from harness.reporting import read_result

if TYPE_CHECKING:
    from collections.abc import Sequence

SUITE = Path(__file__).parent / "suites" / "causes"
_STEADY = ("--suite", "load", "--profile", "steady")
_SHORT = ("--timeout", "converge=5")  # a backlog needn't be worked off
_CLEAN_RATE = 25
_CLEAN_S = 10


class Seeded(msgspec.Struct, frozen=True, kw_only=True):
    """An overload whose cause is known.

    Attributes:
        cause: What must be told.
        rate: Arrivals a second, more than the operator serves then.
        seconds: Of the overload; before it there are 5 s of the same as warm-up.
        settings: Of the operator.
        keyword: Of the suite's test that makes it; empty for the load suite's steady profile.
    """

    cause: Cause
    rate: int
    seconds: int = 8
    settings: dict[str, object]
    keyword: str = ""


SEEDED = {
    "one-worker": Seeded(
        cause=Cause.ONE_WORKER, rate=70, settings={"fault": "one-worker", "service_time": "20ms"}
    ),
    # Silent: no request waits for as long as client-go's log line needs.
    "client-side-throttling": Seeded(
        cause=Cause.CLIENT_THROTTLING,
        rate=70,
        seconds=6,
        settings={"fault": "client-side-throttling"},
    ),
    # 256 connections serve 85 writes a second of 3 s each.
    "slow-webhook": Seeded(
        cause=Cause.SLOW_WEBHOOK,
        rate=110,
        settings={"fault": "slow-webhook", "webhook_delay": "3s"},
    ),
    "burns-processor-time": Seeded(
        cause=Cause.CPU, rate=120, settings={"fault": "burns-processor-time"}
    ),
    # Four services each, so 40/s; without conflicts it would serve twice what arrives.
    "conflict-storm": Seeded(
        cause=Cause.CONFLICTS,
        rate=80,
        settings={"fault": "conflict-storm", "service_time": "20ms"},
    ),
    "starved-etcd": Seeded(
        cause=Cause.CLUSTER, rate=80, settings={"workers": 2}, keyword="starved"
    ),
    # Its signs are none of a cause's: it must be called unknown, or an hour is spent on workers.
    "stopped": Seeded(
        cause=Cause.UNKNOWN,
        rate=25,
        settings={"workers": 2, "service_time": "40ms", "stop": "6s"},
        keyword="stopped",
    ),
    # 5 % slower is nothing that one run can tell; several workers are busy.
    "slower-by-a-twentieth": Seeded(
        cause=Cause.WORKERS,
        rate=80,
        settings={"fault": "slower-by-a-twentieth", "workers": 2, "service_time": "40ms"},
    ),
}


def told(lab: Lab, name: str, *words: str | Path, **settings: object) -> Attribution:
    """Runs the operator, and returns what the harness says held it back."""
    folder, _ = lab.run(name, *words, accept=ExitCode.FAIL, **settings)
    load = read_result(folder.result_file).load
    found = load.bottleneck if load is not None else None
    if found is None:
        sys.exit(f"{name}: nothing was said about what held it back")
    lab.figures.keep(name, found)
    tell(f"{name}: {found.cause}; {'; '.join(found.evidence)}; others {list(found.others)}")
    return found


def seeded(lab: Lab, name: str) -> bool:
    """Runs an overload; prints and returns whether its cause was told."""
    case = SEEDED[name]
    load = ("--rate", str(case.rate), "--duration", str(case.seconds))
    words = ("--suite", SUITE, "-k", case.keyword) if case.keyword else _STEADY
    right = told(lab, name, *words, *load, *_SHORT, **case.settings).cause is case.cause
    lab.say(f"cause-{name}", right, "1", least=1)
    return right


def clean(lab: Lab, seed: int) -> bool:
    """Runs the operator at half of its capacity; prints and returns whether it was accused."""
    found = told(
        lab,
        f"clean-{seed}",
        *(*_STEADY, "--rate", str(_CLEAN_RATE), "--duration", str(_CLEAN_S), "--seed", str(seed)),
        workers=2,
        service_time="40ms",
    )
    lab.say(f"clean-{seed}", found.cause is Cause.NOTHING, "1", least=1)
    return found.cause is not Cause.NOTHING


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--causes", default=",".join(SEEDED), help="which are seeded")
    parser.add_argument("--clean", type=int, default=10, help="how many healthy runs")
    parser.add_argument("--output", type=Path, default=Path("bench-load"), help="for raw samples")
    given = parser.parse_args(arguments)
    lab = Lab(fresh(given.output, "causes"))
    names = [name for name in given.causes.split(",") if name]
    right = [seeded(lab, name) for name in names]
    if right:
        lab.say("right", sum(right), "1", least=len(right))
    accused = [clean(lab, seed) for seed in range(1, given.clean + 1)]
    if accused:
        lab.say("claims", sum(accused), "1", most=0)
    return 0 if lab.figures.held else 1


if __name__ == "__main__":
    sys.exit(main())
