"""The synthetic operator as the truth of tests and benchmarks: its target, its log, its metrics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import yaml

from harness import command
from harness.analysis.load.join import Fate, join
from harness.analysis.load.samples import read_arrivals, read_events
from harness.analysis.metrics import families
from harness.evidence.columns import read_columns
from harness.evidence.ndjson import read_ndjson
from harness.evidence.reader import Evidence
from harness.installers.patching import apply_patch
from harness.model.load import LoadPhase
from harness.model.records import MetricsPage
from harness.resources import bundled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.analysis.load.join import Joined
    from harness.analysis.load.samples import Arrivals
    from harness.evidence.folder import RunFolder

__all__ = [
    "TASKS",
    "Account",
    "Log",
    "Truth",
    "by_log",
    "by_metrics",
    "read_faults",
    "read_log",
    "write_target",
    "written_ms",
]

TASKS = "tasks.synthetic.operator-harness.example"
_BUILD = ("go", "build", "-trimpath", "-o")
_BUILD_S = 900.0
_SERVED = 0
_S = 1e9


def write_target(folder: Path, *, fault: str = "", **settings: object) -> Path:
    """Makes a target of the synthetic operator with settings of its own.

    Args:
        folder: Holds target.yaml, the program, and log.i64 once the operator runs.
        fault: One of faults.yaml; empty for the healthy operator.
        settings: SYNTHETIC_* variables, without that and in small letters; before those of the
            fault.

    Returns:
        The folder.

    Raises:
        CommandError: It can't be built.
    """
    source = bundled("operators_under_test", "synthetic")
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "manager"
    build_env = command.environment({"CGO_ENABLED": "0"})
    command.run((*_BUILD, program, "./cmd"), cwd=source, env=build_env, timeout=_BUILD_S)
    target = yaml.safe_load((source / "target.yaml").read_text())
    manifests = list(yaml.safe_load_all((source / "config" / "operator.yaml").read_text()))
    every = {"log": folder / "log.i64", **settings}
    env = {f"SYNTHETIC_{name.upper()}": str(value) for name, value in every.items()}
    if fault:
        (chosen,) = (item for item in read_faults() if item["name"] == fault)
        env = chosen["env"] | env
        manifests = [_patched(item, chosen.get("patches", ())) for item in manifests]
    (deployment,) = (item for item in manifests if item["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": name, "value": value} for name, value in env.items()]
    (folder / "operator.yaml").write_text(yaml.safe_dump_all(manifests))
    for name in ("crd.yaml", "task.yaml"):
        (found,) = source.rglob(name)
        (folder / name).write_bytes(found.read_bytes())
    target["install"] = {"manifests": {"files": ["crd.yaml", "operator.yaml"]}}
    target["workloads"][0]["process"] = {"command": [program.name]}
    target["kinds"][0]["samples"] = ["task.yaml"]
    del target["tests"]
    (folder / "target.yaml").write_text(yaml.safe_dump(target))
    return folder


def read_faults() -> list[dict[str, Any]]:
    """Returns what faults.yaml lists: name, title, env and, for some, patches as of a twin."""
    file = bundled("operators_under_test", "synthetic", "faults.yaml")
    found: list[dict[str, Any]] = yaml.safe_load(file.read_text())["faults"]
    return found


def _patched(manifest: dict[str, Any], patches: Sequence[dict[str, Any]]) -> dict[str, Any]:
    for patch in patches:
        named = {"kind": manifest["kind"], "name": manifest["metadata"]["name"]}
        if patch["target"] == named:
            manifest = apply_patch(manifest, patch["patch"])
    return manifest


class Log:
    """What the operator wrote down; one array a column.

    Args:
        columns: By name, int64.
    """

    def __init__(self, columns: Mapping[str, NDArray[np.int64]]) -> None:
        self._columns = columns

    def __getitem__(self, name: str) -> NDArray[np.int64]:
        return self._columns[name]

    def __len__(self) -> int:
        return len(self._columns["key"])

    def where(self, chosen: NDArray[np.bool_]) -> Log:
        """Returns the chosen rows."""
        return Log({name: column[chosen] for name, column in self._columns.items()})

    def between(self, start_ns: int, end_ns: int) -> Log:
        """Returns what was finished after an instant, and not after another."""
        finished = self["finished_ns"]
        return self.where((finished > start_ns) & (finished <= end_ns))

    @property
    def served(self) -> Log:
        """Rows whose status was written."""
        return self.where(self["result"] == _SERVED)


def read_log(folder: Path) -> Log:
    """Reads the log in a target's folder."""
    found = read_columns(folder / "log.i64")
    return Log({name: np.array(found[name], np.int64) for name in found.names})


