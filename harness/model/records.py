"""What the stages that touch a cluster write as evidence, one struct a line of NDJSON.

Who writes what (all below RUN/evidence/; each file has one writer):

    stages.ndjson             StageRecord    runner
    processes.ndjson          ProcessEvent   guard
    containers.ndjson         ProcessEvent   probes: the operator's containers in a cluster
    operator/<process>.ndjson LogLine        guard; in a cluster probes, by Pod
    suite.ndjson              SuiteRecord    pytest plugin: phases, waits, stimuli, snapshots,
                                             tests, load as it goes
    load/                                    see harness.model.load
    timeline/<resource>.ndjson TimelineEvent  probes
    probes.ndjson             GapRecord      probes: what they missed
    samples/<name>.i64        columns        probes (`harness.evidence.columns`)
    metrics/*.json            MetricsPage    probes (called by the pytest plugin)
    manifests.ndjson          ManifestRecord runner, where a suite is static
    own-tests.json            OwnTests       runner, the same
    own-e2e.json              OwnTests       runner, where the operator's end-to-end tests ran
    audit*.log                ApiCall        kube-apiserver, in the API's own audit format
    components/*.log                         the cluster's components
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from harness.model.access import PolicyRule
from harness.model.digits import digits
from harness.model.findings import CheckOutcome
from harness.model.resource import ObjectKey
from harness.model.time import Span, Stamp

__all__ = [
    "CONTROL_PLANE_SAMPLES",
    "HARNESS_SAMPLES",
    "Action",
    "ApiCall",
    "FailedTest",
    "GapRecord",
    "Handed",
    "JudgedRecord",
    "LoadTick",
    "LogLine",
    "ManifestRecord",
    "MetricsPage",
    "Notice",
    "OwnCase",
    "OwnTests",
    "Phase",
    "ProcessEvent",
    "Reviewed",
    "RoleName",
    "Snapshot",
    "SoakTick",
    "StageRecord",
    "Stimulus",
    "SuiteRecord",
    "TestOutcome",
    "TimelineEvent",
    "Wait",
]

CONTROL_PLANE_SAMPLES = "control-plane"
HARNESS_SAMPLES = "harness"
"""First parts of the names of samples of what isn't the operator."""


class _Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="record"):
    """Base: each line says which record it is."""


class StageRecord(_Record, frozen=True, kw_only=True, tag="stage"):
    """One stage of a run (or a step inside it), for the report's own timing."""

    name: str
    span: Span
    outcome: str = "done"  # or "failed", "interrupted"


class ProcessEvent(_Record, frozen=True, kw_only=True, tag="process"):
    """A process under the guard, or a container of the operator's Pod, started or ended.

    Attributes:
        name: Of the process, or of the Pod.
        pid: Of the process; of a container, how often it was restarted before.
        event: "started" or "ended".
        exit_code: For "ended"; negative for a signal, as in `subprocess`.
        asked: Whether we ended it (stop, kill, restart, teardown).
        reason: Of the end, for example "OOMKilled"; empty where none is known.
    """

    name: str
    pid: int
    event: str
    stamp: Stamp
    exit_code: int | None = None
    asked: bool = False
    reason: str = ""


class LogLine(_Record, frozen=True, kw_only=True, tag="log"):
    """One line that an operator process printed, without known secrets."""

    stamp: Stamp
    stream: str  # "stdout" or "stderr"
    text: str
    pid: int = 0


class TimelineEvent(_Record, frozen=True, kw_only=True, tag="event"):
    """One watch event (or a listed object, type "LISTED") as it came.

    Attributes:
        stamp: When its bytes had arrived.
        type: ADDED, MODIFIED, DELETED, LISTED or GAP (a relist; what lay between is unknown).
        object: The object without managedFields; Secrets keep metadata and a keyed hash of data.
        managers: Names in managedFields, by "manager/operation/subresource".
    """

    stamp: Stamp
    type: str
    key: ObjectKey
    resource_version: str = ""
    object: dict[str, Any] = {}  # any JSON
    managers: tuple[str, ...] = ()


