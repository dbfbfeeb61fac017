"""Is there a verdict on an operator of somebody else, in half an hour? Bar 7 of `make bench-soak`.

prometheus-operator, 30 minutes, at a rate of its own. `make targets` builds it beforehand. A line
for each figure, `name value unit goal holds|falls-short`:

    verdict              1 where it is a leak or no leak, 0 where it stays open
    detectable-<signal>  the smallest growth over the soak that would have shown

The soak is kept: with `--resume FOLDER` it isn't run again.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from soaks import begin, start

from harness.model.soakresult import LeakVerdict
from harness.resources import bundled

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = "prometheus-operator"
SECONDS, RATE = 1800, 4.0
_PROGRAM = ("operators_under_test", TARGET, "bin", "operator")
_MIB = 1 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short, 2 where the operator isn't built."""
    soaks, wanted, _ = begin(__doc__, (TARGET,), arguments)
    for name in wanted:
        if soaks.kept(name) is None and not bundled(*_PROGRAM).exists():
            print(f"{'/'.join(_PROGRAM)} isn't there: `make targets` builds it.", file=sys.stderr)
            return 2
        found = soaks.soak(name, seconds=SECONDS, rate=RATE, target=TARGET)
        decided = found.soak.verdict is not LeakVerdict.INCONCLUSIVE
        soaks.say("verdict", decided, "1", least=1)
        for signal in found.soak.signals:
            title = f"detectable-{signal.name.replace(' ', '-')}"
            if signal.detectable is not None and signal.unit == "B":
                soaks.say(title, signal.detectable / _MIB, "MiB")
            elif signal.detectable is not None:
                soaks.say(title, signal.detectable, signal.unit)
    return 0 if soaks.figures.held else 1


if __name__ == "__main__":
    sys.exit(start(main))
