"""Which processes are sampled while suites run: the operator's, and what works beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.model.records import CONTROL_PLANE_SAMPLES, HARNESS_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from harness.guard import Guard

__all__ = ["beside", "of_operator"]


def of_operator(guard: Guard, names: Collection[str]) -> dict[str, int]:
    """Returns the pids of the operator's processes that run, by name."""
    return {
        status.name: status.pid
        for status in guard.processes()
        if status.running and status.name in names
    }


def beside(
    guard: Guard, names: Collection[str], control_plane: Callable[[], Mapping[str, int]]
) -> dict[str, Callable[[], Mapping[str, int]]]:
    """Returns how the pids of all others are found, by the kind of their samples.

    Args:
        guard: Started them.
        names: Of the operator's processes.
        control_plane: Returns the pids of the cluster's components.
    """

    def ours() -> dict[str, int]:
        apart = set(control_plane().values())
        started = {
            status.name: status.pid
            for status in guard.processes()
            if status.running and status.name not in names and status.pid not in apart
        }
        own = {"runner": os.getpid(), "guard": guard.pid}
        return {name: pid for name, pid in own.items() if pid} | started

    return {CONTROL_PLANE_SAMPLES: control_plane, HARNESS_SAMPLES: ours}
