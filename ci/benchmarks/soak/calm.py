"""Is what only looks like a leak called none? Bar 3 of `make bench-soak`.

Soaks of the synthetic operator with what grows and stops, or goes up and down:

    cache       grows to 8 MiB in the first half, and is flat then
    map         gets 16,384 keys in no order: it grows in steps, ever more rarely
    warm-up     garbage at each service; without a profiler, so that its memory decides
    sawtooth    the same, collected each two minutes only
    neighbour   a process of somebody else keeps one core busy from the middle on

A line for each figure, `name value unit goal holds|falls-short`:

    <name>      how many signals are called leaking

What was said of them goes to standard error. Soaks are kept: `--resume FOLDER` runs only those that
aren't there, `--parts cache` some of them.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from soaks import Soak, Soaks, begin, start, without_pprof

from harness import command
from harness.analysis.soak.decision import SETTLING_S
from harness.tests.runner.synthetic import write_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RATE = 40
_SETTLING_S = int(SETTLING_S)  # four teeth of two minutes
_JOIN_S = 10.0
_LEAD_S = 45.0  # until the first cycle


class Calm(msgspec.Struct, frozen=True, kw_only=True):
    """What isn't a leak.

    Attributes:
        fault: That is switched on; empty for none.
        seconds: Of the soak.
        profiled: Whether the operator has its profiler.
        neighbour: Whether somebody takes processor time.
    """

    fault: str = ""
    seconds: int = 200
    profiled: bool = True
    neighbour: bool = False


CALM = {
    "cache": Calm(fault="fills-a-cache"),
    "map": Calm(fault="grows-a-map"),
    "warm-up": Calm(fault="makes-garbage", seconds=_SETTLING_S, profiled=False),
    "sawtooth": Calm(fault="collects-every-two-minutes", seconds=_SETTLING_S, profiled=False),
    "neighbour": Calm(neighbour=True),
}


@contextmanager
def busy_neighbour(after_s: float) -> Iterator[None]:
    """Keeps one core busy, from so many seconds on, for as long as this process lives."""
    program = (
        "import os, time\n"
        "parent = os.getppid()\n"
        f"time.sleep({after_s})\n"
        "while os.getppid() == parent: pass"
    )
    process = command.spawn((sys.executable, "-c", program), env=command.environment())
    try:
        yield
    finally:
        process.kill()
        process.wait(_JOIN_S)


def run(soaks: Soaks, name: str) -> Soak:
    """Runs a part or finds it."""
    calm = CALM[name]
    if soaks.kept(name) is None and calm.neighbour:
        with busy_neighbour(_LEAD_S + calm.seconds / 2):
            return soaks.soak(name, seconds=calm.seconds, rate=_RATE)
    if calm.profiled or soaks.kept(name) is not None:
        return soaks.soak(name, seconds=calm.seconds, rate=_RATE, fault=calm.fault)
    target = without_pprof(write_target(soaks.folder / name, fault=calm.fault))
    return soaks.soak(name, seconds=calm.seconds, rate=_RATE, target=target)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short."""
    soaks, wanted, _ = begin(__doc__, tuple(CALM), arguments)
    for name in wanted:
        soaks.say(name, len(run(soaks, name).leaking), "1", most=0)
    return 0 if soaks.figures.held else 1


if __name__ == "__main__":
    sys.exit(start(main))
