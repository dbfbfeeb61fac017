"""Names of everything in a run folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clock import utc
from harness.errors import EvidenceError, UsageError

if TYPE_CHECKING:
    from harness.model.time import Stamp

__all__ = ["RunFolder"]

_REMOVAL = "removal"


class RunFolder:
    """A run folder, whether a run is writing it or it was kept.

    A run may hold a second one in its evidence, `removal`: the proof by removal, in which a suite
    runs again under other roles. It has suites, timelines, samples and scrapes of its own; what one
    writer keeps up through both (audit log, processes, the operator's log) lies in the outer one,
    and `Evidence` parts it by time.

    Args:
        path: The folder.

    Attributes:
        outer: The run that this one is a proof of; None for a run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        inner = self.path.name == _REMOVAL and self.path.parent.name == "evidence"
        self.outer = RunFolder(self.path.parent.parent) if inner else None

    @classmethod
    def create(cls, parent: Path, *, suite: str, target: str, now: Stamp) -> RunFolder:
        """Makes a new run folder and points `latest` at it.

        Args:
            parent: Usually "harness-runs" under the caller's directory.
            suite: Name of the suite, or names joined by "+".
            target: Name of the target.
            now: Start of the run.

        Raises:
            EvidenceError: It can't be made there.
        """
        stamp = utc(now).strftime("%Y%m%dT%H%M%SZ")
        folder = cls(parent / f"{stamp}-{suite}-{target}-{secrets.token_hex(3)}")
        try:
            folder.operator_logs.mkdir(parents=True)
            for part in (folder.timeline, folder.samples, folder.metrics, folder.components):
                part.mkdir()
            latest = parent / "latest"
            if latest.is_symlink() or not latest.exists():
                draft = parent / f".latest-{secrets.token_hex(3)}"
                draft.symlink_to(folder.path.name)
                os.replace(draft, latest)
        except OSError as error:
            raise EvidenceError(
                f"Can't make the run folder {folder.path}: {error.strerror or error}",
                hint="Give a folder that can be written with --output.",
            ) from error
        return folder

    @classmethod
    def named(cls, path: Path) -> RunFolder:
        """Returns the run folder that a user names.

        Raises:
            UsageError: It is none.
        """
        folder = cls(path.resolve())
        if not folder.run_file.is_file():
            raise UsageError(
                f"{path} is no run folder: it has no {folder.run_file.name}.",
                hint="Give a folder below harness-runs/, for example harness-runs/latest; "
                "`harness runs list` shows them.",
            )
        return folder

    def make_removal(self) -> RunFolder:
        """Makes the folder of the proof by removal.

        Raises:
            EvidenceError: It can't be made.
        """
        folder = self.removal
        try:
            for part in (folder.timeline, folder.samples, folder.metrics):
                part.mkdir(parents=True)
        except OSError as error:
            raise EvidenceError(
                f"Can't make the folder {folder.path}: {error.strerror or error}",
                hint="Free disk space or mend the permissions.",
            ) from error
        return folder

    @property
    def removal(self) -> RunFolder:
        """The proof by removal; it may not be there."""
        return RunFolder(self.evidence / _REMOVAL)

    @property
    def id(self) -> str:
        """The run's name, also for its proof."""
        return self.outer.id if self.outer else self.path.name

    @property
    def run_file(self) -> Path:
        """Versions, host, settings, seed; written first."""
        return self.path / "run.json"

    @property
    def evidence(self) -> Path:
        """Everything that stages 1-4 write."""
        return self.path / "evidence"

    @property
    def _shared(self) -> Path:
        """Evidence that a run and its proof have in common."""
        return self.outer.evidence if self.outer else self.evidence

    @property
    def target_file(self) -> Path:
        """The Target as it was used, as JSON."""
        return self.evidence / "target.json"

    @property
    def cluster_file(self) -> Path:
        """The Cluster, as JSON (paths only, no credentials)."""
        return self.evidence / "cluster.json"

    @property
    def installation_file(self) -> Path:
        """The Installation, as JSON; absent where the install failed."""
        return self.evidence / "installation.json"

    @property
    def install_fault_file(self) -> Path:
        """The Finding of an install that failed by the operator's fault; else absent."""
        return self.evidence / "install-fault.json"

    @property
    def access(self) -> Path:
        """Folder of AccessSnapshots, one for each moment, by the probes."""
        return self.evidence / "access"

    @property
    def stages_file(self) -> Path:
        """StageRecords, by the runner."""
        return self.evidence / "stages.ndjson"

    @property
    def suite_file(self) -> Path:
        """SuiteRecords, by the pytest plugin."""
        return self.evidence / "suite.ndjson"

    @property
    def processes_file(self) -> Path:
        """ProcessEvents, by the guard."""
        return self._shared / "processes.ndjson"

    @property
    def containers_file(self) -> Path:
        """ProcessEvents of the operator's containers in a cluster, by the probes."""
        return self.evidence / "containers.ndjson"

    @property
    def operator_logs(self) -> Path:
        """Folder of LogLines, a file a process, by the guard; a file a Pod, by the probes."""
        return self._shared / "operator"

    @property
    def timeline(self) -> Path:
        """Folder of TimelineEvents, a file a resource, by the probes."""
        return self.evidence / "timeline"

    @property
    def samples(self) -> Path:
        """Folder of fixed-width columns, by the probes."""
        return self.evidence / "samples"

    @property
    def metrics(self) -> Path:
        """Folder of MetricsPages."""
        return self.evidence / "metrics"

    @property
    def components(self) -> Path:
        """Folder of the logs of the cluster's components."""
        return self.evidence / "components"

    @property
    def load(self) -> Path:
        """Folder of what a load left: LoadPlan, LoadPhases, columns of arrivals and events."""
        return self.evidence / "load"

    @property
    def load_plan_file(self) -> Path:
        """The LoadPlan as JSON; absent where there was no load."""
        return self.load / "plan.json"

    @property
    def load_phases_file(self) -> Path:
        """LoadPhases, by the pytest plugin."""
        return self.load / "phases.ndjson"

    @property
    def load_events_file(self) -> Path:
        """Columns of watch events, by the receiver."""
        return self.load / "events.i64"

    @property
    def load_sizes_file(self) -> Path:
        """Sizes at which growth was measured (`harness.model.growth`)."""
        return self.load / "sizes.ndjson"

    @property
    def comparison_plan_file(self) -> Path:
        """The ComparisonPlan as JSON; absent where a run doesn't interleave two builds."""
        return self.load / "comparison.json"

    @property
    def baseline_file(self) -> Path:
        """The Baseline as JSON; absent where a run is held against none."""
        return self.load / "baseline.json"

    @property
    def load_machine_file(self) -> Path:
        """Columns of what the machine's processors were used for, by the driver."""
        return self.load / "machine.i64"

    def load_arrivals_file(self, worker: int) -> Path:
        """Columns of the arrivals of one of the load generator's processes, numbered from 0."""
        return self.load / f"arrivals-{worker}.i64"

    @property
    def soak(self) -> Path:
        """Folder of what a soak left: SoakPlan, Plateaus, profiles."""
        return self.evidence / "soak"

    @property
    def soak_plan_file(self) -> Path:
        """The SoakPlan as JSON; absent where there was no soak."""
        return self.soak / "plan.json"

    @property
    def plateaus_file(self) -> Path:
        """Plateaus, one a workload and cycle, by the pytest plugin."""
        return self.soak / "plateaus.ndjson"

    @property
    def soak_rests_file(self) -> Path:
        """Plateaus before and after the definition was made anew, by the pytest plugin."""
        return self.soak / "rests.ndjson"

    @property
    def leases_file(self) -> Path:
        """LeaseStates, one a Lease and cycle, by the pytest plugin."""
        return self.soak / "leases.ndjson"

    @property
    def disturbances_file(self) -> Path:
        """Disturbances, by the pytest plugin."""
        return self.soak / "disturbances.ndjson"

    def profile_file(self, kind: str, workload: str, cycle: int) -> Path:
        """A profile as text, compressed.

        Args:
            kind: "heap" or "goroutine".
            workload: Whose.
            cycle: From 0.
        """
        return self.soak / f"{kind}-{workload}-{cycle:04d}.txt.gz"

    @property
    def soak_inventory_file(self) -> Path:
        """Inventories of the cluster, before a soak's first cycle and after its last."""
        return self.soak / "inventory.ndjson"

    @property
    def allure_raw(self) -> Path:
        """Folder of what allure-pytest writes of the suites' tests."""
        return self.evidence / "allure-raw"

    @property
    def inventory_file(self) -> Path:
        """Inventories of a cluster that isn't ours: before the install, after the uninstall."""
        return self.evidence / "inventory.ndjson"

    @property
    def uninstall_file(self) -> Path:
        """How the uninstall went, where one was needed."""
        return self.evidence / "uninstall.json"

    @property
    def cluster_calls_file(self) -> Path:
        """StageRecords of each call by which a cluster was made and deleted, by its provider."""
        return self.evidence / "cluster-calls.ndjson"

    @property
    def manifests_file(self) -> Path:
        """ManifestRecords, by the runner, where a suite is static."""
        return self.evidence / "manifests.ndjson"

    @property
    def origins_file(self) -> Path:
        """Origins: where the manifests' objects stand in the operator's files, by the runner."""
        return self.evidence / "origins.json"

    @property
    def own_tests_file(self) -> Path:
        """OwnTests as JSON; absent where they weren't run."""
        return self.evidence / "own-tests.json"

    @property
    def own_tests_log(self) -> Path:
        """What the operator's own unit tests printed."""
        return self.evidence / "own-tests.log"

    @property
    def own_e2e_file(self) -> Path:
        """OwnTests as JSON, of the end-to-end tests; absent where they weren't run."""
        return self.evidence / "own-e2e.json"

    @property
    def own_e2e_log(self) -> Path:
        """What the operator's own end-to-end tests printed."""
        return self.evidence / "own-e2e.log"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log; rotated files lie beside it as audit-<time>.log."""
        return self._shared / "audit.log"

    @property
    def swap_file(self) -> Path:
        """The Swap of a proof by removal, as JSON: which roles were taken, and which given."""
        return self.evidence / "swap.json"

    @property
    def prometheus(self) -> Path:
        """Folder of the time series of the run's own Prometheus."""
        return self.evidence / "prometheus"

    @property
    def promql_file(self) -> Path:
        """PromqlAnswers, by the probes."""
        return self.evidence / "promql.ndjson"

    @property
    def result_file(self) -> Path:
        """`RunResult` as JSON."""
        return self.path / "result.json"

    def report(self, name: str) -> Path:
        """Returns the path of a report, for example `report("report.html")`."""
        return self.path / name
