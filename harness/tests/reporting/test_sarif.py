"""findings.sarif: what code scanning reads, and what SARIF 2.1.0 allows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from harness.evidence.folder import RunFolder
from harness.model.findings import Excuse, Finding, Severity, SourceLine, Status
from harness.model.result import RunResult
from harness.reporting import render_sarif
from harness.runner.conclude import conclude
from harness.tests.analysis import corpus
from harness.tests.reporting import results

SCHEMA = Path(__file__).with_name("sarif-2.1.0.schema.json")
RECORDED = sorted(
    file.name.removesuffix(".tar.gz")
    for file in (Path(corpus.__file__).parent / "corpora").glob("*.tar.gz")
)
_MACHINE = re.compile(r"""(?:^|[\s"'(=])/(?:home|root|Users|tmp|var|work|builds)/|file://""")

Json = dict[str, Any]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft4Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft4Validator.check_schema(schema)
    return jsonschema.Draft4Validator(
        schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER
    )


def run_of(result: RunResult) -> Json:
    (run,) = json.loads(render_sarif(result))["runs"]
    found: Json = run
    return found


def strings(node: object) -> list[str]:
    if isinstance(node, dict):
        return [text for value in node.values() for text in strings(value)]
    if isinstance(node, list):
        return [text for value in node for text in strings(value)]
    return [node] if isinstance(node, str) else []


def with_finding(**fields: Any) -> RunResult:
    finding = Finding(
        **{"check": "REC-002", "severity": Severity.MAJOR, "title": "It wrote", **fields}
    )
    return msgspec.structs.replace(results.passing(), findings=(finding,))


@pytest.mark.parametrize("name", results.ALL)
def test_every_result_is_valid(name: str, validator: jsonschema.Draft4Validator) -> None:
    document = json.loads(render_sarif(results.ALL[name]()))
    assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_runs_give_valid_documents_without_a_path_of_the_machine(
    name: str, validator: jsonschema.Draft4Validator, tmp_path: Path
) -> None:
    run = RunFolder(corpus.unpack(name, tmp_path))
    conclude(run, errors=())
    document = json.loads(run.report("findings.sarif").read_text(encoding="utf-8"))
    assert [error.message for error in validator.iter_errors(document)] == []
    assert [text for text in strings(document) if _MACHINE.search(text)] == []


def test_several_runs_are_recorded() -> None:
    assert len(RECORDED) >= 5


def test_the_schema_would_refuse_a_wrong_document(validator: jsonschema.Draft4Validator) -> None:
    document = json.loads(render_sarif(results.failing()))
    document["runs"][0]["results"][0]["level"] = "terrible"
    del document["runs"][0]["tool"]["driver"]["name"]
    assert len(list(validator.iter_errors(document))) == 2


def test_rules_are_the_checks_of_the_run_with_all_their_texts() -> None:
    result = results.failing()
    rules = run_of(result)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [item.check.id for item in result.checks]
    for rule, item in zip(rules, result.checks, strict=True):
        assert item.check.title == rule["shortDescription"]["text"]
        for text in (item.check.why, item.check.how, item.check.limits, item.check.remedy):
            assert " ".join(text.split()) in rule["help"]["text"]


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        (Severity.BLOCKER, "error"),
        (Severity.MAJOR, "error"),
        (Severity.MINOR, "warning"),
        (Severity.INFO, "note"),
    ],
)
def test_severity_becomes_a_level(severity: Severity, level: str) -> None:
    (found,) = run_of(with_finding(severity=severity))["results"]
    assert (found["level"], found["properties"]["severity"]) == (level, severity.value)


def test_a_result_leads_to_its_rule() -> None:
    run = run_of(results.failing())
    rules = run["tool"]["driver"]["rules"]
    assert run["results"]
    for found in run["results"]:
        assert rules[found["ruleIndex"]]["id"] == found["ruleId"]


def test_a_finding_stands_at_its_line_in_the_repository() -> None:
    source = SourceLine(file="config/rbac/role a.yaml", line=7)
    (found,) = run_of(with_finding(subject="ClusterRole manager-role", source=source))["results"]
    (location,) = found["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "config/rbac/role%20a.yaml"},
        "region": {"startLine": 7},
    }
    (logical,) = location["logicalLocations"]
    assert logical["fullyQualifiedName"] == "ClusterRole manager-role"


def test_a_finding_without_a_line_stands_at_the_definition() -> None:
    result = with_finding()
    info = msgspec.structs.replace(result.run, definition="test/harness/target.yaml")
    (found,) = run_of(msgspec.structs.replace(result, run=info))["results"]
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "test/harness/target.yaml"}


def test_every_result_has_a_relative_address() -> None:
    for build in results.ALL.values():
        for found in run_of(build())["results"]:
            uri = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            assert not uri.startswith(("/", "..", "file:"))


def test_a_waived_finding_is_suppressed_with_its_reason_and_others_say_they_are_not() -> None:
    excuse = Excuse(reason="the scaffold's own", expires="2027-01-01", link="https://example.com/1")
    waived = Finding(check="REC-002", severity=Severity.MAJOR, title="Waived", waiver=excuse)
    result = msgspec.structs.replace(with_finding(), waived=(waived,))
    kept, suppressed = run_of(result)["results"]
    assert kept["suppressions"] == []
    (suppression,) = suppressed["suppressions"]
    assert suppression["kind"] == "external"
    assert suppression["justification"] == (
        "the scaffold's own (until 2027-01-01, https://example.com/1)"
    )


def test_what_was_not_verified_is_told() -> None:
    result = results.failing()
    (invocation,) = run_of(result)["invocations"]
    told = " ".join(item["message"]["text"] for item in invocation["toolExecutionNotifications"])
    unverified = [item for item in result.checks if item.status is Status.NOT_VERIFIED]
    assert unverified
    for item in unverified:
        assert item.check.id in told
        assert item.reason in told


def test_an_error_of_the_run_is_no_successful_execution() -> None:
    (invocation,) = run_of(results.error())["invocations"]
    assert invocation["executionSuccessful"] is False
    assert {item["level"] for item in invocation["toolExecutionNotifications"]} >= {"error"}


def test_the_same_trouble_in_another_run_has_the_same_fingerprint() -> None:
    prints = {
        run_of(with_finding(subject=subject, title=title))["results"][0]["partialFingerprints"][
            "checkAndSubject/v1"
        ]
        for subject, title in (
            ("configmaps harness-130b52-sample-0/page", "It wrote 3 times"),
            ("configmaps harness-0a1b2c-sample-3/page", "It wrote 4 times"),
        )
    }
    assert len(prints) == 1


def test_paths_of_the_machine_are_cut_to_their_last_part_and_addresses_stay() -> None:
    detail = "exec /home/someone/go/bin/manager: GET /apis/apps/v1/deployments, /metrics"
    (found,) = run_of(with_finding(detail=detail))["results"]
    assert "exec …/manager: GET /apis/apps/v1/deployments, /metrics" in found["message"]["text"]
