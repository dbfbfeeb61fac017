"""report.html, read as a parser reads it."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections import Counter
from html.parser import HTMLParser

import msgspec
import pytest

from harness.model.findings import EvidenceRef, Status
from harness.model.measurement import Measurement, Series
from harness.model.result import Fact, RunResult
from harness.reporting import render_html
from harness.reporting.text import STATUS_WORDS, VERDICT_WORDS
from harness.tests.reporting import results
from harness.tests.reporting.loads import LOAD
from harness.tests.reporting.soaks import SOAK

_VOID = {"meta", "link", "br", "img", "input", "hr", "base"}


class _Page(HTMLParser):
    """Collects elements with their attributes, and the text of each element kind."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=[*results.ALL, "load", "soak"])
def result(request: pytest.FixtureRequest) -> RunResult:
    if request.param == "load":
        return msgspec.structs.replace(results.passing(), load=LOAD)
    if request.param == "soak":
        return msgspec.structs.replace(results.passing(), soak=SOAK)
    built: RunResult = results.ALL[request.param]()
    return built


def test_every_element_is_closed_and_every_id_is_unique(result: RunResult) -> None:
    page = _Page(render_html(result))
    assert page.open == []
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)
    assert [name for name, amount in ids.items() if amount > 1] == []


def test_every_reference_leads_to_something_on_the_page(result: RunResult) -> None:
    page = _Page(render_html(result))
    ids = {attributes.get("id") for _, attributes in page.elements}
    for _, attributes in page.elements:
        assert "src" not in attributes
        if "href" in attributes:
            assert attributes["href"].startswith("#")
            assert attributes["href"][1:] in ids
        for name in attributes.get("aria-labelledby", "").split():
            assert name in ids


def test_the_page_asks_for_nothing_outside_itself(result: RunResult) -> None:
    source = render_html(result)
    page = _Page(source)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(
        dict(page.elements)
    )
    (style,) = page.texts["style"]
    assert "url(" not in style
    assert "@import" not in style


def test_the_policy_allows_the_one_style_and_the_one_script_and_nothing_else(
    result: RunResult,
) -> None:
    page = _Page(render_html(result))
    policy = next(
        meta["content"]
        for meta in page.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    scripts = [
        text
        for text, attributes in zip(page.texts["script"], page.all("script"), strict=True)
        if attributes.get("type") != "application/json"  # data, which nothing runs
    ]
    for tag, contents in (("style", page.texts["style"]), ("script", scripts)):
        (content,) = contents
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_nothing_needs_a_style_attribute_or_an_event_handler(result: RunResult) -> None:
    for _, attributes in _Page(render_html(result)).elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]


def test_hostile_text_is_shown_and_makes_no_element() -> None:
    page = _Page(render_html(results.hostile()))
    assert [script.get("type") for script in page.all("script")] == ["application/json", None]
    assert "<script>alert('x')</script>]]>&amp;" in page.texts["h3"][0]
    assert "{{ 7 * 7 }}" in page.texts["h1"][0]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", render_html(results.hostile()))


def test_headings_come_in_order_and_there_is_one_first(result: RunResult) -> None:
    levels = [
        int(tag[1]) for tag, _ in _Page(render_html(result)).elements if re.match(r"h\d$", tag)
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))


def test_every_table_has_a_caption_and_every_header_a_scope(result: RunResult) -> None:
    page = _Page(render_html(result))
    assert len(page.all("table")) == len(page.all("caption"))
    assert all(header.get("scope") in {"col", "row"} for header in page.all("th"))


def test_every_picture_has_a_name_or_is_decoration(result: RunResult) -> None:
    for picture in _Page(render_html(result)).all("svg"):
        nested = "y" in picture or "viewbox" in picture
        named = picture.get("role") == "img" and "aria-labelledby" in picture
        assert named or nested or picture.get("aria-hidden") == "true"


def test_the_verdict_comes_first_with_its_word_and_why(result: RunResult) -> None:
    page = _Page(render_html(result))
    headings = [attributes.get("id") for tag, attributes in page.elements if tag in {"h1", "h2"}]
    assert headings[0] == "verdict-title"
    assert page.texts["h1"][0].startswith(VERDICT_WORDS[result.verdict])


def test_sections_come_in_the_order_in_which_a_reviewer_reads() -> None:
    sections = [section["id"] for section in _Page(render_html(results.hostile())).all("section")]
    assert sections == [
        "verdict",
        "gates",
        "findings",
        "checks",
        "checklist-permissions",
        "permissions",
        "convergence",
        "measurements",
        "resources",
        "alterations",
        "limits",
        "tests",
        "errors",
        "environment",
    ]


