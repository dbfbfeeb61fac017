"""Evidence: a run folder read back, whole, torn or missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import EvidenceError
from harness.evidence.folder import RunFolder
from harness.evidence.ndjson import write_document
from harness.evidence.reader import Evidence
from harness.model.findings import CheckOutcome, Finding, Severity, Status
from harness.model.records import Action, GapRecord, JudgedRecord
from harness.tests.analysis.recording import BOOK, BOOKS, Recording, at, book, span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path)


def test_an_empty_folder_is_empty_evidence(tmp_path: Path) -> None:
    evidence = Evidence(RunFolder(tmp_path))

    assert evidence.cluster is None
    assert evidence.installation is None
    assert evidence.install_fault is None
    empty: list[Sequence[object]] = [
        evidence.stages(),
        evidence.suite(),
        evidence.phases(),
        evidence.waits(),
        evidence.stimuli(),
        evidence.snapshots(),
        evidence.tests(),
        evidence.judged(),
        evidence.gaps(),
        evidence.process_events(),
        evidence.calls(),
        evidence.metrics_pages(),
        evidence.column_names(),
        evidence.timeline("configmaps"),
        evidence.log("manager"),
        list(evidence.timelines()),
        list(evidence.logs()),
    ]
    assert not any(empty)
    assert evidence.columns("process-manager") is None
    assert evidence.log_tail() == ()


@pytest.mark.parametrize("name", ["manifest", "target"])
def test_a_folder_without_what_every_run_has_is_an_error_with_a_hint(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(EvidenceError, match="is missing") as error:
        getattr(Evidence(RunFolder(tmp_path)), name)
    assert error.value.hint


def test_a_document_of_another_version_is_an_error_that_names_the_file(
    recording: Recording,
) -> None:
    recording.run.cluster_file.write_text('{"id": 3}')

    with pytest.raises(EvidenceError, match=r"cluster\.json"):
        _ = recording.evidence.cluster


def test_documents_come_back_typed(recording: Recording) -> None:
    evidence = recording.evidence

    assert evidence.manifest.id == "run"
    assert evidence.target.kinds[0].resource == BOOKS
    assert evidence.cluster is not None
    assert evidence.cluster.provider == "local"
    assert evidence.installation is not None
    assert evidence.installation.workloads[0].process == "manager"


def test_an_install_fault_comes_back(recording: Recording) -> None:
    finding = Finding(check="INS-001", severity=Severity.BLOCKER, title="refused")
    write_document(recording.run.install_fault_file, finding)

    assert recording.evidence.install_fault == finding


def test_records_of_the_suite_are_told_apart(recording: Recording) -> None:
    recording.phase(1, 2, "REC-001")
    recording.wait(1, 2, met=True)
    recording.stimulus(1, Action.CREATE)
    recording.snapshot(1, "before")
    recording.test("test_a", "started")
    recording.test("test_a", "passed")
    recording.test("test_b", "started")
    outcome = CheckOutcome(check="REC-001", status=Status.PASS)
    recording.record(JudgedRecord(phase="window 1", outcome=outcome))
    recording.record(GapRecord(span=span(1, 2), source="audit", reason="x"))

    evidence = recording.evidence

    assert len(evidence.suite()) == 9
    assert [phase.name for phase in evidence.phases()] == ["window 1"]
    assert [wait.met for wait in evidence.waits()] == [True]
    assert [stimulus.action for stimulus in evidence.stimuli()] == [Action.CREATE]
    assert [shot.name for shot in evidence.snapshots()] == ["before"]
    assert [test.outcome for test in evidence.tests()] == ["passed"]
    assert evidence.unfinished_tests() == ("test_b",)
    assert [record.outcome for record in evidence.judged()] == [outcome]
    assert [gap.reason for gap in evidence.gaps()] == ["x"]


def test_gaps_that_probes_told_are_among_the_gaps(recording: Recording) -> None:
    path = recording.run.evidence / "probes.ndjson"
    recording._append(path, GapRecord(span=span(1, 2), source="timeline/x", reason="late"))

    assert [gap.source for gap in recording.evidence.gaps()] == ["timeline/x"]


def test_a_torn_last_record_is_left_out(recording: Recording) -> None:
    recording.phase(1, 2)
    recording.phase(3, 4)
    whole = recording.run.suite_file.read_bytes()
    recording.run.suite_file.write_bytes(whole[:-5])

    assert [phase.name for phase in recording.evidence.phases()] == ["window 1"]


def test_a_record_that_was_changed_is_an_error_with_its_line(recording: Recording) -> None:
    recording.phase(1, 2)
    with recording.run.suite_file.open("a") as file:
        file.write("nonsense\n")

    with pytest.raises(EvidenceError, match=r"suite\.ndjson:2"):
        recording.evidence.suite()


def test_stages_and_processes_come_back(recording: Recording) -> None:
    recording.stage("cluster", 1, 2)
    recording.process(3, "started")

    assert [stage.name for stage in recording.evidence.stages()] == ["cluster"]
    assert [event.event for event in recording.evidence.process_events()] == ["started"]


def test_timelines_and_logs_are_found_by_name_and_read_once(recording: Recording) -> None:
    recording.event(1, "ADDED", book())
    recording.log(1, "hello")
    evidence = recording.evidence

    assert list(evidence.timelines()) == [BOOKS]
    assert evidence.timeline(BOOKS)[0].key == BOOK
    assert evidence.timeline(BOOKS) is evidence.timeline(BOOKS)
    assert [line.text for line in evidence.logs()["manager"]] == ["hello"]
    assert evidence.log("manager") is evidence.log("manager")


def test_evidence_shows_one_moment(recording: Recording) -> None:
    evidence = recording.evidence
    assert len(evidence.calls()) == 1
    recording.call(2, "get", "configmaps")

    assert len(evidence.calls()) == 1
    assert len(recording.evidence.calls()) == 2


def test_the_operators_last_lines_come_from_all_its_processes(recording: Recording) -> None:
    recording.log(1, "a", "b", step=1)
    recording.log(1.5, "c", process="manager-2")
    recording.log(9, "late")

    assert recording.evidence.log_tail(until=at(5), lines=2) == ("c", "b")
    assert recording.evidence.log_tail() == ("a", "c", "b", "late")


def test_metrics_pages_come_oldest_first(recording: Recording) -> None:
    recording.page(20, "later")
    recording.page(3, "earlier")

    assert [page.body for page in recording.evidence.metrics_pages()] == ["earlier", "later"]


def test_columns_come_back(recording: Recording) -> None:
    recording.samples((1, 42, 0.5, 30))
    evidence = recording.evidence

    assert evidence.column_names() == ("process-manager",)
    columns = evidence.columns("process-manager")
    assert columns is not None
    assert list(columns["pid"]) == [42]


def test_places_are_told_from_the_run_folder_on(recording: Recording) -> None:
    evidence = recording.evidence

    assert evidence.place(recording.run.suite_file) == "evidence/suite.ndjson"
    assert evidence.place("audit-2027.log") == "evidence/audit-2027.log"
    assert evidence.place("evidence/audit.log") == "evidence/audit.log"
    assert evidence.place("/elsewhere/audit.log") == "evidence/audit.log"
