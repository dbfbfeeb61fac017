"""Reads a run folder back, typed: what stages 5-7 know of a run, and all that they know.

Everything is read on first use and kept, so an `Evidence` shows one moment; while a run is being
written, make a new one to see more. A file that isn't there is empty evidence, never an error:
the judge says what is missing.
"""

from __future__ import annotations

import gzip
import zlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from harness.errors import EvidenceError
from harness.evidence.audit import audit_files, final_calls, read_audit
from harness.evidence.calllog import CallLog
from harness.evidence.columns import read_columns
from harness.evidence.dialects import translated
from harness.evidence.ndjson import read_ndjson
from harness.model.access import AccessSnapshot, Swap
from harness.model.cluster import Cluster
from harness.model.comparison import Baseline, ComparisonPlan
from harness.model.findings import Finding
from harness.model.growth import GrowthSize
from harness.model.installation import Installation
from harness.model.inventory import Inventory, Uninstalled
from harness.model.load import LoadPhase, LoadPlan
from harness.model.origins import Origins
from harness.model.promql import PromqlAnswer
from harness.model.records import (
    GapRecord,
    JudgedRecord,
    LogLine,
    ManifestRecord,
    MetricsPage,
    OwnTests,
    Phase,
    ProcessEvent,
    Snapshot,
    StageRecord,
    Stimulus,
    SuiteRecord,
    TestOutcome,
    TimelineEvent,
    Wait,
)
from harness.model.run import RunManifest
from harness.model.soak import Disturbance, LeaseState, Plateau, SoakPlan
from harness.model.target import Target
from harness.model.time import Span, Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from harness.evidence.columns import Columns
    from harness.evidence.folder import RunFolder
    from harness.evidence.follower import AuditFollower

__all__ = ["Evidence"]

_T = TypeVar("_T")
_STARTED = "started"
_EVER = Stamp(mono_ns=0, wall_ns=0)
_NEVER = Stamp(mono_ns=2**63 - 1, wall_ns=2**63 - 1)


