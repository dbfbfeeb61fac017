"""A run folder with a load of a million arrivals, as a default run of the load suite leaves it.

The operator is simulated, stamps and samples are written by the writers of the evidence. There are
the steps of a search, a steady phase and a burst; at the bounds of each a page of metrics, and once
a second samples of the operator, the control plane and the harness. The audit log is short: what it
costs is measured by `make bench-audit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.evidence.columns import ColumnWriter
from harness.evidence.ndjson import write_document
from harness.model.load import PhaseRole
from harness.model.records import CONTROL_PLANE_SAMPLES, HARNESS_SAMPLES
from harness.probes.processes import COLUMNS
from harness.tests.analysis.load.queues import SimulatedOperator
from harness.tests.analysis.load.recording import BASE_NS, LoadedRun
from harness.tests.analysis.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

    from harness.evidence.folder import RunFolder

__all__ = ["make_run"]

CHECKS = ("LOA-101", "LOA-102", "LOA-103")

_WORKERS, _SERVICE_S, _NOISE = 16, 0.004, 0.5
_STEPS, _RATE = 10, 2000.0
_SEARCH_SHARE, _BURST_SHARE = 0.1, 0.05
_NS = 10**9
_PROCESSES = (
    ("process", "manager"),
    *((CONTROL_PLANE_SAMPLES, name) for name in ("etcd", "kube-apiserver")),
    *((HARNESS_SAMPLES, name) for name in ("runner", "load-generator", "load-receiver")),
)
_OF = 'controller="book",name="book"'


def make_run(folder: Path, arrivals: int) -> RunFolder:
    """Makes a run.

    Args:
        folder: Its parent.
        arrivals: Of all phases; each has two watch events.
    """
    recording = Recording(folder)
    recording.manifest(suites=("load",), checks=CHECKS)
    operator = SimulatedOperator(workers=_WORKERS, service_s=_SERVICE_S, noise=_NOISE)
    load = LoadedRun(recording.run, operator)
    searched, burst = int(arrivals * _SEARCH_SHARE), int(arrivals * _BURST_SHARE)
    made = 0
    _page(recording, load, made)
    for number in range(1, _STEPS + 1):
        rate, name = _RATE * number / _STEPS, f"bracket-{number}"
        seconds = searched / _STEPS / rate
        made += load.constant(rate, seconds, name=name, role=PhaseRole.SEARCH).arrivals
        _page(recording, load, made)
    made += load.constant(_RATE, (arrivals - made - burst) / _RATE).arrivals
    _page(recording, load, made)
    made += load.burst(arrivals - made).arrivals
    _page(recording, load, made)
    load.write()
    seconds = (load.now - BASE_NS) // _NS + 1
    for kind, name in _PROCESSES:
        _sample(recording.run, f"{kind}-{name}", seconds)
    recording.phase(0, (load.now - BASE_NS) / _NS, *CHECKS, name="load")
    write_document(recording.run.evidence / "ending.json", {"errors": [], "interrupted": ""})
    return recording.run


def _page(recording: Recording, load: LoadedRun, count: int) -> None:
    worked = count * _SERVICE_S
    recording.page(
        (load.now - BASE_NS) / _NS,
        f"""workqueue_adds_total{{{_OF}}} {count}
workqueue_queue_duration_seconds_sum{{{_OF}}} {worked / 4}
workqueue_queue_duration_seconds_count{{{_OF}}} {count}
workqueue_work_duration_seconds_sum{{{_OF}}} {worked}
workqueue_work_duration_seconds_count{{{_OF}}} {count}
workqueue_unfinished_work_seconds{{{_OF}}} 0
controller_runtime_max_concurrent_reconciles{{controller="book"}} {_WORKERS}
controller_runtime_reconcile_total{{controller="book",result="success"}} {count}
rest_client_requests_total{{code="200",host="x",method="PATCH"}} {count}
process_cpu_seconds_total {worked / 2}
""",
    )


def _sample(run: RunFolder, name: str, seconds: int) -> None:
    writer = ColumnWriter(run.samples / f"{name}.i64", COLUMNS)
    for second in range(seconds):
        row = dict.fromkeys(COLUMNS, 0)
        row |= {"mono_ns": BASE_NS + second * _NS, "cpu_ns": second * _NS // 2, "pid": 42}
        row |= {"rss_bytes": (40 + second % 7) << 20, "pss_bytes": -1, "threads": 9, "fds": 20}
        writer.append(*row.values())
    writer.close()
