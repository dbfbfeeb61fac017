"""Facts about the machine and the run, for the report's environment table."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from harness import __version__
from harness.model.result import Fact
from harness.settings import Settings

__all__ = ["host_facts"]


def host_facts(settings: Settings) -> tuple[Fact, ...]:
    """Returns what a reader must know to weigh the numbers of a run.

    Args:
        settings: As the run was asked.
    """
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    facts = {
        "Harness": f"operator-harness {__version__}, Python {platform.python_version()}",
        "Host": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "CPU": f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} logical processors usable",
        "Memory": _memory(),
        "Load average at start (1, 5, 15 min)": load,
        "Window of silence": f"{settings.timeouts.silence:g} s",
        "Time-outs": ", ".join(
            f"{name} {getattr(settings.timeouts, name):g} s"
            for name in ("ready", "converge", "delete")
        ),
    }
    return tuple(Fact(name=name, value=value) for name, value in facts.items())


def _memory() -> str:
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return "unknown"
    kib = {
        line.split(":")[0]: int(line.split()[1])
        for line in meminfo.read_text(encoding="ascii").splitlines()
        if line.startswith(("MemTotal", "MemAvailable"))
    }
    total, free = (kib[name] / 1024 / 1024 for name in ("MemTotal", "MemAvailable"))
    return f"{total:.1f} GiB, {free:.1f} GiB available at start"
