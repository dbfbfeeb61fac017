"""How much disk a soak takes: said before it begins, and measured while it goes on."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.model.digits import data_size

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.soak import SoakPlan

__all__ = ["estimate", "nearly_full", "refuse_full_disk", "used"]

_KIB, _MIB = 1 << 10, 1 << 20
_EACH_OBJECT = 10 * _KIB  # its requests in the audit log, the stamps of arrivals and watch events
_EACH_CYCLE = 256 * _KIB  # profiles, pages, plateaus
_EACH_MINUTE = 2 * _MIB  # Prometheus' series, samples of processes, the cluster's logs
_RESERVE = 512 * _MIB
_LAST = 256 * _MIB  # of the reserve: reports and what is written until the run has ended


def estimate(plan: SoakPlan) -> tuple[int, int]:
    """Returns about how many bytes a soak writes a minute, and in all.

    Args:
        plan: Of the soak.
    """
    minutes = plan.cycles * plan.cycle_s / 60
    whole = plan.cycles * (plan.objects * _EACH_OBJECT + _EACH_CYCLE) + minutes * _EACH_MINUTE
    whole += (plan.warm_ups + plan.warm_ups_again) * plan.objects * _EACH_OBJECT
    return round(whole / minutes), round(whole)


def refuse_full_disk(plan: SoakPlan, folder: Path) -> None:
    """Refuses a soak for which there is no room.

    Raises:
        HarnessError: The disk would be full before it ends.
    """
    _, whole = estimate(plan)
    free = shutil.disk_usage(folder).free
    if whole + _RESERVE > free:
        raise HarnessError(
            f"This soak writes about {data_size(whole)}, and {data_size(free)} are free in "
            f"{folder}.",
            hint="Free disk space, write the run elsewhere with --output, or soak for less long.",
        )


def nearly_full(folder: Path) -> str:
    """Returns that no further cycle may begin, in words; empty where there is room.

    What others write, or an operator that logs more than was thought, must not cost the evidence.
    """
    free = shutil.disk_usage(folder).free
    if free >= _LAST:
        return ""
    left = data_size(free)
    return f"{left} are free in {folder}: no further cycle begins, and what is there counts."


def used(folder: Path) -> int:
    """Returns how many bytes the files below a folder take."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512  # noqa: PTH118 - fast
            except OSError:
                continue  # Prometheus has just replaced it
    return total
