"""What all benchmarks say: a line for each figure, and how it goes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Figures", "tell"]


def tell(text: str) -> None:
    """Says how it goes, on standard error."""
    print(text, file=sys.stderr, flush=True)


class Figures:
    """Prints figures and keeps the samples that they rest on.

    Args:
        folder: Where the samples go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.held = True
        folder.mkdir(parents=True, exist_ok=True)

    def say(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        least: float | None = None,
        most: float | None = None,
        bounds: tuple[float, float] | None = None,
    ) -> None:
        """Prints a line: `name value unit goal holds|falls-short`; "- -" without a goal."""
        shown = f"{value:.3f}"
        if bounds is not None:
            shown += f"[{bounds[0]:.3f}..{bounds[1]:.3f}]"
        verdict, goal = "-", "-"
        if least is not None or most is not None:
            holds = (least is None or value >= least) and (most is None or value <= most)
            goal = f">={least:g}" if least is not None else f"<={most:g}"
            verdict = "holds" if holds else "falls-short"
            self.held &= holds
        print(f"{name} {shown} {unit} {goal} {verdict}", flush=True)

    def keep(self, name: str, samples: object) -> None:
        """Writes raw samples as JSON."""
        (self._folder / f"{name}.json").write_bytes(msgspec.json.encode(samples))
