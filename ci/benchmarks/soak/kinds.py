"""Are leaks that are rare found, with the right name? Bar 2 of `make bench-soak`.

Two soaks of the synthetic operator, each with two leaks: a goroutine at each 1,000th reconcile and
an orphan for each 10,000th object; a descriptor at each 1,000th reconcile and a watch whenever the
definition is made anew. A line for each figure:

    name value unit goal holds|falls-short

    objects                    of the first soak: 10,000 are needed for one orphan
    <kind>                     1 where it was found
    <kind>-named               1 where its stack, or the object, was told

Soaks are kept: `--resume FOLDER` runs only those that aren't there, `--parts goroutines` one.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from soaks import CYCLES, Soak, Soaks, begin, per_cycle, start

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS, RATE = 300, 120
PARTS = ("goroutines", "descriptors")
_EVERY = 667  # services, two of an object's three reconciles
_ORPHANS_OF = 10_000
_TASKS = "tasks.synthetic.operator-harness.example"


def goroutines(soaks: Soaks) -> None:
    """Runs the first soak or finds it, and prints what was found in it."""
    objects = CYCLES * per_cycle(rate=RATE, seconds=SECONDS)
    found = soaks.soak(
        "goroutines",
        seconds=SECONDS,
        rate=RATE,
        fault="leaves-an-orphan-in-10000",
        leak_goroutine_every=_EVERY,
    )
    soaks.say("objects", objects, "1", least=_ORPHANS_OF)
    soaks.say("goroutines", found.leaks("goroutines"), "1", least=1)
    named = found.site("goroutines", "leakGoroutine") is not None
    soaks.say("goroutines-named", named, "1", least=1)
    left = [kind for kind in found.soak.left if kind.kind == "ConfigMap"]
    soaks.say("orphan", bool(left), "1", least=1)
    named = any("/orphan-" in name for kind in left for name in kind.names)
    soaks.say("orphan-named", named, "1", least=1)


def descriptors(soaks: Soaks) -> None:
    """Runs the second soak or finds it, and prints what was found in it."""
    found = soaks.soak(
        "descriptors",
        seconds=SECONDS,
        rate=RATE,
        fault="leaks-watches",
        leak_descriptor_every=_EVERY,
    )
    soaks.say("descriptors", found.leaks("descriptors"), "1", least=1)
    named = found.site("descriptors", "/proc/version") is not None
    soaks.say("descriptors-named", named, "1", least=1)
    subjects = watches(found)
    soaks.say("watch", bool(subjects), "1", least=1)
    soaks.say("watch-named", set(subjects) == {_TASKS}, "1", least=1)


def watches(soak: Soak) -> list[str]:
    """Returns the resources of which a watch is said to be leaked with a new definition."""
    return [item.subject for item in soak.result.findings if item.check == "SOA-111"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short."""
    soaks, wanted, _ = begin(__doc__, PARTS, arguments)
    for name in wanted:
        {"goroutines": goroutines, "descriptors": descriptors}[name](soaks)
    return 0 if soaks.figures.held else 1


if __name__ == "__main__":
    sys.exit(start(main))
