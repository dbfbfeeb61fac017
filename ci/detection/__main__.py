"""`make detection`: runs every faulty twin and every healthy operator, and prints the matrix.

Twins that only a soak or a load finds take minutes: benchmarks and tests of their own run them.

Outcomes are kept in harness-runs/detection/results.ndjson, a line for each finished run. What ran
before on the same sources isn't run again (--fresh runs all), so a series that was stopped goes on
where it was. matrix.md and matrix.json beside it hold the matrix.

A twin that its checks don't find, a finding on a healthy operator, a run without an answer, and a
check of the catalogue that has neither a twin nor an exemption fail it. Exit codes: 0 all holds,
1 something fails, 2 stopped, 4 nothing matches.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from detection.matrix import Matrix, markdown, matrix, row
from detection.plan import Job, Outcome, fingerprint, jobs, known, sampled
from detection.running import Pool
from detection.twins import EXEMPTIONS, exemptions, twin_files, unproven

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="detection", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        default="",
        metavar="PATTERNS",
        help="runs whose name, or whose check, matches one of these: 'guestbook/* RBA-103'",
    )
    parser.add_argument("--sample", action="store_true", help="static twins and a few live ones")
    parser.add_argument("--fresh", action="store_true", help="take nothing from earlier runs")
    parser.add_argument(
        "--earlier", action="store_true", help="take what ran before on other sources, too"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=(os.cpu_count() or 1) + 1,
        metavar="N",
        help="runs at a time (default: one more than there are cores, as runs often wait)",
    )
    parser.add_argument("--output", type=Path, default=Path("harness-runs/detection"))
    parser.add_argument("--publish", type=Path, help="also write the matrix to this file")
    options = parser.parse_args(argv)
    if options.jobs < 1:
        parser.error("--jobs: at least one run at a time is needed")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what is asked for; returns the exit code."""
    options = _options(argv)
    every = jobs(theirs=not options.sample)
    chosen = [
        job for job in (sampled(every) if options.sample else every) if _meant(job, options.only)
    ]
    if not chosen:
        print(f"No run matches {options.only!r}.", file=sys.stderr)
        return 4
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = options.output.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    progress = _Progress(chosen)
    pool = Pool(folder, places=options.jobs, on_outcome=progress.tell)
    outcomes = {} if options.fresh else known(pool.results, chosen, earlier=options.earlier)
    progress.begin(outcomes)
    stopped = False
    try:
        outcomes |= pool.run(job for job in chosen if job.id not in outcomes)
    except KeyboardInterrupt:
        stopped = True
        outcomes = known(pool.results, chosen, earlier=options.earlier)
    found = _matrix(chosen, outcomes, complete=len(chosen) == len(every) == len(outcomes))
    _write(found, folder, options.publish)
    code = _conclude(found, folder)
    if stopped:
        print(f"Stopped. The finished runs are kept in {folder}.", file=sys.stderr)
    return 2 if stopped else code


def _matrix(chosen: Sequence[Job], outcomes: dict[str, Outcome], *, complete: bool) -> Matrix:
    exempt = exemptions(Path(__file__).with_name(EXEMPTIONS))
    done = [job for job in chosen if job.id in outcomes]
    return matrix(
        chosen,
        outcomes,
        unproven=unproven(twin_files(), exempt),
        exempt=exempt,
        complete=complete,
        earlier=[job.id for job in done if outcomes[job.id].fingerprint != fingerprint(job)],
    )


def _meant(job: Job, patterns: str) -> bool:
    """Whether one of the patterns names a job, or a check that its twin expects."""
    names = (job.id, *(job.twin.expect if job.twin is not None else ()))
    asked = patterns.replace(",", " ").split()
    return not asked or any(fnmatch(name, pattern) for name in names for pattern in asked)


class _Progress:
    """Tells of each run as it ends."""

    def __init__(self, chosen: Sequence[Job]) -> None:
        self._jobs = {job.id: job for job in chosen}
        self._done = 0

    def begin(self, outcomes: dict[str, Outcome]) -> None:
        """Says what is known already."""
        self._done = len(outcomes)
        kept = f", {len(outcomes)} of them known from earlier runs" if outcomes else ""
        print(f"{len(self._jobs)} runs{kept}.", flush=True)

    def tell(self, outcome: Outcome) -> None:
        """Prints the line of one run, and what it printed where it has no answer."""
        self._done += 1
        found = row(self._jobs[outcome.job], outcome)
        mark = "ok  " if found.holds else "FAIL"
        count = f"[{self._done}/{len(self._jobs)}]"
        print(f"{count} {mark} {found.job}: {found.words}, {found.seconds:.0f} s", flush=True)
        if outcome.said and not outcome.decided:
            print("\n".join(f"    {line}" for line in outcome.said.splitlines()), flush=True)


def _write(found: Matrix, folder: Path, publish: Path | None) -> None:
    text = markdown(found)
    (folder / "matrix.md").write_text(text, encoding="utf-8")
    (folder / "matrix.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    if publish is not None:
        publish.write_text(text, encoding="utf-8")


def _conclude(found: Matrix, folder: Path) -> int:
    print()
    for item in found.rows:
        if not item.holds:
            print(f"FAILED {item.job}: {item.words}")
    if found.unproven:
        print(f"FAILED checks without a twin: {', '.join(found.unproven)}")
    print(f"The matrix is in {folder / 'matrix.md'}.")
    print(f"{found.passed} passed, {found.failed} failed")
    return int(found.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