def written_ms(log: Log) -> float:
    """Returns how long the write after a service takes, the mean in milliseconds."""
    return float((log["finished_ns"] - log["service_ended_ns"]).mean()) / 1e6


class Truth:
    """What one run left, beside what the operator wrote down.

    Args:
        run: Its folder.
        target: Folder of the target, with the operator's log.
    """

    def __init__(self, run: RunFolder, target: Path) -> None:
        self.folder = run
        self.arrivals: Arrivals = read_arrivals([run.load_arrivals_file(0)])
        self.joined: Joined = join(self.arrivals, read_events(run.load_events_file))
        self.log: Log = read_log(target)
        phases = read_ndjson(run.load_phases_file, LoadPhase)
        self.phases = {phase.name: phase for phase in phases}

    def rows(self, phase: str) -> NDArray[np.int64]:
        """Returns the rows of a phase."""
        return np.flatnonzero(self.arrivals.phase == self.phases[phase].index)

    def done(self, phase: str) -> NDArray[np.int64]:
        """Returns those that are done."""
        rows = self.rows(phase)
        done: NDArray[np.int64] = rows[self.joined.fate[rows] == Fate.DONE]
        return done

    def unfinished(self, phase: str) -> int:
        """Returns how many arrivals of a phase aren't done."""
        planned: int = self.phases[phase].arrivals
        return planned - len(self.done(phase))

    @property
    def pages(self) -> list[MetricsPage]:
        """The scrapes, in their order."""
        files = sorted(self.folder.metrics.glob("*.json"))
        return [msgspec.json.decode(file.read_bytes(), type=MetricsPage) for file in files]

    @property
    def facts(self) -> dict[str, Any]:
        """What the suite noted."""
        return {k: v for phase in Evidence(self.folder).phases() for k, v in phase.facts.items()}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What a window shows of the queue, by either way.

    Attributes:
        items: That left the queue.
        queue_wait_s: Mean.
        depth: Mean.
        utilisation: Share of the workers' time.
    """

    items: float
    queue_wait_s: float
    depth: float
    utilisation: float


def by_log(log: Log, *, start_ns: int, end_ns: int, workers: int) -> Account:
    """Adds up the log of a window at whose ends the operator is idle."""
    rows = log.between(start_ns, end_ns)
    waited = float((rows["dequeued_ns"] - rows["enqueued_ns"]).sum()) / _S
    worked = float((rows["finished_ns"] - rows["dequeued_ns"]).sum()) / _S
    seconds = (end_ns - start_ns) / _S
    return Account(
        items=len(rows),
        queue_wait_s=waited / max(len(rows), 1),
        depth=waited / seconds,
        utilisation=worked / seconds / workers,
    )


def by_metrics(before: MetricsPage, after: MetricsPage, *, workers: int) -> Account:
    """Applies the exact identities to two scrapes at whose instants the operator is idle.

    depth = sum of queue_duration / time (Little), utilisation = sum of work_duration / time /
    workers, queue wait = sum / count: sums and counts of histograms are exact, their buckets aren't
    used.
    """
    rise = {name: _total(after, name) - _total(before, name) for name in _SERIES}
    seconds = (after.stamp.mono_ns - before.stamp.mono_ns) / _S
    waited, count = rise["workqueue_queue_duration_seconds_sum"], rise[_COUNT]
    return Account(
        items=count,
        queue_wait_s=waited / max(count, 1),
        depth=waited / seconds,
        utilisation=rise["workqueue_work_duration_seconds_sum"] / seconds / workers,
    )


_COUNT = "workqueue_queue_duration_seconds_count"
_SERIES = (
    _COUNT,
    "workqueue_queue_duration_seconds_sum",
    "workqueue_work_duration_seconds_sum",
)


def _total(page: MetricsPage, name: str) -> float:
    found: dict[Any, float] = {}
    for family in families(page):
        found.update({key: value for key, value in family.samples.items() if key[0] == name})
    return sum(found.values())
