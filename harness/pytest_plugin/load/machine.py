"""Writes down who else uses the machine while there is load."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.evidence.columns import ColumnWriter
from harness.model.load import MACHINE_COLUMNS
from harness.probes.machine import MachineUse, parent_of

if TYPE_CHECKING:
    from harness.pytest_plugin.context import Context

__all__ = ["MachineLog"]

_LOCAL = "local"  # elsewhere the control plane doesn't descend from the run


class MachineLog:
    """Does nothing where the cluster isn't one of the run's own processes.

    Args:
        context: The suite's view of the run.
    """

    def __init__(self, context: Context) -> None:
        self._file = context.run.load_machine_file
        self._writer: ColumnWriter | None = None
        self._use: MachineUse | None = None
        cluster = context.session.cluster
        if cluster is not None and cluster.provider == _LOCAL:
            with suppress(OSError):  # then nobody looks
                guard = os.getppid()
                self._use = MachineUse(parent_of(guard), context.clock)

    def note(self) -> None:
        """Writes a row."""
        if self._use is None:
            return
        if self._writer is None:
            self._writer = ColumnWriter(self._file, MACHINE_COLUMNS)
        with suppress(OSError):
            self._writer.append(*self._use.row())

    def close(self) -> None:
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()
