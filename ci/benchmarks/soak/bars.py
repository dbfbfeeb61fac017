"""`make bench-soak`: the bars of the soak suite, one after the other; `BARS=1,2` for some.

Each is a program of its own, which prints a line for each figure as soon as it has it:
`name value unit goal holds|falls-short`. All keep their soaks in one folder, whose name is told
first: with `RESUME=folder` what is there is not run again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.dispatch import chosen, run_all
from benchmarks.lab import fresh
from benchmarks.telling import tell

_PROGRAMS = {
    "1": ("leaks.py",),
    "2": ("kinds.py",),
    "3": ("calm.py",),
    "4": ("reference.py",),
    "7": ("thirdparty.py",),
    "5": ("cost.py",),  # on the soak of bar 7, where there is one
    "6": ("killed.py",),
}


def main() -> int:
    """Runs the bars; returns 1 where a goal isn't met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("bars", nargs="?", default="", help="which, by commas; all if not given")
    parser.add_argument("--output", type=Path, default=Path("bench-soak"), help="for run folders")
    parser.add_argument("--resume", type=Path, help="folder of a program that was stopped")
    parser.add_argument("--full", action="store_true", help="bar 5 takes an hour")
    options = parser.parse_args()
    programs = chosen(parser, options.bars, _PROGRAMS)
    folder = options.resume or fresh(options.output, "soaks")
    tell(f"What is run is kept in {folder}; RESUME={folder} goes on with it")
    full = ("--full",) if options.full else ()
    programs = [(*words, *(full if words[0] == "cost.py" else ())) for words in programs]
    return run_all(Path(__file__).parent, programs, "--resume", str(folder))


if __name__ == "__main__":
    sys.exit(main())
