"""Soaks that are run once and kept: what all programs of the soak benchmarks share."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml
from benchmarks.lab import Lab, fresh
from benchmarks.telling import tell

from harness.evidence.folder import RunFolder
from harness.evidence.reader import Evidence
from harness.guard import launcher
from harness.model.soakresult import LeakVerdict
from harness.model.verdict import ExitCode
from harness.reporting import read_result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.model.result import RunResult
    from harness.model.soakresult import GrowingSite, SoakResult, SoakSignal

__all__ = [
    "CYCLES",
    "OBJECTS_SHARE",
    "Kept",
    "Soak",
    "Soaks",
    "begin",
    "per_cycle",
    "side_by_side",
    "start",
    "without_pprof",
]

CYCLES = 20
"""Of each soak of less than half an hour."""

OBJECTS_SHARE = 0.3
"""Of a cycle, for which objects are created at the rate, and changed likewise."""

_END_S = 120.0  # of a lane that is asked to end: its run takes everything down
_MARGIN_S = 600.0  # beside the soak: the cluster's start, disturbances, a busy machine


def per_cycle(*, rate: float, seconds: float) -> int:
    """Returns how many objects each cycle has, of a soak of so many seconds."""
    return round(rate * seconds / CYCLES * OBJECTS_SHARE)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a soak beside its run folder.

    Attributes:
        run: Run folder, as seen from the folder of all.
        words: That were given.
    """

    run: str
    words: tuple[str, ...]


class Soak:
    """A soak that was run.

    Args:
        name: Of the part.
        run: Its run folder.
    """

    def __init__(self, name: str, run: RunFolder) -> None:
        self.name = name
        self.run = run
        self.result: RunResult = read_result(run.result_file)
        if self.result.soak is None:
            raise SystemExit(f"{name}: no cycle was complete: {self.result.sentence}")
        self.soak: SoakResult = self.result.soak

    @property
    def evidence(self) -> Evidence:
        """Of the run."""
        return Evidence(self.run)

    @property
    def leaking(self) -> tuple[SoakSignal, ...]:
        """Signals that are called leaking."""
        return tuple(item for item in self.soak.signals if item.verdict is LeakVerdict.LEAK)

    def signal(self, name: str) -> SoakSignal | None:
        """Returns a signal that decides; None where the operator has none of that name."""
        return next((item for item in self.soak.signals if item.name == name), None)

    def leaks(self, name: str) -> bool:
        """Whether a signal that decides is called leaking."""
        found = self.signal(name)
        return found is not None and found.verdict is LeakVerdict.LEAK

    def site(self, kind: str, words: str) -> GrowingSite | None:
        """Returns where a signal grew, if the most of it is at what these words are part of."""
        sites = [item for item in self.soak.sites if item.kind == kind]
        first = max(sites, key=lambda item: item.growth, default=None)
        return first if first is not None and words in first.function else None

    def describe(self) -> None:
        """Says how it ended, on standard error."""
        shown = [item.sentence for item in self.soak.signals if item.verdict != LeakVerdict.NO_LEAK]
        tell(f"{self.name}: {self.soak.verdict}; {'; '.join(shown) or self.result.sentence}")


class Soaks(Lab):
    """Runs soaks, each once: what is in the folder already is only read."""

    def kept(self, name: str) -> Soak | None:
        """Returns a soak that was run; None where it wasn't."""
        file = self.folder / f"{name}.json"
        if not file.exists():
            return None
        kept = msgspec.json.decode(file.read_bytes(), type=Kept)
        return Soak(name, RunFolder(self.folder / kept.run))

    def soak(
        self,
        name: str,
        *,
        seconds: float,
        rate: float,
        target: str | Path = "",
        twin: str = "",
        seed: int = 0,
        **settings: object,
    ) -> Soak:
        """Returns a soak, which is run now where it isn't kept.

        Args:
            name: Unique in the folder.
            seconds: Of all cycles together.
            rate: Arrivals a second.
            target: Another operator than the synthetic one.
            twin: Of the target; empty for the healthy one.
            seed: Of the run; 0 for any.
            settings: As in `write_target`.

        Raises:
            SystemExit: It could not be run, or had no complete cycle.
        """
        found = self.kept(name)
        if found is None:
            load = ("--duration", f"{seconds:g}", "--rate", f"{rate:g}")
            words = ("--suite", "soak", *load, *(("--seed", str(seed)) if seed else ()))
            words += ("--twin", twin) if twin else ()
            run, _ = self.run(
                name,
                *words,
                accept=ExitCode.FAIL,
                target=target,
                limit_s=2 * seconds + _MARGIN_S,
                **settings,
            )
            found = Soak(name, run)
            place = os.path.relpath(run.path, self.folder)
            self.figures.keep(name, Kept(run=place, words=words))
        found.describe()
        return found


def begin(
    about: str | None,
    parts: Sequence[str],
    arguments: Sequence[str] | None,
    *,
    lanes: int = 0,
    more: Callable[[argparse.ArgumentParser], object] = lambda _: None,
) -> tuple[Soaks, list[str], argparse.Namespace]:
    """Reads the command line of a program.

    Args:
        about: Its docstring.
        parts: All that it can run.
        arguments: None for those of the process.
        lanes: How many soaks go on at a time unless the user says otherwise; 0 for a program that
            can't have that.
        more: Adds options.

    Returns:
        Where soaks are run, which parts are wanted, and the options.
    """
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--parts", default=",".join(parts), help="which soaks, by commas")
    parser.add_argument("--resume", type=Path, help="folder of a program that was stopped")
    parser.add_argument("--output", type=Path, default=Path("bench-soak"), help="for run folders")
    if lanes:
        parser.add_argument("--lanes", type=int, default=lanes, help="soaks at a time")
    more(parser)
    given = parser.parse_args(arguments)
    wanted = [name for name in given.parts.split(",") if name]
    for name in wanted:
        if name not in parts:
            parser.error(f"there is no part {name}; there are {', '.join(parts)}")
    return Soaks(given.resume or fresh(given.output, "soaks")), wanted, given


def side_by_side(soaks: Soaks, program: str, parts: Sequence[str], *, lanes: int) -> None:
    """Runs those soaks that aren't there, some at a time, each lane by a process of its own.

    Args:
        soaks: Where they are kept.
        program: File of the program whose parts they are.
        parts: In the order in which they are begun.
        lanes: How many at a time.

    Raises:
        SystemExit: A lane has failed; the others have been run to their end.
    """
    missing = [name for name in parts if soaks.kept(name) is None]
    # Through the guard's launcher: a lane ends with us, whatever ends us.
    lane = (sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), sys.executable)
    words = (*lane, program, "--resume", str(soaks.folder), "--lanes", "1", "--parts")
    shares = [share for first in range(lanes) if (share := missing[first::lanes])]
    running: list[subprocess.Popen[bytes]] = []
    try:
        for share in shares:
            command = (*words, ",".join(share))
            running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        # Figures that fall short (1) are printed when all is there.
        if max([process.wait() for process in running], default=0) > 1:
            sys.exit(f"a lane of {Path(program).stem} has failed")
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()


def start(main: Callable[[], int]) -> int:
    """Runs a program so that SIGTERM ends it in order: a soak that it runs is ended with it."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    return main()


def without_pprof(folder: Path) -> Path:
    """Takes the profiler out of a target, so that the operator is judged by its process alone."""
    file = folder / "target.yaml"
    target = yaml.safe_load(file.read_text())
    for workload in target["workloads"]:
        workload.pop("pprof", None)
    file.write_text(yaml.safe_dump(target))
    return folder
