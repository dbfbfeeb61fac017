"""Stage 5: what the operator's processes used, over time; and the run's phases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.analysis.loaded import load_series
from harness.model.measurement import Series
from harness.model.records import CONTROL_PLANE_SAMPLES, HARNESS_SAMPLES
from harness.model.result import PhaseBand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.evidence.columns import Columns
    from harness.evidence.reader import Evidence

__all__ = ["ProcessUse", "bands", "operator_use", "series"]

_PREFIX = "process-"
_BESIDE = {f"{CONTROL_PLANE_SAMPLES}-": "_control_plane", f"{HARNESS_SAMPLES}-": "_harness"}
_MIB = 1 << 20
_NS = 1e9


class ProcessUse(msgspec.Struct, frozen=True, kw_only=True):
    """One process over the run, restarts included.

    Attributes:
        samples: How many.
        cpu_s: CPU-seconds that were seen; what a process used after its last sample is missing.
        peak_mib: Largest resident set.
    """

    process: str
    samples: int
    cpu_s: float
    peak_mib: float


def series(evidence: Evidence) -> tuple[Series, ...]:
    """Returns the load over time, and CPU in cores and memory in MiB of each sampled process.

    Those of the control plane and of the harness are only told beside a load.
    """
    found = list(load_series(evidence))
    for process, columns in _sampled(evidence):
        found += [_cpu(evidence, process, columns), _memory(evidence, process, columns)]
    for prefix, apart in _BESIDE.items() if evidence.load_plan is not None else ():
        for process, columns in _sampled(evidence, prefix):
            of = (_cpu(evidence, process, columns), _memory(evidence, process, columns))
            found += [msgspec.structs.replace(item, name=f"{item.name}{apart}") for item in of]
    return tuple(item for item in found if item.seconds)


def operator_use(evidence: Evidence) -> tuple[ProcessUse, ...]:
    """Returns what each process of the operator used in all."""
    installation = evidence.installation
    names = [w.process for w in installation.workloads if w.process] if installation else []
    return tuple(
        ProcessUse(
            process=process,
            samples=len(columns),
            cpu_s=_cpu_total(columns) / _NS,
            peak_mib=max(columns["rss_bytes"], default=0) / _MIB,
        )
        for process, columns in _sampled(evidence)
        if len(columns) and any(process.startswith(name) for name in names)
    )


def bands(evidence: Evidence) -> tuple[PhaseBand, ...]:
    """Returns the run's windows, phases of its load, cycles and disturbances of its soak."""
    start = evidence.manifest.started.mono_ns
    spans = [(phase.name, phase.span) for phase in evidence.phases()]
    spans += [(phase.name, phase.span) for phase in evidence.load_phases()]
    spans += [
        (f"disturbance: {item.name}", item.span) for item in evidence.disturbances if item.tried
    ]
    return tuple(
        PhaseBand(
            name=name,
            start_s=(span.start.mono_ns - start) / _NS,
            end_s=(span.end.mono_ns - start) / _NS,
        )
        for name, span in spans
    ) + tuple(_cycles(evidence, start))


def _cycles(evidence: Evidence, start_ns: int) -> Iterator[PhaseBand]:
    """A soak's cycles: from the end of the plateau before, or the load's begin, to their own."""
    sampled: dict[int, int] = {}
    for plateau in evidence.plateaus():
        at = plateau.stamp.mono_ns
        sampled[plateau.cycle] = max(at, sampled.get(plateau.cycle, at))
    loads = [phase.span.start.mono_ns for phase in evidence.load_phases()]
    for cycle, end in sorted(sampled.items()):
        before = max((at for at in sampled.values() if at < end), default=start_ns)
        begin = min((at for at in loads if at >= before), default=before)
        yield PhaseBand(
            name=f"cycle {cycle + 1}",
            start_s=(begin - start_ns) / _NS,
            end_s=(end - start_ns) / _NS,
            whole=True,
        )


def _sampled(evidence: Evidence, prefix: str = _PREFIX) -> list[tuple[str, Columns]]:
    found = []
    for name in evidence.column_names():
        columns = evidence.columns(name) if name.startswith(prefix) else None
        if columns is not None:
            found.append((name.removeprefix(prefix), columns))
    return found


def _steps(columns: Columns) -> list[tuple[int, int, int, bool]]:
    """Returns (stamp, CPU used since the row before, elapsed, whether the process is new)."""
    steps = []
    before: tuple[int, int, int] | None = None
    rows = zip(columns["mono_ns"], columns["pid"], columns["cpu_ns"], strict=True)
    for stamp, pid, cpu in rows:
        fresh = before is None or before[1] != pid
        base_cpu, base_stamp = (0, stamp) if before is None or fresh else (before[2], before[0])
        # A child that ended takes its time with it: the sum may fall, use never does.
        steps.append((stamp, max(0, cpu - base_cpu), stamp - base_stamp, fresh))
        before = (stamp, pid, cpu)
    return steps


def _cpu_total(columns: Columns) -> int:
    return sum(used for _, used, _, _ in _steps(columns))


def _cpu(evidence: Evidence, process: str, columns: Columns) -> Series:
    start = evidence.manifest.started.mono_ns
    points = [
        ((stamp - start) / _NS, used / elapsed)
        for stamp, used, elapsed, fresh in _steps(columns)
        if not fresh and elapsed > 0
    ]
    return Series(
        name="cpu",
        unit="cores",
        subject=process,
        seconds=tuple(second for second, _ in points),
        values=tuple(value for _, value in points),
    )


def _memory(evidence: Evidence, process: str, columns: Columns) -> Series:
    start = evidence.manifest.started.mono_ns
    return Series(
        name="memory",
        unit="MiB",
        subject=process,
        seconds=tuple((stamp - start) / _NS for stamp in columns["mono_ns"]),
        values=tuple(value / _MIB for value in columns["rss_bytes"]),
    )