class Action(StrEnum):
    """What a stimulus does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RESTART = "restart"
    KILL = "kill"
    PAUSE = "pause"
    RESUME = "resume"
    RESTORE = "restore"  # the cluster goes back to a snapshot
    OUTAGE = "outage"  # something that it needs is away: the API server, its own definition


class Phase(_Record, frozen=True, kw_only=True, tag="phase"):
    """A named, closed window of the run: the evidence that its checks are judged on.

    Attributes:
        name: Unique in the run, for example "webapp_v1_guestbook/silence".
        checks: Ids of the checks that are judged on it; empty for a mere phase.
        subject: What it is about, for example a sample's name.
        objects: The objects it is about, the custom resource first.
        test: pytest node id.
        facts: What the judge must know and can't see in other evidence (any JSON).
    """

    name: str
    span: Span
    checks: tuple[str, ...] = ()
    subject: str = ""
    objects: tuple[ObjectKey, ...] = ()
    test: str = ""
    facts: dict[str, Any] = {}


class Wait(_Record, frozen=True, kw_only=True, tag="wait"):
    """One wait for a state, by watch.

    Attributes:
        awaited: In words, for example "condition Ready for generation 2".
        met: False where the time ran out.
        last: The last object seen, redacted; None where it never existed or is gone.
        difference: What was missing, as text.
        timeout_s: The limit in seconds.
        refusal: The API server's words, where it could not show the object since the operator's
            conversion webhook failed.
    """

    awaited: str
    subject: ObjectKey
    span: Span
    met: bool
    timeout_s: float
    phase: str = ""
    last: dict[str, Any] | None = None
    difference: str = ""
    refusal: str = ""


class Stimulus(_Record, frozen=True, kw_only=True, tag="stimulus"):
    """One thing that we did to the cluster or to the operator.

    Attributes:
        intended: When it was due (t0); equal to `sent` in smoke.
        sent: t1. acknowledged: t2, when the API server's answer had arrived.
        generation: metadata.generation in the answer; 0 where there is none.
        status: HTTP status; 0 where the request isn't one to the API server.
    """

    action: Action
    intended: Stamp
    sent: Stamp
    acknowledged: Stamp
    subject: ObjectKey | None = None
    generation: int = 0
    resource_version: str = ""
    status: int = 0
    detail: str = ""


class Snapshot(_Record, frozen=True, kw_only=True, tag="snapshot"):
    """Objects that were there at one instant, found by listing."""

    name: str
    stamp: Stamp
    objects: tuple[dict[str, Any], ...]  # metadata only: apiVersion, kind, metadata


class TestOutcome(_Record, frozen=True, kw_only=True, tag="test"):
    """pytest's own outcome of one test.

    Attributes:
        outcome: "passed", "failed" (an assertion: the operator's fault), "broken" (any other
            error) or "skipped".
    """

    test: str
    outcome: str
    span: Span
    message: str = ""
    traceback: str = ""
    checks: tuple[str, ...] = ()


class JudgedRecord(_Record, frozen=True, kw_only=True, tag="judged"):
    """What the judge said during the run; `harness report` must come to the same."""

    phase: str
    outcome: CheckOutcome


class GapRecord(_Record, frozen=True, kw_only=True, tag="gap"):
    """A stretch in which evidence is known to be incomplete, and why."""

    span: Span
    source: str
    reason: str


class LoadTick(_Record, frozen=True, kw_only=True, tag="load"):
    """How a load goes, once a second; for people who watch, never for a figure.

    Attributes:
        phase: Name of the load phase.
        rate_per_s: Arrivals due in the last second.
        completed_per_s: Arrivals done in the last second.
        in_flight: Arrivals that are due and not done.
        p50_ms, p99_ms: Of the latest arrivals that are done, from their intended time.
        queue_depth: Of the operator's workqueues; None where nobody knows.
        operator_cpu: Cores that the operator uses; None where nobody knows.
    """

    stamp: Stamp
    phase: str
    rate_per_s: float
    completed_per_s: float
    in_flight: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    queue_depth: float | None = None
    operator_cpu: float | None = None

    @property
    def line(self) -> str:
        """What a terminal shows."""
        parts = [
            f"{self.phase}: {self.rate_per_s:.0f}/s",
            f"{self.completed_per_s:.0f}/s done",
            f"{self.in_flight} in flight",
        ]
        if self.p50_ms is not None and self.p99_ms is not None:
            parts.append(f"p50 {digits(self.p50_ms)} ms, p99 {digits(self.p99_ms)} ms")
        if self.queue_depth is not None:
            parts.append(f"queue {self.queue_depth:.0f}")
        if self.operator_cpu is not None:
            parts.append(f"operator {self.operator_cpu:.0%} CPU")
        return ", ".join(parts)


class Notice(_Record, frozen=True, kw_only=True, tag="notice"):
    """What people who watch should know, for example which rate was chosen, and why."""

    stamp: Stamp
    text: str


class SoakTick(_Record, frozen=True, kw_only=True, tag="soak"):
    """How a soak goes, once a cycle; for people who watch, never for a figure.

    Attributes:
        cycle: That is over, from 1.
        cycles: That are planned.
        left_s: Until the last one is over, as planned.
        detectable: The smallest leak of each signal that could be seen by now, in words; empty
            where there are too few cycles.
        grows: Signals that leak by now.
        disk: Bytes of evidence by now.
    """

    stamp: Stamp
    cycle: int
    cycles: int
    left_s: float
    detectable: dict[str, str] = {}
    grows: tuple[str, ...] = ()
    disk: int = 0

    @property
    def line(self) -> str:
        """What a terminal shows."""
        minutes, seconds = divmod(round(self.left_s), 60)
        parts = [f"cycle {self.cycle} of {self.cycles}, {minutes}:{seconds:02d} min left"]
        if self.grows:
            parts.append(f"leaks by now: {', '.join(self.grows)}")
        if self.detectable:
            least = ", ".join(f"{name} {amount}" for name, amount in self.detectable.items())
            parts.append(f"smallest leak that would show by now: {least}")
        if self.disk:
            parts.append(f"{self.disk >> 20} MiB of evidence")
        return "; ".join(parts)


SuiteRecord = (
    Phase
    | Wait
    | Stimulus
    | Snapshot
    | TestOutcome
    | JudgedRecord
    | GapRecord
    | LoadTick
    | Notice
    | SoakTick
)


class MetricsPage(_Record, frozen=True, kw_only=True, tag="metrics"):
    """One scrape of a metrics endpoint.

    Attributes:
        status: HTTP status; 0 where no answer came.
        error: Why there was none.
        body: The page as text exposition format.
    """

    workload: str
    url: str
    stamp: Stamp
    status: int
    body: str = ""
    error: str = ""
    content_type: str = ""


class RoleName(msgspec.Struct, frozen=True, kw_only=True):
    """Which role a binding gives: kind "Role" or "ClusterRole"."""

    kind: str
    name: str


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """What a write of a role or binding gives to others: rules, or a role by name."""

    rules: tuple[PolicyRule, ...] = ()
    role: RoleName | None = None


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks whether they may do it; either a resource or a path."""

    verb: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class ApiCall(_Record, frozen=True, kw_only=True, gc=False, tag="call"):
    """One request, from the API server's audit log (read by `harness.evidence.audit`).

    Attributes:
        user: Identity after impersonation; `impersonator` holds the original one.
        received_ns, done_ns: Wall clock, nanoseconds; the log has microseconds.
        decision: "allow", "forbid" or "" where the log doesn't say.
        resource: `Resource.key` without version, for example "deployments.apps".
        code: HTTP status; 0 while a watch is open.
        handed: Of a write of a role or binding; None for all others.
        review: Of a SelfSubjectAccessReview; None for all others.
        line: 1-based line of the log file.
    """

    audit_id: str
    stage: str
    user: str
    verb: str
    uri: str
    received_ns: int
    done_ns: int
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    code: int = 0
    decision: str = ""
    reason: str = ""
    user_agent: str = ""
    impersonator: str = ""
    dry_run: bool = False
    handed: Handed | None = None
    review: Reviewed | None = None
    file: str = ""
    line: int = 0


