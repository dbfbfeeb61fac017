"""How much of the machine other work used while there was load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.evidence.columns import read_columns

if TYPE_CHECKING:
    from pathlib import Path

    from harness.evidence.columns import Columns

__all__ = ["Machine", "read_machine"]


class Machine:
    """What the processors were used for, over time.

    Args:
        columns: As in MACHINE_COLUMNS.
    """

    def __init__(self, columns: Columns) -> None:
        self._at = np.asarray(columns["mono_ns"])
        self._cores = np.asarray(columns["cores"])
        used = np.asarray(columns["busy_ns"]) - np.asarray(columns["own_ns"])
        self._others = used - np.asarray(columns["yielding_ns"])

    def others(self, start_ns: int, end_ns: int) -> tuple[float, int] | None:
        """Returns how many cores other work used, and how many the machine has.

        None where it wasn't looked at before and after. Between two looks all is taken as even.
        """
        if not len(self._at) or self._at[0] > start_ns or self._at[-1] < end_ns:
            return None
        used = np.interp([start_ns, end_ns], self._at, self._others)
        cores = int(self._cores[-1])
        return max(float(used[1] - used[0]) / max(end_ns - start_ns, 1), 0.0), cores


def read_machine(file: Path) -> Machine | None:
    """Reads the file; None where there is none.

    Raises:
        EvidenceError: It can't be read.
    """
    return Machine(read_columns(file)) if file.exists() else None
