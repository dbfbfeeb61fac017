"""Does the harness bear many objects and many samples? Bar 8 of `make bench-load`.

On a local cluster 10,000 custom resources of the synthetic operator are created while it is
stopped (SIGSTOP), so that all of them are in flight at once. Then it serves them, and while they
live, 50 of them are updated a second. Beside that a run folder with a million arrivals (`recorded`)
is judged and rendered by `harness report`, in a process of its own.

A line for each figure, as soon as it is known:

    name value unit goal holds|falls-short     ("- -" for figures without a goal)

    watch-lag           of the updates: the own write seen by the watch, less its answer
    memory-per-object   anonymous memory of all of the run's Python processes (runner, guard, suite,
                        watch receiver, load generator), by what is in flight: all of the growth
                        since the operator was stopped, or the slope over the four parts in which
                        they came, whichever is more (what Python had kept free hides the growth of
                        the first); then the share of each process
    report-*            wall and CPU seconds from the start of the process to its end, and its peak
                        resident set (VmHWM); the worst of three

`--parts report,live` chooses; samples and run folders stay in the output folder.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from benchmarks.lab import Lab, fresh
from benchmarks.telling import tell
from recorded import make_run

from harness import command
from harness.analysis.load.join import NEVER
from harness.analysis.load.percentiles import nearest_rank
from harness.clock import SYSTEM_CLOCK
from harness.evidence.columns import read_columns
from harness.model.verdict import ExitCode
from harness.tests.runner.synthetic import Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["Holding", "lags_ms", "memory"]

SUITE = Path(__file__).parent / "suites" / "scale"
_OBJECTS, _RATE, _SECONDS = 10_000, 50, 60
_LAG_MS, _BYTES = 100.0, 512.0
_SAMPLES, _TIMES = 1_000_000, 3
_REPORT_S, _REPORT_MIB, _PAGE_MB = 5.0, 400.0, 3.0
_TIMEOUT_S = 300.0
_NS, _MS = 1e9, 1e6
_OK = 200
_PARTS = ("report", "live")


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What the harness held at an instant.

    Attributes:
        in_flight: Arrivals that were accepted and aren't done.
        bytes: Anonymous memory by process.
    """

    in_flight: int
    bytes: dict[str, int]


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a report took.

    Attributes:
        exit_code: That of the run's verdict.
    """

    cpu_s: float
    peak_mib: float
    exit_code: int
    wall_s: float = 0.0


def memory(taken: Sequence[Holding]) -> tuple[float, float, dict[str, float]]:
    """Returns bytes for each object in flight.

    Args:
        taken: The first with nothing in flight.

    Returns:
        All of the growth by what is in flight at last; the slope over all but the first, by least
        squares; the growth of each process by what is in flight.
    """
    first, last = taken[0], taken[-1]
    count = last.in_flight - first.in_flight
    each = {name: (last.bytes[name] - first.bytes[name]) / count for name in last.bytes}
    flying = [item.in_flight for item in taken[1:]]
    held = [sum(item.bytes.values()) for item in taken[1:]]
    return sum(each.values()), float(np.polyfit(flying, held, 1)[0]), each


def lags_ms(
    acknowledged_ns: NDArray[np.int64], echoed_ns: NDArray[np.int64]
) -> tuple[NDArray[np.float64], int]:
    """Returns how far the watch was behind each answer, ascending, and how many it never showed.

    It may be ahead: then the lag is below 0.
    """
    seen = echoed_ns < NEVER
    return np.sort((echoed_ns[seen] - acknowledged_ns[seen]) / _MS), int((~seen).sum())


def live(lab: Lab, *, objects: int, rate: float, seconds: float) -> None:
    """Watch lag and memory, on a cluster."""
    load = ("--burst", str(objects), "--rate", str(rate), "--duration", str(seconds))
    run = Truth(
        *lab.run(
            "live",
            *("--suite", SUITE, *load),
            workers=16,
            service_time="1ms",
        )
    )
    taken = msgspec.convert(run.facts["memory"], list[Holding])
    total, slope, each = memory(taken)
    lab.figures.keep("memory", taken)
    lab.say("in-flight", taken[-1].in_flight, "1", least=objects)
    lab.say("memory-per-object", max(total, slope), "B", most=_BYTES)
    lab.say("memory-growth-per-object", total, "B")
    lab.say("memory-slope-per-object", slope, "B")
    for name, value in each.items():
        lab.say(f"memory-per-object-{name}", value, "B")
    _say_lags(lab, run, objects)


def _say_lags(lab: Lab, run: Truth, objects: int) -> None:
    updates = run.phases["updates"]
    footprint = read_columns(run.folder.load / "receiver.i64")
    counts = zip(footprint["mono_ns"], footprint["objects"], strict=True)
    there = [count for at, count in counts if updates.span.start.mono_ns <= at]
    lab.say("live-objects", min(there, default=0), "1", least=objects)
    rows = run.rows("updates")
    lab.say("updates", len(rows), "1")
    rows = rows[run.arrivals.status[rows] == _OK]
    lab.say("failed-updates", updates.arrivals - len(rows), "1", most=0)
    lags, unseen = lags_ms(run.arrivals.acknowledged_ns[rows], run.joined.echoed_ns[rows])
    lab.figures.keep("watch-lags-ms", lags.tolist())
    lab.say("unseen-updates", unseen, "1", most=0)
    for q in (0.5, 0.99):
        most = _LAG_MS if q > 0.5 else None  # noqa: PLR2004 - the median is told only
        value = float(lags[nearest_rank(q, len(lags))])
        lab.say(f"watch-lag-p{q * 100:g}", value, "ms", most=most)
    lab.say("watch-lag-max", float(lags[-1]), "ms")


def report(lab: Lab, samples: int) -> None:
    """Time and memory of a report."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tell(f"recording {samples} arrivals")
        run = make_run(Path(folder), samples)
        taken = [_reported(run.path) for _ in range(_TIMES)]
        lab.figures.keep("reports", taken)
        lab.say("report-samples", samples, "1")
        lab.say("report-wall", max(item.wall_s for item in taken), "s", most=_REPORT_S)
        lab.say("report-cpu", max(item.cpu_s for item in taken), "s", most=_REPORT_S)
        peak = max(item.peak_mib for item in taken)
        lab.say("report-peak-memory", peak, "MiB", most=_REPORT_MIB)
        size = (run.path / "report.html").stat().st_size
        lab.say("report-html", size / 1e6, "MB", most=_PAGE_MB)