class ManifestRecord(_Record, frozen=True, kw_only=True, tag="manifest"):
    """One object of the operator's manifests, or a sample, as it was rendered.

    Attributes:
        origin: "manifest", "sample", or "previous" for a CRD of the release before.
        object: Without the values of Secrets.
        file: Of a sample, relative to the target's folder.
    """

    origin: str
    object: dict[str, Any]  # any JSON
    file: str = ""


class FailedTest(msgspec.Struct, frozen=True, kw_only=True):
    """One of the operator's own tests that failed.

    Attributes:
        output: The last lines that it printed.
    """

    name: str
    output: str = ""


class OwnCase(msgspec.Struct, frozen=True, kw_only=True):
    """One case of the operator's own tests, as its runner told it.

    Attributes:
        group: Package, class or suite.
        outcome: "passed", "failed" or "skipped".
        output: Of a failed one, the last lines that it printed.
    """

    name: str
    group: str = ""
    outcome: str = "passed"
    seconds: float = 0.0
    output: str = ""

    @property
    def title(self) -> str:
        """Group and name, as findings and reports call it."""
        return f"{self.group} {self.name}".strip()


class OwnTests(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the operator's own unit tests, or of its end-to-end tests.

    Attributes:
        command: As it was run.
        exit_code: None where it was stopped since it took too long.
        seconds: How long it took.
        limit_s: Its time limit.
        counted: Whether the command told its single tests; else nobody has counted them.
        cases: The single tests, where they were told.
        tail: The last lines of its output.
        log: Name of the file in `evidence/` that holds all of it.
    """

    command: tuple[str, ...]
    exit_code: int | None
    seconds: float
    limit_s: float
    counted: bool = False
    passed: int = 0
    skipped: int = 0
    failed: tuple[FailedTest, ...] = ()
    cases: tuple[OwnCase, ...] = ()
    tail: str = ""
    log: str = ""
