"""Stage 5: the summary figures of a run, each with its method."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from harness.analysis.latency import convergences
from harness.analysis.loaded import load_measurements
from harness.analysis.metrics import counted
from harness.analysis.promql import gated
from harness.analysis.usage import operator_use
from harness.analysis.writes import operator_calls
from harness.model.measurement import Measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.reader import Evidence

__all__ = ["MIN_SAMPLES_P99", "measure"]

MIN_SAMPLES_P99 = 100
"""Below this the 99th percentile is the maximum by another name."""

_LATENCY = (
    "from the send of the request to the first watch event that met the readiness rule for its "
    "generation, on one monotonic clock"
)
_RECONCILES = "controller_runtime_reconcile_total"
_ADDS = "workqueue_adds_total"
_DIALECT = "controller-runtime"


def measure(evidence: Evidence) -> tuple[Measurement, ...]:
    """Returns every figure that the evidence allows; what it doesn't allow isn't there."""
    return (
        *_latencies(evidence),
        *_use(evidence),
        *_reconciles(evidence),
        *_api_calls(evidence),
        *load_measurements(evidence),
        *gated(evidence),
    )


def _latencies(evidence: Evidence) -> list[Measurement]:
    done = [(item.action, item.latency_ms) for item in convergences(evidence)]
    found = []
    for action, name in (("", ""), ("create", "create_"), ("update", "update_")):
        values = sorted(ms for what, ms in done if ms is not None and action in {"", what})
        if values:
            found += _summary(f"convergence_latency_{name}", values, headline=not action)
    return found


def _summary(name: str, values: Sequence[float], *, headline: bool) -> list[Measurement]:
    """Median and maximum, and the 99th percentile where there are enough; `values` ascend."""
    middle = len(values) // 2
    median = values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
    figures = [("median", median, "median"), ("max", values[-1], "maximum")]
    if len(values) >= MIN_SAMPLES_P99:
        rank = math.ceil(0.99 * len(values)) - 1
        figures.append(("p99", values[rank], "99th percentile by nearest rank"))
    return [
        Measurement(
            name=f"{name}{figure}",
            value=value,
            unit="ms",
            n=len(values),
            method=f"{words} of {_convergences(len(values))}, each {_LATENCY}",
            headline=headline,
        )
        for figure, value, words in figures
    ]


def _convergences(count: int) -> str:
    return "1 convergence" if count == 1 else f"{count} convergences"


def _use(evidence: Evidence) -> list[Measurement]:
    found = []
    for use in operator_use(evidence):
        sampled = f"{use.samples} samples of the process and its children"
        found += [
            Measurement(
                name="operator_cpu",
                value=use.cpu_s,
                unit="s",
                n=use.samples,
                method=f"CPU-seconds over all starts of the process, by {sampled}",
                subject=use.process,
                headline=True,
            ),
            Measurement(
                name="operator_memory_peak",
                value=use.peak_mib,
                unit="MiB",
                n=use.samples,
                method=f"largest resident set among {sampled}",
                subject=use.process,
                headline=True,
            ),
        ]
    return found


def _reconciles(evidence: Evidence) -> list[Measurement]:
    installed = evidence.installation.workloads if evidence.installation else ()
    ways = [workload.metrics for workload in installed if workload.metrics is not None]
    if not any(way.dialect == _DIALECT or _RECONCILES in way.names for way in ways):
        return []
    results: Counter[str] = Counter()
    for labels, (value, _) in counted(evidence, _RECONCILES).items():
        results[dict(labels).get("result", "")] += round(value)
    adds = sum(value for value, _ in counted(evidence, _ADDS).values())
    found = [
        _count(evidence, f"reconciles_{name}", value)
        for name, value in sorted(results.items())
        if name  # some only count all together
    ]
    if results:
        total = _count(evidence, "reconciles", sum(results.values()))
        found.insert(0, msgspec.structs.replace(total, headline=True))
        found.append(_count(evidence, "workqueue_adds", adds))
    return found


def _count(evidence: Evidence, name: str, value: float) -> Measurement:
    pages = len(evidence.metrics_pages())
    return Measurement(
        name=name,
        value=float(value),
        unit="1",
        n=pages,
        method=(
            f"counter from the operator's start to the last of {pages} metrics pages; what was "
            "counted between a page and a restart after it is missing"
        ),
    )


def _api_calls(evidence: Evidence) -> list[Measurement]:
    verbs: Counter[str] = Counter()
    for shape, count in operator_calls(evidence).shapes().items():
        verbs[shape.verb] += count
    if not verbs:
        return []
    total = sum(verbs.values())
    rows = [("api_calls", total), *((f"api_calls_{v}", n) for v, n in sorted(verbs.items()))]
    return [
        Measurement(
            name=name,
            value=float(count),
            unit="1",
            n=count,
            method=(
                "requests under the operator's identities in the audit log, the whole run, watches "
                "and leases included"
            ),
            headline=name == "api_calls",
        )
        for name, count in rows
    ]
