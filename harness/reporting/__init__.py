"""Stage 7: reports; each one a pure function of `RunResult` (Allure's shows evidence, too).

write_reports    all of them into a run folder
render_json      result.json, read_result, schema
render_html      report.html
render_junit     junit.xml
render_sarif     findings.sarif
render_summary   summary.md
as_markdown      comparison.md, where builds or runs were compared
write_allure     allure-results/
terminal_summary what the terminal says at the end (`harness.reporting.terminal`)
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.errors import EvidenceError
from harness.reporting.allure import write_allure
from harness.reporting.comparison import as_markdown
from harness.reporting.document import read_result, render_json, schema
from harness.reporting.junit import render_junit
from harness.reporting.page import render_html
from harness.reporting.sarif import render_sarif
from harness.reporting.summary import render_summary

if TYPE_CHECKING:
    from pathlib import Path

    from harness.evidence.folder import RunFolder
    from harness.model.result import RunResult

__all__ = [
    "read_result",
    "render_html",
    "render_json",
    "render_junit",
    "render_sarif",
    "render_summary",
    "schema",
    "write_allure",
    "write_reports",
]


def write_reports(result: RunResult, run: RunFolder) -> None:
    """Writes result.json first, then what is rendered from it; each file atomically.

    Raises:
        EvidenceError: A file can't be written.
    """
    _write(run.result_file, render_json(result))
    for name, render in (
        ("report.html", render_html),
        ("junit.xml", render_junit),
        ("summary.md", render_summary),
        ("findings.sarif", render_sarif),
    ):
        _write(run.report(name), render(result))
    permissions = result.permissions
    if result.comparisons:
        _write(run.report("comparison.md"), as_markdown(result.comparisons))
    for name, content in (
        ("rbac-minimal.yaml", permissions.minimal if permissions else ""),
        ("rbac-minimal.diff", permissions.diff if permissions else ""),
    ):
        if content:
            _write(run.report(name), content)
    write_allure(result, run)


def _write(path: Path, content: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(content, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise EvidenceError(
            f"Can't write {path}: {error.strerror or error}",
            hint="Free disk space or mend the permissions, then run `harness report`.",
        ) from error
