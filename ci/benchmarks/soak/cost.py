"""What does a soak cost, and does the harness leak itself? Bar 5 of `make bench-soak`.

On the soak of bar 7 if it is in the folder, else on one of 15 minutes of the synthetic operator;
with `--full` on one of an hour. All processes of the harness are sampled once a second. A line for
each figure, `name value unit goal holds|falls-short`:

    cpu-<process>         of a core, from the first cycle that counts to the last
    cpu                   of all but the load generator and the watch receiver
    rss-<process>         growth a quarter of an hour, with its interval; at rest after each cycle
    detectable-<process>  the smallest growth a quarter of an hour that would have shown
    growing               how many of those that `cpu` sums up grow at 1 % (Holm)

Prometheus, which keeps what it scrapes, is shown, and isn't counted among the growing ones. The
soak is kept: with `--resume FOLDER` it isn't run again.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import thirdparty
from soaks import Soak, Soaks, begin, start

from harness.analysis.soak.leaks import warm_up
from harness.analysis.soak.trend import LEAST, holm, trends
from harness.evidence.columns import read_columns
from harness.model.records import HARNESS_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.evidence.columns import Columns

OWN, FULL = "cost", "cost-full"
SECONDS, FULL_SECONDS, RATE = 900, 3600, 20
MOST_CPU_PERCENT = 5.0
LOADING = "load-"
"""Load generator and watch receiver."""

KEEPS = frozenset({"prometheus"})
_ALPHA = 0.01
_MIB, _QUARTER_S, _NS = 1 << 20, 900.0, 1e9


class Use(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A process while a soak went on.

    Attributes:
        cpu_percent: Of a core.
        rss: Bytes at rest, one a cycle that counts.
    """

    cpu_percent: float
    rss: NDArray[np.float64]


def choose(soaks: Soaks, *, full: bool) -> Soak:
    """Returns the soak on which it is measured; runs one where there is none."""
    if full:
        return soaks.soak(FULL, seconds=FULL_SECONDS, rate=RATE)
    found = soaks.kept(thirdparty.TARGET)
    return found or soaks.soak(OWN, seconds=SECONDS, rate=RATE)


def uses(samples: Mapping[str, Columns], rests_ns: NDArray[np.int64]) -> dict[str, Use]:
    """Returns what each process used that was there all the time.

    Args:
        samples: By name.
        rests_ns: When the operator was at rest, one a cycle that counts.
    """
    found = {}
    for name, columns in samples.items():
        at = np.array(columns["mono_ns"], np.int64)
        rows = np.searchsorted(at, rests_ns, side="right") - 1
        if len(at) == 0 or rows[0] < 0 or at[-1] < rests_ns[-1] - _NS:
            continue
        cpu = np.array(columns["cpu_ns"], float)[rows]
        seconds_ns = float(at[rows[-1]] - at[rows[0]])
        found[name] = Use(
            cpu_percent=100 * float(cpu[-1] - cpu[0]) / seconds_ns,
            rss=np.array(columns["rss_bytes"], float)[rows],
        )
    return found


def say_cpu(soaks: Soaks, found: Mapping[str, Use]) -> None:
    """Prints each process's share of a core, and that of all that must be small."""
    for name, use in sorted(found.items()):
        soaks.say(f"cpu-{name}", use.cpu_percent, "%")
    ours = [use.cpu_percent for name, use in found.items() if not _loads(name)]
    soaks.say("cpu", sum(ours), "%", most=MOST_CPU_PERCENT)


def _loads(name: str) -> bool:
    return name.startswith(LOADING)


def say_memory(soaks: Soaks, found: Mapping[str, Use], *, cycle_s: float) -> None:
    """Prints each process's growth, and how many grow.

    Args:
        soaks: Prints.
        found: Each with at least 14 cycles.
        cycle_s: Length of one.
    """
    names = sorted(found)
    made = trends(np.array([found[name].rss for name in names]))
    judged = [row for row, name in enumerate(names) if name not in KEEPS and not _loads(name)]
    adjusted = dict(zip(judged, holm(made.p[judged]), strict=True))
    scale = _QUARTER_S / cycle_s / _MIB
    for row, name in enumerate(names):
        bounds = (float(made.low[row]) * scale, float(made.high[row]) * scale)
        soaks.say(f"rss-{name}", float(made.slope[row]) * scale, "MiB", bounds=bounds)
        soaks.say(f"detectable-{name}", float(made.detectable[row]) * scale, "MiB")
    growing = [row for row in judged if adjusted[row] <= _ALPHA and made.low[row] > 0]
    soaks.say("growing", len(growing), f"of-{len(judged)}", most=0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short."""
    soaks, _, given = begin(
        __doc__,
        (OWN,),
        arguments,
        more=lambda parser: parser.add_argument("--full", action="store_true", help="an hour"),
    )
    soak = choose(soaks, full=given.full)
    plateaus = soak.evidence.plateaus()
    stamps = np.array(sorted({item.stamp.mono_ns for item in plateaus}), np.int64)
    counted = stamps[warm_up(len(stamps)) :]
    if len(counted) < LEAST:
        sys.exit(f"{soak.name}: {len(counted)} cycles are too few")
    prefix = f"{HARNESS_SAMPLES}-"
    files = sorted(soak.run.samples.glob(f"{prefix}*.i64"))
    samples = {file.stem.removeprefix(prefix): read_columns(file) for file in files}
    found = uses(samples, counted)
    say_cpu(soaks, found)
    cycle_s = float(counted[-1] - counted[0]) / _NS / (len(counted) - 1)
    say_memory(soaks, found, cycle_s=cycle_s)
    return 0 if soaks.figures.held else 1


if __name__ == "__main__":
    sys.exit(start(main))
