"""The CI jobs that users copy: they parse, and what they call is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import __version__, resources
from harness.tests.repository.commands import calls, unknown_words

JOBS = resources.bundled("ci", "jobs")
REPORTS = ("report.html", "junit.xml", "summary.md")


def scripts(node: Any) -> list[str]:
    """Returns every line of shell in a job: the steps' `run` and the scripts."""
    found: list[str] = []
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "run" and isinstance(value, str):
                found += value.splitlines()
            elif key in {"script", "before_script", "after_script"}:
                found += value
            else:
                found += scripts(value)
    elif isinstance(node, list):
        for item in node:
            found += scripts(item)
    return found


@pytest.fixture(params=["github.yml", "gitlab.yml"])
def job(request: pytest.FixtureRequest) -> Path:
    return JOBS / str(request.param)


def test_every_job_is_looked_at_here() -> None:
    assert sorted(path.name for path in JOBS.iterdir()) == ["github.yml", "gitlab.yml"]


def test_a_job_calls_commands_and_options_that_exist(job: Path) -> None:
    called = calls(scripts(yaml.safe_load(job.read_text())))
    assert any(call.startswith("run --suite smoke --target ") for call in called)
    assert {call: unknown_words(call) for call in called if unknown_words(call)} == {}


def test_a_job_installs_this_version_and_caches_binaries_under_it(job: Path) -> None:
    text = job.read_text()
    assert f"HARNESS_VERSION: {__version__}\n" in text
    assert '"operator-harness==$HARNESS_VERSION"' in text
    assert "HARNESS_VERSION" in next(line for line in text.splitlines() if " key: " in line)


def test_a_job_keeps_the_reports_and_asks_for_no_secret(job: Path) -> None:
    text = job.read_text()
    assert [name for name in REPORTS if f"harness-runs/latest/{name}" not in text] == []
    assert "{{ secrets" not in text


def test_the_github_job_puts_the_summary_onto_the_job_s_page() -> None:
    lines = scripts(yaml.safe_load((JOBS / "github.yml").read_text()))
    assert 'cat harness-runs/latest/summary.md >> "$GITHUB_STEP_SUMMARY"' in lines


def test_the_github_job_uploads_findings_for_code_scanning_without_the_waived_ones() -> None:
    text = (JOBS / "github.yml").read_text()
    document = yaml.safe_load(text)
    steps = document["jobs"]["smoke"]["steps"]
    (upload,) = [step for step in steps if "upload-sarif" in step.get("uses", "")]
    assert upload["with"]["sarif_file"] == "harness-report/findings.sarif"
    assert document["permissions"]["security-events"] == "write"
    assert "select(.suppressions == [])" in text


def test_the_gitlab_job_hands_in_the_junit_report_whatever_the_verdict() -> None:
    artifacts = yaml.safe_load((JOBS / "gitlab.yml").read_text())["operator-harness"]["artifacts"]
    assert artifacts["when"] == "always"
    assert artifacts["reports"]["junit"] == "harness-report/junit.xml"
