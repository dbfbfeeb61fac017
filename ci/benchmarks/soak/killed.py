"""What is lost when the harness is killed in the middle of a soak? Bar 6 of `make bench-soak`.

`kill -9` of the run's process as soon as objects are created in the eighth of twenty cycles. Its
guard then ends all the rest. A line for each figure, `name value unit goal holds|falls-short`:

    lost-<evidence>    from the last stamp on disk to the kill; 0 where something later is there
    lost               the most of these
    judged             1 where `harness report` judges the run
    cycles             that it judges, of seven that were complete

The run is kept: with `--resume FOLDER` it is only judged again.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import msgspec
import psutil
from benchmarks.telling import tell
from soaks import Soaks, begin, start

from harness import command
from harness.clock import SYSTEM_CLOCK
from harness.evidence.columns import read_columns
from harness.evidence.folder import RunFolder
from harness.evidence.reader import Evidence
from harness.model.verdict import ExitCode
from harness.reporting import read_result
from harness.tests.runner.synthetic import write_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

PART = "killed"
SECONDS, RATE = 200, 20
CYCLE = 8
MOST_LOST_S = 2.0
_START_S, _REST_S, _REPORT_S = 400.0, 30.0, 120.0
_NS = 1e9
_STREAMS = ("process-synthetic", "harness-pytest-soak", "control-plane-kube-apiserver")


class Killed(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was killed, as it is kept.

    Attributes:
        run: Run folder, as seen from the folder of all.
        mono_ns: When it was killed.
        wall_ns: The same on the wall clock.
    """

    run: str
    mono_ns: int
    wall_ns: int


def kill(soaks: Soaks) -> Killed:
    """Runs a soak and kills the harness in it.

    Raises:
        SystemExit: It ended, or took too long, before that.
    """
    target = write_target(soaks.folder / PART)
    runs = soaks.folder / f"{PART}-runs"
    load = ("--duration", str(SECONDS), "--rate", str(RATE))
    words = ("run", "--suite", "soak", *load, "--target", target, "--output", runs)
    read, write = os.pipe()
    process = command.spawn(
        (sys.executable, "-P", "-m", "harness", *words),
        env=command.environment({"PYTHONUNBUFFERED": "1"}),
        stdout=write,
        stderr=write,
    )
    os.close(write)
    overdue = threading.Timer(_START_S, process.kill)
    overdue.start()
    try:
        with os.fdopen(read, encoding="utf-8", errors="replace") as lines:
            if not await_cycle(lines):
                sys.exit(f"{PART}: the run ended before cycle {CYCLE}")
            rest = psutil.Process(process.pid).children(recursive=True)
            now = SYSTEM_CLOCK.now()
            process.send_signal(signal.SIGKILL)
            process.wait(_REST_S)
            _, left = psutil.wait_procs(rest, timeout=_REST_S)
            if left:
                sys.exit(f"{PART}: {len(left)} processes outlive the harness")
    finally:
        overdue.cancel()
        if process.poll() is None:
            process.kill()
            process.wait(_REST_S)
    run = (runs / "latest").resolve()
    killed = Killed(
        run=os.path.relpath(run, soaks.folder), mono_ns=now.mono_ns, wall_ns=now.wall_ns
    )
    soaks.figures.keep(PART, killed)
    return killed


def await_cycle(lines: Iterable[str]) -> bool:
    """Reads on until objects are created in the cycle; whether that came."""
    return any(f"cycle-{CYCLE}-create" in line for line in lines)


def kept(soaks: Soaks) -> Killed | None:
    """Returns the run that was killed before; None where there was none."""
    file = soaks.folder / f"{PART}.json"
    return msgspec.json.decode(file.read_bytes(), type=Killed) if file.exists() else None


def last_stamps(run: RunFolder) -> dict[str, int]:
    """Returns the latest instant of each stream of evidence, on the monotonic clock.

    Only of those that go on without a pause while objects are created.
    """
    found = {}
    for name in _STREAMS:
        found[name] = _last(run.samples / f"{name}.i64", "mono_ns")
    found["arrivals"] = _last(run.load_arrivals_file(0), "acknowledged_ns")
    found["events"] = _last(run.load_events_file, "received_ns")
    return found


def _last(file: Path, column: str) -> int:
    if not file.exists():
        return 0
    return max((int(value) for value in read_columns(file)[column]), default=0)


def lost_s(stamps: Mapping[str, int], killed_ns: int) -> dict[str, float]:
    """Returns how much of each stream is missing before the kill, in seconds."""
    return {name: max(0.0, (killed_ns - last) / _NS) for name, last in stamps.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where it falls short."""
    soaks, _, _ = begin(__doc__, (PART,), arguments)
    killed = kept(soaks) or kill(soaks)
    run = RunFolder(soaks.folder / killed.run)
    lost = lost_s(last_stamps(run), killed.mono_ns)
    audited = Evidence(run).calls().last_ns
    lost["audit-log"] = max(0.0, (killed.wall_ns - audited) / _NS)
    for name, seconds in lost.items():
        soaks.say(f"lost-{name}", seconds, "s")
    soaks.say("lost", max(lost.values()), "s", most=MOST_LOST_S)
    words = (sys.executable, "-P", "-m", "harness", "report", run.path)
    done = command.run(words, timeout=_REPORT_S, check=False)
    tell(f"{PART}: harness report ended with {done.exit_code}\n{done.tail}")
    decided = {ExitCode.PASS, ExitCode.FAIL, ExitCode.INCONCLUSIVE, ExitCode.INTERRUPTED}
    soak = read_result(run.result_file).soak if run.result_file.exists() else None
    soaks.say("judged", done.exit_code in decided and soak is not None, "1", least=1)
    soaks.say("cycles", soak.cycles if soak is not None else 0, "1", least=CYCLE - 1)
    return 0 if soaks.figures.held else 1


if __name__ == "__main__":
    sys.exit(start(main))
