"""The one document that every report is rendered from (`result.json`)."""

from __future__ import annotations

import msgspec

from harness.model.access import RbacReport
from harness.model.checklists import AccessChecklist
from harness.model.comparison import Comparison
from harness.model.findings import ChecklistItem, Finding
from harness.model.installation import Alteration
from harness.model.loadresult import LoadResult
from harness.model.measurement import GateResult, Measurement, Series
from harness.model.resource import ObjectKey
from harness.model.soakresult import SoakResult
from harness.model.verdict import Verdict

__all__ = [
    "SCHEMA_VERSION",
    "Convergence",
    "ErrorNote",
    "Fact",
    "OwnTestResult",
    "PhaseBand",
    "RunInfo",
    "RunResult",
    "TestResult",
    "TimelineMark",
]

SCHEMA_VERSION = "1"


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the environment table."""

    name: str
    value: str


class ErrorNote(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the harness or its environment that broke."""

    where: str
    message: str
    hint: str = ""


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What ran, where, when.

    Attributes:
        started: ISO 8601, UTC.
        duration_s: From the first stage to the verdict, in seconds.
        definition: The target's definition, relative to the repository that it lies in.
    """

    id: str
    suites: tuple[str, ...]
    target: str
    twin: str
    cluster_provider: str
    started: str
    duration_s: float
    harness_version: str
    seed: int
    command: str = ""
    definition: str = "target.yaml"


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """One test; `outcome` as in `records.TestOutcome`."""

    test: str
    outcome: str
    duration_s: float
    message: str = ""
    traceback: str = ""
    checks: tuple[str, ...] = ()


class OwnTestResult(msgspec.Struct, frozen=True, kw_only=True):
    """One case of the operator's own tests, as its runner told it.

    Attributes:
        check: "UNI-001" for its unit tests, "INT-001" for its end-to-end tests.
        title: Group and name, for example "example.org/shop TestOpen".
        outcome: "passed", "failed" or "skipped".
        message: Of a failed one, the last lines that it printed.
    """

    check: str
    title: str
    outcome: str
    duration_s: float
    message: str = ""


class TimelineMark(msgspec.Struct, frozen=True, kw_only=True):
    """A point on a convergence timeline.

    Attributes:
        ms: Milliseconds after the stimulus was sent.
        label: For example "created", "Ready=True".
        lane: "stimulus", "custom resource" or the child, for example "Deployment guestbook".
    """

    ms: float
    label: str
    lane: str


class Convergence(msgspec.Struct, frozen=True, kw_only=True):
    """How one generation of one custom resource converged, from watch stamps.

    Attributes:
        action: "create" or "update".
        latency_ms: From the send (t1) to the watch event that met the readiness rule for this
            generation (t4), one monotonic clock; None where it never did.
        acknowledged_ms: From the send to the API server's answer (t2).
        echoed_ms: From the send to the own write's watch event (t3).
        watched_ms: For how long it could have converged: until the next stimulus, or the end of
            its window.
    """

    subject: ObjectKey
    generation: int
    action: str
    latency_ms: float | None
    acknowledged_ms: float | None = None
    echoed_ms: float | None = None
    marks: tuple[TimelineMark, ...] = ()
    watched_ms: float | None = None


class PhaseBand(msgspec.Struct, frozen=True, kw_only=True):
    """A named phase on the run's time axis, in seconds since its start.

    Attributes:
        whole: Whether charts shade it instead of its parts: a cycle of a soak.
    """

    name: str
    start_s: float
    end_s: float
    whole: bool = False


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a report says; reporters never compute.

    Attributes:
        sentence: Why the verdict is what it is, in one sentence.
        checklists: Permissions and scope, item by item.
        blind_spots: What this cluster can't show.
        own_tests: The single cases of the operator's own tests, where they were told.
        tail: The operator's last log lines where it died or never became ready.
        load: What was found under load; None where there was none.
        soak: Leaks, of a soak; None where there was none.
        comparisons: With another build or an earlier run, one a phase; none where nothing was.
    """

    schema_version: str = SCHEMA_VERSION
    verdict: Verdict
    exit_code: int
    sentence: str
    run: RunInfo
    environment: tuple[Fact, ...] = ()
    checks: tuple[ChecklistItem, ...] = ()
    findings: tuple[Finding, ...] = ()
    waived: tuple[Finding, ...] = ()
    gates: tuple[GateResult, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    convergences: tuple[Convergence, ...] = ()
    series: tuple[Series, ...] = ()
    phases: tuple[PhaseBand, ...] = ()
    permissions: RbacReport | None = None
    checklists: tuple[AccessChecklist, ...] = ()
    alterations: tuple[Alteration, ...] = ()
    notes: tuple[str, ...] = ()
    blind_spots: tuple[str, ...] = ()
    tests: tuple[TestResult, ...] = ()
    own_tests: tuple[OwnTestResult, ...] = ()
    errors: tuple[ErrorNote, ...] = ()
    tail: tuple[str, ...] = ()
    load: LoadResult | None = None
    soak: SoakResult | None = None
    comparisons: tuple[Comparison, ...] = ()
