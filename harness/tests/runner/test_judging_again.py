"""`harness report`: the same evidence gives the same result, broken evidence one paragraph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import EvidenceError
from harness.evidence.folder import RunFolder
from harness.runner.conclude import conclude
from harness.tests.analysis import corpus

if TYPE_CHECKING:
    from pathlib import Path

REPORTS = ("result.json", "report.html", "junit.xml", "summary.md")
DOCUMENTS = (
    "run.json",
    "evidence/ending.json",
    "evidence/target.json",
    "evidence/cluster.json",
    "evidence/installation.json",
    "evidence/suite.ndjson",
    "evidence/stages.ndjson",
    "evidence/processes.ndjson",
)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(corpus.unpack("hot-loop", tmp_path))


def test_a_run_that_is_judged_again_gets_the_same_reports(run: RunFolder) -> None:
    first = conclude(run, errors=())
    written = [(run.path / name).read_bytes() for name in REPORTS]

    again = conclude(run)

    assert again == first
    assert [(run.path / name).read_bytes() for name in REPORTS] == written


def test_a_run_that_was_interrupted_stays_so(run: RunFolder) -> None:
    first = conclude(run, errors=(), interrupted="SIGTERM")

    assert first.exit_code == 2
    assert conclude(run) == first


def test_a_run_that_was_killed_is_judged_by_what_it_recorded(run: RunFolder) -> None:
    (run.evidence / "ending.json").unlink()

    result = conclude(run)

    assert result.exit_code == 2
    assert "killed before it ended" in result.sentence
    assert result.findings


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *((name, "{]\n") for name in DOCUMENTS),
        *(
            (name, '{"record":"of another version"}\n')
            for name in DOCUMENTS
            if name != "evidence/ending.json"  # an ending may lack every field
        ),
    ],
)
def test_a_broken_file_is_named_with_what_may_have_happened(
    run: RunFolder, name: str, content: str
) -> None:
    (run.path / name).write_text(content, encoding="utf-8")

    with pytest.raises(EvidenceError) as caught:
        conclude(run)

    assert name in str(caught.value)
    assert "another version" in caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_run_is_none(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="is no run folder"):
        conclude(RunFolder(tmp_path))
