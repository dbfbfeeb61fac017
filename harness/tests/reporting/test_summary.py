"""summary.md and the closing lines of a terminal."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import msgspec
import pytest
from markdown_it import MarkdownIt

from harness.evidence.folder import RunFolder
from harness.model.result import RunResult
from harness.reporting import render_summary
from harness.reporting.summary import escaped
from harness.reporting.terminal import terminal_lines, terminal_summary
from harness.tests.reporting import results
from harness.tests.reporting.snapshot import check_snapshot


@pytest.fixture(params=results.ALL)
def result(request: pytest.FixtureRequest) -> RunResult:
    built: RunResult = results.ALL[request.param]()
    return built


def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


@pytest.mark.parametrize("name", results.ALL)
def test_the_summary_is_as_kept(name: str) -> None:
    check_snapshot(f"summary-{name}.md", render_summary(results.ALL[name]()))


@pytest.mark.parametrize("name", results.ALL)
def test_the_terminal_says_what_is_kept(name: str) -> None:
    lines = terminal_lines(results.ALL[name](), report=Path("harness-runs/latest/report.html"))
    check_snapshot(f"terminal-{name}.txt", "\n".join(lines) + "\n")


def test_markdown_shows_hostile_text_as_it_is() -> None:
    html = _markdown().render(escaped(results.HOSTILE))
    assert not re.search(r"<(?!/?p>)", html)
    assert "&lt;script&gt;alert('x')&lt;/script&gt;]]&gt;&amp;amp;&quot;|`*_[a](http://" in html


@pytest.mark.parametrize(
    "text",
    [
        "1. no list",
        "- no list",
        "# no heading",
        "> no quotation",
        "www.example.com",
        "a@b.example",
        "see #12 and :tada:",
        "a*b*c __d__ ~~e~~ `f` $g$",
        "===",
    ],
)
def test_markdown_is_never_taken_for_markup(text: str) -> None:
    html = _markdown().render(escaped(text))
    assert html == f"<p>{text.replace('>', '&gt;')}</p>\n"


def test_markdown_tables_keep_their_shape_whatever_they_hold(result: RunResult) -> None:
    html = _markdown().render(render_summary(result))
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        rows = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        assert len({len(re.findall(r"<t[hd][ >]", row)) for row in rows}) == 1
    assert "<script" not in html
    assert "<img" not in html
    assert "<a " not in html


def test_a_pass_of_a_summary_names_no_failed_check() -> None:
    assert "Failed checks" not in render_summary(results.passing())


def test_a_long_list_of_findings_is_cut_and_says_so() -> None:
    base = results.install_failure()
    (finding,) = base.findings
    others = tuple(msgspec.structs.replace(finding, title=f"Fault {n}") for n in range(100))
    many = msgspec.structs.replace(base, findings=others)
    assert "70 more findings in the report" in render_summary(many)
    assert "80 more findings in the report" in "\n".join(terminal_lines(many))


def test_the_same_finding_in_several_windows_is_told_once() -> None:
    base = results.install_failure()
    (finding,) = base.findings
    many = msgspec.structs.replace(base, findings=(finding,) * 5)
    said = "\n".join(terminal_lines(many, width=400))
    assert said.count(finding.title) == 1
    assert f"{finding.title} (in 5 windows)." in said


def test_terminal_lines_hold_no_control_character(result: RunResult) -> None:
    for line in terminal_lines(result):
        assert not [char for char in line if unicodedata.category(char) in {"Cc", "Cf"}]


def test_every_failed_check_is_followed_by_its_remedy_and_never_by_its_snippet() -> None:
    lines = terminal_lines(results.failing())
    (at,) = [index for index, line in enumerate(lines) if line.startswith("  RBA-004")]
    assert lines[at + 1].startswith("    Remedy: Grant what is missing")
    assert not [line for line in lines if "verbs:" in line]


@pytest.mark.parametrize("width", [1, 40, 72, 200])
def test_lines_are_wrapped_between_words_to_the_terminals_width(width: int) -> None:
    wrapped = terminal_lines(results.failing(), width=width)
    longest = max(len(word) for line in wrapped for word in line.split()) + 4
    assert all(len(line) < max(width, longest, 41) for line in wrapped[1:-1])
    assert " ".join(results.failing().sentence.split()) in " ".join(" ".join(wrapped).split())


def test_an_operator_that_died_has_its_last_lines_in_the_terminal() -> None:
    result = results.install_failure()
    text = "\n".join(terminal_lines(result))
    assert "The operator's last lines:" in text
    assert result.tail[-1].split()[-1] in text


@pytest.mark.parametrize(
    ("live", "variables", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_the_verdict_is_coloured_where_a_person_looks_at_it(
    live: bool,  # noqa: FBT001 - a parameter of the test
    variables: dict[str, str],
    coloured: bool,  # noqa: FBT001 - likewise
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: live)
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    text = terminal_summary(results.failing(), RunFolder(tmp_path))

    assert text.startswith("Verdict: \x1b[1;31mFAIL\x1b[0m " if coloured else "Verdict: FAIL ")
    assert text.count("\x1b") == (2 if coloured else 0)


def test_the_last_line_of_a_terminal_is_the_path_of_the_report(tmp_path: Path) -> None:
    text = terminal_summary(results.passing(), RunFolder(tmp_path))
    assert text.splitlines()[-1] == f"Report: {tmp_path / 'report.html'}"
