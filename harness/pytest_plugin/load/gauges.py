"""What the terminal shows beside the load: how much of the processor the operator uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.probes.processes import COLUMNS
from harness.pytest_plugin.load.live import Tail

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["OperatorCpu"]

_AT, _CPU, _PID = COLUMNS.index("mono_ns"), COLUMNS.index("cpu_ns"), COLUMNS.index("pid")


class OperatorCpu:
    """Follows the samples of the operator's processes.

    Args:
        samples: Folder of what the probes sample.
    """

    def __init__(self, samples: Path) -> None:
        self._samples = samples
        self._tails: dict[Path, Tail] = {}
        self._last: dict[Path, list[int]] = {}
        self._cores: dict[Path, float] = {}

    def cores(self) -> float | None:
        """Returns how many cores they use by their last two samples; None where there are none."""
        for path in self._samples.glob("process-*.i64"):
            tail = self._tails.setdefault(path, Tail(path, len(COLUMNS)))
            for row in tail.more().tolist():
                self._take(path, row)
        return sum(self._cores.values()) if self._cores else None

    def _take(self, path: Path, row: list[int]) -> None:
        before = self._last.get(path)
        self._last[path] = row
        if before is None or before[_PID] != row[_PID] or row[_AT] <= before[_AT]:
            self._cores.pop(path, None)  # a new process counts from nothing
            return
        self._cores[path] = (row[_CPU] - before[_CPU]) / (row[_AT] - before[_AT])
