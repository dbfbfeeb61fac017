"""Stage 6: the run, its environment and its tests, as the reports show them."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from harness.clock import utc
from harness.model.result import ErrorNote, Fact, OwnTestResult, RunInfo, TestResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.reader import Evidence
    from harness.model.cluster import Cluster
    from harness.model.target import Waiver

__all__ = [
    "broken_tests",
    "environment",
    "interruption",
    "notes",
    "own_test_results",
    "run_info",
    "test_results",
]

_MAX_GAPS = 10


def run_info(evidence: Evidence) -> RunInfo:
    """Returns what ran, where, when."""
    manifest = evidence.manifest
    ends = [
        *(stage.span.end.mono_ns for stage in evidence.stages()),
        *(phase.span.end.mono_ns for phase in evidence.phases()),
        *(test.span.end.mono_ns for test in evidence.tests()),
        # Of a run that was killed in one long test, as a soak is.
        *(phase.span.end.mono_ns for phase in evidence.load_phases()),
    ]
    return RunInfo(
        id=manifest.id,
        suites=manifest.suites,
        target=manifest.target,
        twin=manifest.twin,
        cluster_provider=manifest.cluster,
        started=utc(manifest.started).isoformat(timespec="seconds"),
        duration_s=max(0.0, (max(ends, default=0) - manifest.started.mono_ns) / 1e9),
        harness_version=manifest.harness_version,
        seed=manifest.seed,
        command=manifest.command,
        definition=evidence.origins.definition,
    )


def environment(evidence: Evidence) -> tuple[Fact, ...]:
    """Returns the lines of the environment table."""
    facts = list(evidence.manifest.facts)
    cluster = evidence.cluster
    if cluster is None:
        return tuple(facts)
    facts += [
        Fact(name="Cluster", value=f"{cluster.provider}, Kubernetes {cluster.server_version}"),
        Fact(name="Capabilities of the cluster", value=", ".join(cluster.capabilities) or "none"),
        *_components(cluster),
        *(Fact(name="About the cluster", value=fact) for fact in cluster.facts),
    ]
    return tuple(facts)


def _components(cluster: Cluster) -> list[Fact]:
    """One line for each source that binaries came from."""
    sources: dict[str, list[str]] = {}
    for part in cluster.components:
        sources.setdefault(part.source, []).append(f"{part.name} {part.version}")
    return [
        Fact(name=f"Binaries ({source})", value=", ".join(parts))
        for source, parts in sources.items()
    ]


def notes(evidence: Evidence, idle: Sequence[Waiver]) -> tuple[str, ...]:
    """Returns what a reader must know beside the checks."""
    said = list(evidence.installation.notes if evidence.installation else ())
    gaps = Counter(f"{gap.source}: {gap.reason}" for gap in evidence.gaps())
    said += [
        f"Evidence is incomplete{f', {times} times' if times > 1 else ''}: {gap}"
        for gap, times in islice(gaps.items(), _MAX_GAPS)
    ]
    if len(gaps) > _MAX_GAPS:
        said.append(f"Evidence is incomplete in {len(gaps) - _MAX_GAPS} more places.")
    said += [
        f"The waiver for {waiver.check}{f' ({waiver.match})' if waiver.match else ''} "
        "excused nothing in this run."
        for waiver in idle
    ]
    return tuple(said)


def test_results(evidence: Evidence) -> tuple[TestResult, ...]:
    """Returns the tests in the order in which they ended."""
    return tuple(
        TestResult(
            test=test.test,
            outcome=test.outcome,
            duration_s=test.span.seconds,
            message=test.message,
            traceback=test.traceback,
            checks=test.checks,
        )
        for test in evidence.tests()
    )


def own_test_results(evidence: Evidence) -> tuple[OwnTestResult, ...]:
    """Returns the cases of the operator's own tests, as their runners told them."""
    return tuple(
        OwnTestResult(
            check=check,
            title=case.title,
            outcome=case.outcome,
            duration_s=case.seconds,
            message=case.output,
        )
        for check, done in (("UNI-001", evidence.own_tests), ("INT-001", evidence.own_e2e))
        if done is not None
        for case in done.cases
    )


def broken_tests(evidence: Evidence) -> tuple[ErrorNote, ...]:
    """Returns a note for each test that broke by anything but an assertion."""
    return tuple(
        ErrorNote(
            where=test.test,
            message=test.message or "the test broke without a message",
            hint="Its traceback is among the tests of this report.",
        )
        for test in evidence.tests()
        if test.outcome == "broken"
    )


def interruption(evidence: Evidence, *, stopped_by: str) -> str:
    """Returns where a run was cut short, in words; empty where it wasn't.

    Args:
        evidence: Of the run; it may know of an end that nobody could report.
        stopped_by: For example "SIGINT"; empty if nobody stopped it.
    """
    by = f" ({stopped_by})" if stopped_by else ""
    for stage in evidence.stages():
        if stage.outcome == "interrupted":
            return f"the run was stopped during the stage {stage.name}{by}"
    for test in evidence.unfinished_tests():
        return f"the run was cut short in {test}{by}"
    return f"the run was stopped before its end{by}" if stopped_by else ""
