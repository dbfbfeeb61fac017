"""Is a leak found in an operator without metrics and profiler? Bar 4 of `make bench-soak`.

`reference` is Python on kopf: its memory in use decides, which is the resident memory without what
C's allocator keeps free. One soak of 20 cycles with a leak of 2 MiB, 8 KiB for each Noteboard that
goes; two without, all three at a time (`--lanes`). A line for each figure:

    name value unit goal holds|falls-short

    rss-<part>             growth of its memory in use, with its interval
    rss-<part>-detectable  the smallest that would have shown
    rss-<part>-resident    growth of its resident memory
    rss-leak-found         1 where the memory in use is called leaking
    rss-clean-accused      healthy soaks in which anything is

Soaks are kept: `--resume FOLDER` runs only those that aren't there, `--parts rss-leak` some.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.telling import tell
from soaks import CYCLES, Soak, Soaks, begin, per_cycle, side_by_side, start

from harness.analysis.soak.decision import SETTLING_S

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = int(SETTLING_S)
LEAKING, CLEAN = "rss-leak", ("rss-clean-1", "rss-clean-2")
LANES = 3
_EACH, _TOTAL = 8 << 10, 2 << 20
_OBJECTS = -(-_TOTAL // (_EACH * CYCLES))
RATE = 2.0
_MIB = 1 << 20
_IN_USE, _RESIDENT = "memory in use", "RSS"


def run(soaks: Soaks, name: str) -> Soak:
    """Runs a part or finds it, and prints by how much its memory grew."""
    twin = "leaks-memory" if name == LEAKING else ""
    found = soaks.soak(name, seconds=SECONDS, rate=RATE, target="reference", twin=twin)
    signal = found.signal(_IN_USE)
    if signal is None:
        sys.exit(f"{name}: its memory in use could not be read")
    steps = len(signal.values) - signal.warm_up
    bounds = (signal.low * steps / _MIB, signal.high * steps / _MIB)
    soaks.say(name, signal.growth / _MIB, "MiB", bounds=bounds)
    soaks.say(f"{name}-detectable", (signal.detectable or 0.0) / _MIB, "MiB")
    for beside in found.soak.beside:
        if beside.name == _RESIDENT:
            soaks.say(f"{name}-resident", beside.growth / _MIB, "MiB")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short."""
    soaks, wanted, given = begin(__doc__, (LEAKING, *CLEAN), arguments, lanes=LANES)
    made = per_cycle(rate=RATE, seconds=SECONDS)
    if made < _OBJECTS:
        sys.exit(f"{made} objects in a cycle leak less than 2 MiB; {_OBJECTS} are needed")
    if given.lanes > 1:
        side_by_side(soaks, __file__, wanted, lanes=given.lanes)
    for name in wanted:
        found = run(soaks, name)
        if name == LEAKING:
            soaks.say("rss-leak-found", found.leaks(_IN_USE), "1", least=1)
    clean = [soak for name in CLEAN if (soak := soaks.kept(name)) is not None]
    if len(clean) < len(CLEAN):
        tell(f"{len(clean)} of {len(CLEAN)} clean soaks have been run")
    else:
        accused = sum(bool(soak.leaking) for soak in clean)
        soaks.say("rss-clean-accused", accused, f"of-{len(CLEAN)}", most=0)
    return 0 if soaks.figures.held else 1


if __name__ == "__main__":
    sys.exit(start(main))
