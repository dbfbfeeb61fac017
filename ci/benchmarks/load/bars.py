"""`make bench-load`: the bars of the load suite, one after the other; `BARS=1,4` for some.

Each is a program of its own, which prints a line for each figure as soon as it has it:
`name value unit goal holds|falls-short`. A run that is stopped keeps the lines that it printed, and
the raw samples in the output folder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.dispatch import chosen, run_all

_PROGRAMS = {
    "1": ("creates.py", "--bars", "1"),
    "2": ("truth.py", "--bars", "2"),
    "3": ("truth.py", "--bars", "3"),
    "4": ("knee.py",),
    "5": ("truth.py", "--bars", "5"),
    "6": ("causes.py",),
    "7": ("regression.py",),
    "8": ("scale.py",),
    "9": ("creates.py", "--bars", "9"),
    "10": ("figures.py",),
}


def main() -> int:
    """Runs the bars; returns 1 where a goal isn't met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("bars", nargs="?", default="", help="which, by commas; all if not given")
    parser.add_argument("--output", default="bench-load", help="folder for raw samples")
    options = parser.parse_args()
    programs = chosen(parser, options.bars, _PROGRAMS)
    return run_all(Path(__file__).parent, programs, "--output", options.output)


if __name__ == "__main__":
    sys.exit(main())
