"""Is a small leak of heap found, and a healthy operator left alone? Bar 1 of `make bench-soak`.

The synthetic operator is soaked in 20 cycles of 10 s, six times with a leak of 1 MiB in the soak or
16 B a reconcile, whichever is more, and six times without. From these soaks 2,000 traces of either
kind are resampled and judged by the same function. A line for each figure:

    name value unit goal holds|falls-short     ("- -" for figures without a goal)

    leak-<n>, clean-<n>    growth of the live heap, with its interval
    leaks-found            soaks in which the live heap is called leaking
    clean-accused          healthy soaks in which anything is
    power, false-alarms    the same of resampled traces, with Clopper-Pearson bounds

Three soaks go on at a time (`--lanes`), leaking and healthy ones in turn: what disturbs, disturbs
both. Soaks are kept: `--resume FOLDER` runs only those that aren't there, `--parts leak-1` some of
them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.telling import tell
from resampling import SENTENCE, Trace, resampled
from soaks import CYCLES, Soak, Soaks, begin, per_cycle, side_by_side, start

from harness.analysis.load.bootstrap import exact_rate
from harness.analysis.soak.audited import with_watches
from harness.analysis.soak.leaks import Churn
from harness.analysis.soak.signals import last_life, signals
from harness.model.soakresult import LeakVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMES, TRIALS = 6, 2_000
LANES = 3
SECONDS, RATE = 200, 20
LEAST_POWER, MOST_ALARMS = 95.0, 1.0
LEAKING, CLEAN = "leak", "clean"
PARTS = [f"{kind}-{number}" for number in range(1, TIMES + 1) for kind in (LEAKING, CLEAN)]

_MIB, _EACH = 1 << 20, 16
_PIECE = 16  # the leak comes in multiples of that
_SERVICES, _RECONCILES = 2, 3  # of each object: its delete is a reconcile, but served is nothing
_HEAP = "live heap"


def leak_bytes() -> int:
    """Returns the bytes that each service must leave behind."""
    objects = CYCLES * per_cycle(rate=RATE, seconds=SECONDS)
    total = max(_MIB, _EACH * _RECONCILES * objects)
    return -(-total // (_SERVICES * objects) // _PIECE) * _PIECE


def run(soaks: Soaks, name: str) -> Soak:
    """Runs a part or finds it, and prints the growth of its heap."""
    kind, _, number = name.rpartition("-")
    seeded = leak_bytes() if kind == LEAKING else 0
    found = soaks.soak(name, seconds=SECONDS, rate=RATE, seed=int(number), leak_bytes=seeded)
    signal = found.signal(_HEAP)
    if signal is not None:
        steps = len(signal.values) - signal.warm_up
        bounds = (signal.low * steps / _MIB, signal.high * steps / _MIB)
        soaks.say(name, signal.growth / _MIB, "MiB", bounds=bounds)
    return found


def trace(soak: Soak) -> Trace:
    """Returns what was sampled in a soak, as its verdict is made from."""
    evidence = soak.evidence
    life = last_life(with_watches(evidence, evidence.plateaus()))
    decide, _, _ = signals(life)
    churn = Churn(reconciles=soak.soak.reconciles, objects=soak.soak.objects)
    return Trace(signals=tuple(decide), churn=churn)


def conclude(soaks: Soaks, leaking: Sequence[Soak], clean: Sequence[Soak]) -> None:
    """Prints what was found in all soaks, and in traces of them."""
    found = sum(soak.leaks(_HEAP) for soak in leaking)
    accused = sum(bool(soak.leaking) for soak in clean)
    cleared = sum(soak.soak.verdict is LeakVerdict.NO_LEAK for soak in clean)
    soaks.say("leaks-found", found, f"of-{TIMES}", least=TIMES)
    soaks.say("clean-accused", accused, f"of-{TIMES}", most=0)
    soaks.say("clean-cleared", cleared, f"of-{TIMES}", least=TIMES)
    judged = [item.judge() for item in resampled([trace(s) for s in leaking], trials=TRIALS)]
    hits = sum(
        any(s.name == _HEAP and s.verdict is LeakVerdict.LEAK for s in item.signals)
        for item in judged
    )
    judged = [item.judge() for item in resampled([trace(s) for s in clean], trials=TRIALS, seed=1)]
    alarms = sum(item.verdict is LeakVerdict.LEAK for item in judged)
    for name, times, least, most in (
        ("power", hits, LEAST_POWER, None),
        ("false-alarms", alarms, None, MOST_ALARMS),
    ):
        rate = exact_rate(times, TRIALS)
        bounds = (100 * rate.low, 100 * rate.high)
        soaks.say(name, 100 * rate.share, "%", least=least, most=most, bounds=bounds)
    print(f"# {SENTENCE}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short."""
    soaks, wanted, given = begin(__doc__, PARTS, arguments, lanes=LANES)
    if given.lanes > 1:
        side_by_side(soaks, __file__, wanted, lanes=given.lanes)
    for name in wanted:
        run(soaks, name)
    there = {name: found for name in PARTS if (found := soaks.kept(name)) is not None}
    if len(there) < len(PARTS):
        tell(f"{len(there)} of {len(PARTS)} soaks have been run")
        return 0 if soaks.figures.held else 1
    kinds = [[there[f"{kind}-{n}"] for n in range(1, TIMES + 1)] for kind in (LEAKING, CLEAN)]
    conclude(soaks, *kinds)
    return 0 if soaks.figures.held else 1


if __name__ == "__main__":
    sys.exit(start(main))