def test_an_error_of_the_harness_comes_right_after_its_verdict() -> None:
    sections = [section["id"] for section in _Page(render_html(results.error())).all("section")]
    assert sections[:2] == ["verdict", "errors"]


def test_only_a_pass_looks_like_one(result: RunResult) -> None:
    source = render_html(result)
    rows = re.findall(
        r'<tr id="check-\d+" data-status="(\w+)">\s*<td>(.*?)</td>', source, re.DOTALL
    )
    assert len(rows) == len(result.checks)
    for status, cell in rows:
        word = STATUS_WORDS[Status(status)]
        assert f"<span>{word}</span>" in cell
        assert f'href="#i-{status}"' in cell
        assert ("Pass" in cell) == (status == "pass")


def test_findings_are_ranked_by_severity_and_linked_from_their_checks() -> None:
    source = render_html(results.failing())
    assert re.findall(r'<article class="finding (\w+)" id="(finding-\d+)"', source) == [
        ("blocker", "finding-2"),
        ("blocker", "finding-3"),
        ("minor", "finding-1"),
    ]
    assert 'href="#finding-3"' in source


def test_no_finding_of_a_broken_run_is_not_called_clean() -> None:
    assert "No check found anything wrong" not in render_html(results.error())
    assert "No check found anything wrong" in render_html(results.passing())


def test_the_same_result_gives_the_same_page() -> None:
    assert render_html(results.hostile()) == render_html(results.hostile())


def test_long_series_are_thinned_and_their_spikes_stay() -> None:
    seconds = tuple(index / 100 for index in range(200_000))
    values = tuple(900.0 if index == 77_777 else 1.0 for index in range(200_000))
    series = Series(name="memory", unit="MiB", subject="manager", seconds=seconds, values=values)
    source = render_html(msgspec.structs.replace(results.passing(), series=(series,)))
    assert len(source) < 200_000  # of which the library that draws takes 51,000
    assert "1 to 900 MiB" in source


def test_many_convergences_stay_readable() -> None:
    base = results.passing()
    many = msgspec.structs.replace(base, convergences=base.convergences * 1000)
    source = render_html(many)
    assert source.count("<figure") < 40
    assert "1,500 more generations" in source


def test_headline_numbers_come_first_with_what_they_are_made_of_and_the_rest_is_folded() -> None:
    def number(name: str, value: float, *, headline: bool = False) -> Measurement:
        return Measurement(
            name=name, value=value, unit="1", n=2, method="by hand", headline=headline
        )

    numbers = (number("calls_get", 1), number("calls", 5, headline=True), number("calls_list", 4))
    source = render_html(msgspec.structs.replace(results.passing(), measurements=numbers))
    first, _, folded = source.partition("2 more measurements")

    assert '<span class="parts">list 4, get 1</span>' in first
    assert "<code>calls_get</code>" not in first
    assert "<code>calls_get</code>" in folded
    assert "95 % interval</th>" not in source
    assert "No 95 % interval is given" in source


def test_evidence_that_says_the_same_stands_together() -> None:
    (found, *_) = results.failing().findings
    refs = tuple(EvidenceRef(file="audit.log", line=n, excerpt="PUT page") for n in range(1, 9))
    quoted = EvidenceRef(file="op.log", line=1, excerpt="boom")
    finding = msgspec.structs.replace(found, detail="It said boom.", evidence=(*refs, quoted))
    source = render_html(msgspec.structs.replace(results.failing(), findings=(finding,), checks=()))

    assert source.count("<pre>PUT page</pre>") == 1
    assert "<code>audit.log:1</code> <code>:2</code> <code>:3</code> <code>:4</code>" in source
    assert "and 4 more" in source
    assert "<code>op.log:1</code>" in source
    assert "<pre>boom</pre>" not in source


def test_the_last_lines_of_an_operator_that_died_stand_below_the_verdict() -> None:
    result = msgspec.structs.replace(
        results.install_failure(), tail=tuple(f"line {number}" for number in range(9))
    )
    banner = render_html(result).partition('<ul class="facts"')[0]
    assert "line 8" in banner
    assert "line 2\n" not in banner
    assert '<a href="#tail">all 9</a>' in banner


def test_facts_of_one_name_share_a_line_of_the_environment() -> None:
    facts = tuple(Fact(name="About the cluster", value=value) for value in ("a", "b"))
    source = render_html(msgspec.structs.replace(results.passing(), environment=facts))
    assert source.count("About the cluster") == 1
    assert "<li>a</li><li>b</li>" in source


def test_who_calls_what_grew_is_told_beside_it() -> None:
    page = render_html(msgspec.structs.replace(results.passing(), soak=SOAK))
    assert "called by <code>main.reconcile &lt; main.worker</code>" in page
    assert "runtime.malg" not in page, "the runtime's part says nothing"