class Evidence:
    """One run folder, read lazily and once.

    Where a run ends with a proof by removal, its evidence ends where that begins: the proof has an
    `Evidence` of its own.

    Args:
        run: The folder.
        audit: Follows the run's audit log, for who looks at a run again and again while it goes
            on; None to read the log from its begin.
    """

    def __init__(self, run: RunFolder, *, audit: AuditFollower | None = None) -> None:
        self.run = run
        self._audit = audit
        self._timelines: dict[str, tuple[TimelineEvent, ...]] = {}
        self._logs: dict[str, tuple[LogLine, ...]] = {}
        self._derived: dict[Callable[[Evidence], Any], Any] = {}

    def derived(self, make: Callable[[Evidence], _T]) -> _T:
        """Returns what a function makes of this evidence; it is asked once."""
        if make not in self._derived:
            self._derived[make] = make(self)
        made: _T = self._derived[make]
        return made

    @cached_property
    def manifest(self) -> RunManifest:
        """What was asked for and where it ran.

        Raises:
            EvidenceError: There is no run.json, or it is of another version.
        """
        return self._required(self.run.run_file, RunManifest)

    @cached_property
    def target(self) -> Target:
        """The operator under test, as it was run.

        Raises:
            EvidenceError: There is no target.json, or it is of another version.
        """
        return self._required(self.run.target_file, Target)

    @cached_property
    def cluster(self) -> Cluster | None:
        """The cluster; None where none was made."""
        return self._document(self.run.cluster_file, Cluster)

    @cached_property
    def installation(self) -> Installation | None:
        """The installed operator; None where the install failed or never came."""
        return self._document(self.run.installation_file, Installation)

    @cached_property
    def install_fault(self) -> Finding | None:
        """Why the install failed by the operator's fault; None where it didn't."""
        return self._document(self.run.install_fault_file, Finding)

    def access(self) -> tuple[AccessSnapshot, ...]:
        """Returns who was allowed what, in the order in which it was looked up."""
        found = (self._document(path, AccessSnapshot) for path in self._files("access"))
        return tuple(item for item in found if item is not None)

    @cached_property
    def swap(self) -> Swap | None:
        """Which roles a proof by removal took and gave; None in a run."""
        return self._document(self.run.swap_file, Swap)

    @cached_property
    def removal(self) -> Evidence | None:
        """The proof by removal; None where there is none."""
        inner = self.run.removal
        return Evidence(inner) if self.run.outer is None and inner.run_file.exists() else None

    @cached_property
    def _part(self) -> Span | None:
        """The part of the shared evidence that is ours; None for all of it."""
        if self.run.outer is not None:
            return Span(start=self.manifest.started, end=_NEVER)
        if self.removal is not None:
            return Span(start=_EVER, end=self.removal.manifest.started)
        return None

    @cached_property
    def uninstalled(self) -> Uninstalled | None:
        """How the uninstall went; None where there was none."""
        return self._document(self.run.uninstall_file, Uninstalled)

    @cached_property
    def promql(self) -> tuple[PromqlAnswer, ...]:
        """What Prometheus was asked, and what it said."""
        return tuple(read_ndjson(self.run.promql_file, PromqlAnswer))

    @cached_property
    def load_plan(self) -> LoadPlan | None:
        """What load was made of; None where there was none."""
        return self._document(self.run.load_plan_file, LoadPlan)

    @cached_property
    def comparison_plan(self) -> ComparisonPlan | None:
        """How two builds were run in turn; None where they weren't."""
        return self._document(self.run.comparison_plan_file, ComparisonPlan)

    @cached_property
    def baseline(self) -> Baseline | None:
        """The earlier run that this one is held against; None for none."""
        return self._document(self.run.baseline_file, Baseline)

    def load_phases(self) -> tuple[LoadPhase, ...]:
        """Returns the phases of the load that are over, in order."""
        return self._records(self.run.load_phases_file, LoadPhase)

    def growth_sizes(self) -> tuple[GrowthSize, ...]:
        """Returns the sizes at which growth was measured, in order."""
        return self._records(self.run.load_sizes_file, GrowthSize)

    @cached_property
    def soak_plan(self) -> SoakPlan | None:
        """How a soak was planned; None where there was none."""
        return self._document(self.run.soak_plan_file, SoakPlan)

    def plateaus(self) -> tuple[Plateau, ...]:
        """Returns the plateaus of a soak, in order."""
        return self._records(self.run.plateaus_file, Plateau)

    @cached_property
    def soak_rests(self) -> tuple[Plateau, ...]:
        """Plateaus before and after the definition was made anew, in order."""
        return self._records(self.run.soak_rests_file, Plateau)

    @cached_property
    def leases(self) -> tuple[LeaseState, ...]:
        """The operator's Leases after each cycle of a soak, in order."""
        return self._records(self.run.leases_file, LeaseState)

    @cached_property
    def disturbances(self) -> tuple[Disturbance, ...]:
        """What a soak did to the operator's surroundings, in order."""
        return self._records(self.run.disturbances_file, Disturbance)

    def soak_inventory(self, name: str) -> Inventory | None:
        """Returns what the cluster held at a soak's "begin" or "end"; None where nobody looked."""
        return self._soak_inventories.get(name)

    def profile(self, kind: str, workload: str, cycle: int) -> str:
        """Returns a profile's text; empty where there is none, or a kill tore it.

        Args:
            kind: "heap" or "goroutine".
            workload: Whose.
            cycle: From 0.
        """
        try:
            packed = self.run.profile_file(kind, workload, cycle).read_bytes()
            return gzip.decompress(packed).decode(errors="replace")
        except (OSError, EOFError, zlib.error):
            return ""

    @cached_property
    def own_tests(self) -> OwnTests | None:
        """What became of the operator's own unit tests; None where they weren't run."""
        return self._document(self.run.own_tests_file, OwnTests)

    @cached_property
    def origins(self) -> Origins:
        """Where objects stand in the operator's own files; empty for a run of an older harness."""
        return self._document(self.run.origins_file, Origins) or Origins()

    @cached_property
    def own_e2e(self) -> OwnTests | None:
        """What became of the operator's own end-to-end tests; None where they weren't run."""
        return self._document(self.run.own_e2e_file, OwnTests)

    @cached_property
    def manifests(self) -> tuple[ManifestRecord, ...]:
        """The rendered manifests and samples; record number n stands on line n of the file."""
        return self._records(self.run.manifests_file, ManifestRecord)

    def inventory(self, name: str) -> Inventory | None:
        """Returns what a cluster held "before" or "after"; None where nobody looked."""
        return self._inventories.get(name)

    def stages(self) -> tuple[StageRecord, ...]:
        """Returns the stages in the order in which they ended."""
        return self._stages

    def suite(self) -> tuple[SuiteRecord, ...]:
        """Returns all that the suites recorded, in order."""
        return self._suite

    def phases(self) -> tuple[Phase, ...]:
        """Returns the closed windows, in the order in which they closed."""
        return tuple(record for record in self._suite if isinstance(record, Phase))

    def waits(self) -> tuple[Wait, ...]:
        """Returns the waits, met or not."""
        return tuple(record for record in self._suite if isinstance(record, Wait))

    def stimuli(self) -> tuple[Stimulus, ...]:
        """Returns what was done to the cluster and to the operator."""
        return tuple(record for record in self._suite if isinstance(record, Stimulus))

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Returns the listings of objects."""
        return tuple(record for record in self._suite if isinstance(record, Snapshot))

    def tests(self) -> tuple[TestOutcome, ...]:
        """Returns the outcome of each test that ended."""
        return tuple(
            record
            for record in self._suite
            if isinstance(record, TestOutcome) and record.outcome != _STARTED
        )

    def unfinished_tests(self) -> tuple[str, ...]:
        """Returns the tests that began and never ended: the run was cut short there."""
        ended = {test.test for test in self.tests()}
        begun = (
            record.test
            for record in self._suite
            if isinstance(record, TestOutcome) and record.outcome == _STARTED
        )
        return tuple(dict.fromkeys(test for test in begun if test not in ended))

    def judged(self) -> tuple[JudgedRecord, ...]:
        """Returns what the judge said during the run."""
        return tuple(record for record in self._suite if isinstance(record, JudgedRecord))

    def gaps(self) -> tuple[GapRecord, ...]:
        """Returns the stretches in which evidence is known to be incomplete."""
        told = (record for record in self._suite if isinstance(record, GapRecord))
        return (*told, *self._records(self.run.evidence / "probes.ndjson", GapRecord))

    def process_events(self) -> tuple[ProcessEvent, ...]:
        """Returns starts and ends of processes under the guard and of the operator's containers."""
        return self._process_events

    def calls(self) -> CallLog:
        """Returns one record for each request in the audit log, in the log's order."""
        return self._calls

    def timeline(self, resource: str) -> tuple[TimelineEvent, ...]:
        """Returns the watch events of a resource; empty where it wasn't watched.

        Args:
            resource: `Resource.key`, for example "deployments.apps".
        """
        if resource not in self._timelines:
            self._timelines[resource] = self._records(
                self.run.timeline / f"{resource}.ndjson", TimelineEvent
            )
        return self._timelines[resource]

    def timelines(self) -> Mapping[str, tuple[TimelineEvent, ...]]:
        """Returns the watch events of every watched resource, by `Resource.key`."""
        return {path.stem: self.timeline(path.stem) for path in self._files("timeline", "*.ndjson")}

    def log(self, process: str) -> tuple[LogLine, ...]:
        """Returns what a process printed; record number n stands on line n of the file."""
        if process not in self._logs:
            part = self._part
            self._logs[process] = tuple(
                line
                for line in self._records(self.log_file(process), LogLine)
                if part is None or part.holds(line.stamp)
            )
        return self._logs[process]

    def logs(self) -> Mapping[str, tuple[LogLine, ...]]:
        """Returns what each operator process printed, by process."""
        files = sorted(self.run.operator_logs.glob("*.ndjson"))
        return {path.stem: self.log(path.stem) for path in files}

    def log_file(self, process: str) -> Path:
        """Returns where the log of a process lies."""
        return self.run.operator_logs / f"{process}.ndjson"

    def log_tail(self, *, until: Stamp | None = None, lines: int = 15) -> tuple[str, ...]:
        """Returns the operator's last lines over all its processes, oldest first.

        Args:
            until: Nothing later.
            lines: How many.
        """
        printed = [
            line
            for log in self.logs().values()
            for line in log
            if until is None or line.stamp.mono_ns <= until.mono_ns
        ]
        printed.sort(key=lambda line: line.stamp.mono_ns)
        return tuple(line.text for line in printed[-lines:])

    def metrics_pages(self) -> tuple[MetricsPage, ...]:
        """Returns the scrapes, oldest first; an operator's own names as controller-runtime's."""
        installed = self.installation.workloads if self.installation else ()
        ways = {workload.name: workload.metrics for workload in installed}
        return tuple(translated(page, ways.get(page.workload)) for _, page in self.metrics_files())

    def metrics_files(self) -> tuple[tuple[Path, MetricsPage], ...]:
        """Returns the scrapes as they were, with their files, oldest first."""
        return self._metrics_files

    def columns(self, name: str) -> Columns | None:
        """Returns fixed-width samples; None where there are none.

        Args:
            name: Of the file below `samples/`, without ending.
        """
        path = self.run.samples / f"{name}.i64"
        return read_columns(path) if path.exists() else None

    def column_names(self) -> tuple[str, ...]:
        """Returns the names that `columns` knows."""
        return tuple(path.stem for path in self._files("samples", "*.i64"))

    def place(self, file: str | Path) -> str:
        """Returns a path as a reader of the run folder finds it, relative to that folder.

        Args:
            file: Absolute, relative to the run folder, or a bare name in `evidence/`.
        """
        path = Path(file)
        root = (self.run.outer or self.run).path
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
        if path.is_absolute() or len(path.parts) == 1:
            return f"{self.run.evidence.name}/{path.name}"
        return path.as_posix()

    @cached_property
    def _inventories(self) -> dict[str, Inventory]:
        return {item.name: item for item in self._records(self.run.inventory_file, Inventory)}

    @cached_property
    def _soak_inventories(self) -> dict[str, Inventory]:
        return {item.name: item for item in self._records(self.run.soak_inventory_file, Inventory)}

    @cached_property
    def _stages(self) -> tuple[StageRecord, ...]:
        return self._records(self.run.stages_file, StageRecord)

    @cached_property
    def _suite(self) -> tuple[SuiteRecord, ...]:
        return tuple(read_ndjson(self.run.suite_file, SuiteRecord))

    @cached_property
    def _process_events(self) -> tuple[ProcessEvent, ...]:
        found = (
            *self._records(self.run.processes_file, ProcessEvent),
            *self._records(self.run.containers_file, ProcessEvent),
        )
        part = self._part
        return tuple(
            event
            for event in sorted(found, key=lambda event: event.stamp.mono_ns)
            if part is None or part.holds(event.stamp)
        )

    @cached_property
    def _calls(self) -> CallLog:
        if self._audit is not None:
            calls = self._audit.calls()
        else:
            calls = CallLog(final_calls(read_audit(audit_files(self.run))))
        part = self._part
        return calls if part is None else calls.between(part.start.wall_ns, part.end.wall_ns)

    @cached_property
    def _metrics_files(self) -> tuple[tuple[Path, MetricsPage], ...]:
        pages = ((path, self._document(path, MetricsPage)) for path in self._files("metrics"))
        found = [(path, page) for path, page in pages if page is not None]
        return tuple(sorted(found, key=lambda item: (item[1].stamp.mono_ns, item[0].name)))

    def _files(self, folder: str, pattern: str = "*.json") -> list[Path]:
        return sorted((self.run.evidence / folder).glob(pattern))

    def _records(self, path: Path, kind: type[_T]) -> tuple[_T, ...]:
        return tuple(read_ndjson(path, kind))

    def _required(self, path: Path, kind: type[_T]) -> _T:
        document = self._document(path, kind)
        if document is None:
            raise EvidenceError(
                f"{path} is missing.", hint="Name a folder that `harness run` has made."
            )
        return document

    def _document(self, path: Path, kind: type[_T]) -> _T | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise EvidenceError(
                f"{path}: {error}",
                hint="The file was changed after the run, or comes from another version.",
            ) from error
