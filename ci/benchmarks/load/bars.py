"""`make bench-load`: the bars of the load suite, one after the other; `BARS=1,4` for some.

Each is a program of its own, which prints a line for each figure as soon as it has it:
`name value unit goal holds|falls-short`. A run that is stopped keeps the lines that it printed, and
the raw samples in the output folder.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

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
    wanted = [bar for bar in options.bars.split(",") if bar] or list(_PROGRAMS)
    unknown = [bar for bar in wanted if bar not in _PROGRAMS]
    if unknown:
        parser.error(f"there is no bar {', '.join(unknown)}; there are {', '.join(_PROGRAMS)}")
    codes = [_run(*_PROGRAMS[bar], "--output", options.output) for bar in wanted]
    return max(codes)


def _run(program: str, *words: str) -> int:
    """Runs a program as if it had been started by itself; returns its exit code."""
    path = Path(__file__).with_name(program)
    sys.argv = [str(path), *words]
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
