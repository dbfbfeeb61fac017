"""What operators do under load: figures, knee and bottleneck. Bar 10 of `make bench-load`.

Runs the load suite as it is by default (knee, two minutes at 70 % of it, one burst) on each of
the operators under test, prints a line for each figure, and writes docs/load-figures.md, where each
operator has a section that is replaced when its run ends:

    name value unit goal holds|falls-short     ("- -" for figures without a goal)

    figures-<operator>  whether its run came to a knee, latencies at 70 % of it, and a bottleneck
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lab import fresh
from benchmarks.telling import Figures, tell

from harness import command
from harness.evidence.folder import RunFolder
from harness.model.load import PhaseRole
from harness.model.verdict import ExitCode
from harness.reporting import read_result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.model.loadresult import LoadResult
    from harness.model.measurement import Measurement
    from harness.model.operatorfigures import OperatorFigures
    from harness.model.result import RunResult

_ROOT = Path(__file__).parents[3]
_PAGE = _ROOT / "docs" / "load-figures.md"
_TARGETS = ("guestbook", "reference", "prometheus-operator")
_RUN_S = 900.0
_SHOWN = (
    ("knee", "knee"),
    ("load_latency_p50", "latency at 70 % of the knee, p50"),
    ("load_latency_p90", "p90"),
    ("load_latency_p99", "p99"),
    ("load_reconcile_p50", "of that, from the echo of the write on, p50"),
    ("load_api_write_p50", "of that, the API server's answer, p50"),
    ("load_send_lag_p99", "of that, the generator's own delay, p99"),
    ("load_throughput", "throughput at 70 % of the knee"),
    ("burst_throughput", "throughput of a burst of 200"),
    ("burst_drain", "until that burst is done"),
)
_PRINTED = frozenset({"knee", "load_latency_p50", "load_latency_p99", "burst_drain"})
_FACTS = frozenset({"CPU", "Memory", "Cluster", "Binaries (cache)"})
_INTRODUCTION = """# Figures of operators under load

Made by `make bench-load BARS=10`, which runs

    harness run --suite load --target operators_under_test/NAME

for each of them and writes this page (`ci/benchmarks/load/figures.py --targets NAME` for one). They
are figures of one machine, on which operator, control plane and load generator run side by side,
and of a `local` cluster, whose Pods are simulated. What they mean is told in [load.md](load.md);
latencies are from the intended time until the object is ready. The knee's interval is the bracket
in which it lies.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where a figure is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--targets", default=",".join(_TARGETS), help="names, by commas")
    parser.add_argument("--output", type=Path, default=Path("bench-load"), help="for run folders")
    given = parser.parse_args(arguments)
    folder = fresh(given.output, "figures").resolve()
    figures = Figures(folder)
    for name in given.targets.split(","):
        result = _run(name, folder / name)
        _say(figures, name, result)
        write_section(_PAGE, name, section(name, result))
    return 0 if figures.held else 1


def _run(name: str, output: Path) -> RunResult:
    target = _ROOT / "operators_under_test" / name
    words = ("run", "--suite", "load", "--target", target, "--output", output)
    done = command.run((sys.executable, "-P", "-m", "harness", *words), timeout=_RUN_S, check=False)
    if done.exit_code not in (ExitCode.PASS, ExitCode.FAIL, ExitCode.INCONCLUSIVE):
        sys.exit(f"{name}: the run ended with {done.exit_code}\n{done.tail}")
    tell(f"{name}: {done.tail}")
    return read_result(RunFolder((output / "latest").resolve()).result_file)


def _say(figures: Figures, name: str, result: RunResult) -> None:
    found = {item.name: item for item in result.measurements}
    for key in _PRINTED & found.keys():
        item = found[key]
        bounds = None if item.low is None or item.high is None else (item.low, item.high)
        figures.say(f"{key.replace('_', '-')}-{name}", item.value, item.unit, bounds=bounds)
    load = result.load
    missing = len(_PRINTED - found.keys()) + int(load is None or load.bottleneck is None)
    figures.say(f"missing-{name}", missing, "1", most=0)


def section(name: str, result: RunResult) -> str:
    """Returns an operator's section, as Markdown."""
    found = {item.name: item for item in result.measurements}
    load = result.load
    lines = [
        f"## {name}",
        "",
        f"On {result.run.started[:10]}, seed {result.run.seed}; the run's verdict was "
        f"{result.verdict}.",
        "",
        "| figure | value | 95 % interval | samples |",
        "|---|---|---|---|",
        *(_row(title, found[key]) for key, title in _SHOWN if key in found),
        *(_operator(load) if load is not None else ()),
        "",
    ]
    if load is not None:
        lines += list(_words(load))
    lines += ["", "| run on | |", "|---|---|"]
    lines += [
        f"| {fact.name} | {fact.value} |" for fact in result.environment if fact.name in _FACTS
    ]
    return "\n".join(lines) + "\n"


def _row(title: str, item: Measurement) -> str:
    least = "at least " if item.at_least else ""
    bounds = "" if item.low is None else f"{_short(item.low)} to {_open(item.high)}"
    return f"| {title} | {least}{_short(item.value)} {item.unit} | {bounds} | {item.n} |"


def _operator(load: LoadResult) -> Iterator[str]:
    """Rows of what the operator says of itself in the steady phase."""
    steady = {p.name for p in load.phases if p.role == PhaseRole.MEASURE and p.rate_per_s}
    for item in load.operator:
        if item.phase in steady:
            yield from _told(item)


def _told(item: OperatorFigures) -> Iterator[str]:
    for queue in item.queues:
        for title, value, unit in (
            ("mean queue wait", queue.queue_wait_ms, "ms"),
            ("mean time of a reconcile", queue.work_ms, "ms"),
        ):
            if value is not None:
                yield f"| {queue.queue}: {title} | {_short(value)} {unit} | exact | {queue.taken} |"
        if queue.utilisation is not None:
            workers = f"{queue.workers} workers" if queue.workers != 1 else "one worker"
            yield f"| {queue.queue}: {workers} busy | {queue.utilisation:.0%} | exact | |"
    if item.api_calls_per_reconcile is not None:
        yield f"| API calls a reconcile | {item.api_calls_per_reconcile:.2f} | exact | |"
    if item.cpu_cores is not None:
        yield f"| CPU | {item.cpu_cores:.2f} cores | exact | |"


def _words(load: LoadResult) -> Iterator[str]:
    if load.knee is not None:
        knee = load.knee
        found = "none" if knee.per_s is None else f"{_short(knee.per_s)}/s"
        yield f"Knee: {found}, {knee.state}, after {knee.seconds:.0f} s; {knee.reason}."
        yield ""
    if load.bottleneck is not None:
        yield f"Bottleneck: **{load.bottleneck.cause}**."
        yield ""
        yield from (f"- {line}" for line in load.bottleneck.evidence)
        others = ", ".join(load.bottleneck.others)
        if others:
            yield f"- signs of these were seen, too: {others}"


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"  # noqa: PLR2004 - 3 digits


def _open(value: float | None) -> str:
    return "unknown" if value is None else _short(value)


def write_section(page: Path, name: str, text: str) -> None:
    """Replaces an operator's section of a page, or adds it; makes the page where there is none."""
    old = page.read_text(encoding="utf-8") if page.exists() else ""
    _, *parts = re.split(r"^(?=## )", old, flags=re.MULTILINE)
    sections = {part.splitlines()[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}
    sections[name] = text
    order = sorted(sections, key=lambda key: (*_TARGETS, key).index(key))
    page.write_text("\n".join([_INTRODUCTION, *(sections[key] for key in order)]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
