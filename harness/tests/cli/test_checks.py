"""`harness checks`: every check can be found and is explained in full."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from click.testing import CliRunner

from harness.catalogue import WHERE_INSTALLED, load_catalogue
from harness.catalogue.explanation import explain
from harness.cli.checks import checks
from harness.errors import UsageError
from harness.model.findings import CheckInfo, Severity
from harness.model.target import Waiver

CHECKS = tuple(load_catalogue().values())
PARTS = (
    "What",
    "Why",
    "How it is tested",
    "What it can't see",
    "How to mend it",
    "How to waive it",
)


def said(*words: str) -> str:
    done = CliRunner().invoke(checks, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def ids(*words: str) -> list[str]:
    return [entry["id"] for entry in json.loads(said("list", *words, "--output", "json"))]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_has_all_texts_and_each_says_something(check: CheckInfo) -> None:
    parts = dict(explain(check))
    assert [title for title in PARTS if title not in parts] == []
    for title, text in parts.items():
        if title in PARTS:
            assert len(text.split()) >= 5, title
            assert re.search(r"[.:)]$|issues/1$", text), f"{title} is cut off"
    own = [" ".join(text.split()) for text in (check.why, check.how, check.limits, check.remedy)]
    assert len(set(own)) == len(own), "two of its texts are the same"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_the_waiver_of_an_explanation_can_be_pasted(check: CheckInfo) -> None:
    text = dict(explain(check))["How to waive it"]
    if check.id == "WAI-001":
        assert "can't be waived" in text
        return
    (entry,) = yaml.safe_load(text[text.index("waivers:") :])["waivers"]
    entry["expires"] = str(entry["expires"])
    assert Waiver(**entry).check == check.id


def test_the_list_has_every_check_with_severity_and_suites() -> None:
    lines = said("list").splitlines()
    assert len(lines) == len(CHECKS)
    (line,) = [line for line in lines if line.startswith("REC-002")]
    assert re.fullmatch(
        r"REC-002  blocker  At rest the operator writes nothing \(.*smoke.*\)", line
    )


def test_filters_of_one_kind_add_up_and_of_several_kinds_narrow() -> None:
    rba, sco = ids("--family", "RBA"), ids("--family", "sco")
    assert rba
    assert sco
    assert sorted(ids("--family", "RBA", "--family", "SCO")) == sorted(rba + sco)
    major = {check.id for check in CHECKS if check.severity is Severity.MAJOR}
    assert ids("--family", "RBA", "--severity", "major") == [name for name in rba if name in major]
    smoke = ids("--suite", "smoke")
    assert "REC-002" in smoke
    assert "API-001" not in smoke
    assert "API-001" in ids("--suite", "unit")


def test_what_every_suite_in_a_cluster_judges_unasked_is_listed_with_each_of_them() -> None:
    smoke, unit = ids("--suite", "smoke"), ids("--suite", "unit")
    for check in WHERE_INSTALLED:
        assert check in smoke
        assert check not in unit
    assert ids("--suite", "scope").count("SCO-101") == 1


@pytest.mark.parametrize("part", ["how", "limits", "remedy"])
def test_each_check_has_words_of_its_own(part: str) -> None:
    texts = [getattr(check, part) for check in CHECKS]
    assert sorted(texts) == sorted(set(texts))


def test_nothing_that_fits_is_said_in_words() -> None:
    assert said("list", "--family", "WAI", "--severity", "info") == "No check is all of that.\n"


@pytest.mark.parametrize(("option", "known"), [("--suite", "smoke"), ("--family", "RBA")])
def test_a_filter_that_is_not_known_names_those_that_are(option: str, known: str) -> None:
    done = CliRunner().invoke(checks, ["list", option, "NOPE"])
    assert done.exit_code == 2
    assert known in done.output


def test_an_explanation_has_all_parts_in_lines_of_a_terminal() -> None:
    output = said("explain", "rba-103")
    for title in PARTS:
        assert f"\n{title}\n" in output
    assert "CIS 5.1.2" in " ".join(output.split())
    assert "- check: RBA-103" in output
    assert max(len(line) for line in output.splitlines() if "https://" not in line) <= 100


def test_an_explanation_is_one_document_for_programs() -> None:
    document = json.loads(said("explain", "REC-002", "--output", "json"))
    assert document["id"] == "REC-002"
    assert document["family"] == "Reconciliation"
    assert "smoke" in document["suites"]
    assert {"title", "why", "how", "limits", "remedy", "refs", "needs", "waive"} <= set(document)


def test_a_check_that_is_not_known_is_met_with_the_nearest_one() -> None:
    with pytest.raises(UsageError) as caught:
        CliRunner().invoke(checks, ["explain", "RBA-13"], catch_exceptions=False)
    assert "RBA-1" in caught.value.hint
