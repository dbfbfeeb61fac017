"""junit.xml, as Jenkins and GitLab read it."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import msgspec
import pytest

from harness.model.findings import Status
from harness.model.result import RunResult
from harness.model.verdict import Verdict
from harness.reporting import render_junit
from harness.tests.reporting import results
from harness.tests.reporting.snapshot import check_snapshot

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OUTCOMES = {"failure", "error", "skipped"}


@pytest.fixture(params=results.ALL)
def result(request: pytest.FixtureRequest) -> RunResult:
    built: RunResult = results.ALL[request.param]()
    return built


def _suite(result: RunResult) -> ET.Element:
    root = ET.fromstring(render_junit(result))  # noqa: S314 - our own output
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.tag == "testsuite"
    return suite


def _case(result: RunResult, classname: str) -> ET.Element:
    found = _suite(result).findall(f"testcase[@classname='{classname}']")
    assert found, classname
    return found[0]


@pytest.mark.parametrize("name", ["pass", "fail", "install-failure", "error"])
def test_the_file_is_as_kept(name: str) -> None:
    check_snapshot(f"junit-{name}.xml", render_junit(results.ALL[name]()))


def test_the_structure_is_what_ci_systems_read(result: RunResult) -> None:
    suite = _suite(result)
    cases = suite.findall("testcase")
    assert next(child.tag for child in suite) == "properties"
    assert {child.tag for child in suite} <= {"properties", "testcase", "system-out", "system-err"}
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert suite.get(name) == str(len(suite.findall(f"testcase/{tag}")))
    assert suite.get("tests") == str(len(cases))
    for case in cases:
        assert case.get("name")
        assert case.get("classname")
        assert {child.tag for child in case} <= _OUTCOMES | {"system-out"}
        assert len([child for child in case if child.tag in _OUTCOMES]) <= 1


def test_no_character_is_one_that_xml_forbids(result: RunResult) -> None:
    assert not _FORBIDDEN.search(render_junit(result))


def test_the_file_is_red_exactly_where_the_exit_code_is_not_0(result: RunResult) -> None:
    suite = _suite(result)
    red = suite.findall("testcase/failure") + suite.findall("testcase/error")
    assert bool(red) == (result.exit_code != 0)


def test_each_check_has_a_stable_name() -> None:
    names = {
        (case.get("classname"), case.get("name"))
        for build in (results.passing, results.failing)
        for case in _suite(build()).findall("testcase")
        if "OBS-001" in str(case.get("classname"))
    }
    assert names == {("smoke.OBS-001", "Metrics are reachable and can be parsed")}


def test_a_failed_check_carries_its_id_its_message_and_all_a_reader_needs() -> None:
    failure = _case(results.failing(), "smoke.RBA-004").find("failure")
    assert failure is not None
    assert failure.get("type") == "RBA-004"
    assert failure.get("message") == "12 requests were denied: create services in 1 namespace"
    for part in ("Subject: system:serviceaccount", "Remedy: Grant", "evidence/audit.log:1842"):
        assert part in (failure.text or "")


@pytest.mark.parametrize(
    ("check", "kind", "said"),
    [
        ("REC-002", "not_verified", "Not verified: The sample never converged."),
        ("WEB-001", "not_applicable", "Not applicable: The manifests hold no webhook"),
        ("OBS-001", "waived", "Waived: Metrics come with 1.2"),
    ],
)
def test_what_was_not_judged_is_skipped_with_its_reason(check: str, kind: str, said: str) -> None:
    skipped = _case(results.failing(), f"smoke.{check}").find("skipped")
    assert skipped is not None
    assert skipped.get("type") == kind
    assert said in str(skipped.get("message"))


def test_waived_findings_are_told_in_the_output() -> None:
    assert "OBS-001" in str(_suite(results.failing()).findtext("system-out"))


def test_the_operators_last_lines_are_told_in_the_error_output() -> None:
    assert "services is forbidden" in str(_suite(results.failing()).findtext("system-err"))


def test_a_minor_finding_neither_fails_nor_passes() -> None:
    case = _case(results.minor_only(), "smoke.OBS-005")
    assert case.find("failure") is None
    assert "doesn't turn the verdict" in str(case.find("skipped").get("message"))  # type: ignore[union-attr]
    assert "38 error lines" in str(case.findtext("system-out"))


def test_a_minor_finding_fails_where_the_run_was_told_to_fail_on_it() -> None:
    told = msgspec.structs.replace(results.minor_only(), verdict=Verdict.FAIL, exit_code=1)
    assert _case(told, "smoke.OBS-005").find("failure") is not None


def test_not_verified_alone_can_turn_the_verdict() -> None:
    told = msgspec.structs.replace(
        results.interrupted(), verdict=Verdict.INCONCLUSIVE, exit_code=5, sentence="6 not verified."
    )
    found = _case(told, "smoke.verdict").find("error")
    assert found is not None
    assert found.get("message") == "inconclusive: 6 not verified."


def test_an_error_of_the_harness_is_an_error_and_no_failure() -> None:
    suite = _suite(results.error())
    assert suite.get("failures") == "0"
    found = _case(results.error(), "smoke.harness").find("error")
    assert found is not None
    assert "harness doctor" in (found.text or "")


def test_an_interrupted_run_is_not_green() -> None:
    found = _case(results.interrupted(), "smoke.verdict").find("error")
    assert found is not None
    assert found.get("type") == "interrupted"


def test_an_unmet_gate_fails_and_an_undecided_one_is_skipped() -> None:
    gates = _suite(results.failing()).findall("testcase[@classname='smoke.gate']")
    assert [[child.tag for child in gate] for gate in gates] == [["skipped"], ["failure"]]


def test_the_properties_say_what_ran() -> None:
    properties = {
        element.get("name"): element.get("value")
        for element in _suite(results.failing()).findall("properties/property")
    }
    assert properties["verdict"] == "fail"
    assert properties["target"] == "guestbook (twin missing-permission)"
    assert properties["suite"] == "smoke"
    assert properties["cluster"] == "local"


def test_a_failed_check_without_findings_still_fails() -> None:
    result = results.passing()
    item = msgspec.structs.replace(result.checks[0], status=Status.FAIL)
    broken = msgspec.structs.replace(
        result, verdict=Verdict.FAIL, exit_code=1, checks=(item, *result.checks[1:])
    )
    assert _case(broken, "smoke.INS-001").find("failure") is not None