def _reported(run: Path) -> Taken:
    program = Path(__file__).with_name("measured.py")
    start = SYSTEM_CLOCK.now().mono_ns
    done = command.run((sys.executable, "-P", program, "report", run), timeout=_TIMEOUT_S)
    wall_s = (SYSTEM_CLOCK.now().mono_ns - start) / _NS
    told = msgspec.json.decode(done.output.splitlines()[-1], type=Taken)
    if told.exit_code != ExitCode.PASS:
        sys.exit(f"the report ended with {told.exit_code}\n{done.tail}")
    return msgspec.structs.replace(told, wall_s=wall_s)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--parts", default=",".join(_PARTS), help="some of report, live")
    parser.add_argument("--objects", type=int, default=_OBJECTS, help="that live")
    parser.add_argument("--rate", type=float, default=_RATE, help="updates a second")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="of updates")
    parser.add_argument("--samples", type=int, default=_SAMPLES, help="of the report")
    parser.add_argument("--output", type=Path, default=Path("bench-load"), help="for raw samples")
    given = parser.parse_args(arguments)
    lab = Lab(fresh(given.output, "scale"))
    for part in _chosen(parser, given.parts.split(",")):
        if part == "report":
            report(lab, given.samples)
        else:
            live(lab, objects=given.objects, rate=given.rate, seconds=given.seconds)
    return 0 if lab.figures.held else 1


def _chosen(parser: argparse.ArgumentParser, parts: Iterable[str]) -> Iterable[str]:
    for part in parts:
        if part not in _PARTS:
            parser.error(f"there is no part {part}; there are {', '.join(_PARTS)}")
    return parts


if __name__ == "__main__":
    sys.exit(main())
