"""Runs the programs of some bars, one after the other, each as if it had been started by itself."""

from __future__ import annotations

import runpy
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["chosen", "run_all"]


def chosen(
    parser: ArgumentParser, bars: str, programs: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """Returns the programs of some bars, by commas, with their words; all if none is named.

    Raises:
        SystemExit: There is no such bar.
    """
    wanted = [bar for bar in bars.split(",") if bar] or list(programs)
    unknown = [bar for bar in wanted if bar not in programs]
    if unknown:
        parser.error(f"there is no bar {', '.join(unknown)}; there are {', '.join(programs)}")
    return [programs[bar] for bar in wanted]


def run_all(folder: Path, programs: Sequence[tuple[str, ...]], *words: str) -> int:
    """Runs them with more words; returns the highest exit code.

    Args:
        folder: Where they lie.
        programs: Each with words of its own.
        words: For each.
    """
    return max([_run(folder / name, *own, *words) for name, *own in programs])


def _run(path: Path, *words: str) -> int:
    sys.argv = [str(path), *words]
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr, flush=True)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
