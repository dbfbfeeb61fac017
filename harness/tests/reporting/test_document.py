"""result.json and its schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from harness import resources
from harness.errors import EvidenceError
from harness.evidence.folder import RunFolder
from harness.model.result import RunResult
from harness.reporting import read_result, render_json, schema, write_reports
from harness.tests.reporting import results
from harness.tests.reporting.snapshot import check_snapshot

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=results.ALL)
def result(request: pytest.FixtureRequest) -> RunResult:
    built: RunResult = results.ALL[request.param]()
    return built


def test_the_kept_schema_is_the_one_of_the_code() -> None:
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    check_snapshot("result.schema.json", text, folder=resources.bundled("reports", "schema"))


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_every_result_meets_the_schema(result: RunResult) -> None:
    jsonschema.Draft202012Validator(schema()).validate(json.loads(render_json(result)))


@pytest.mark.parametrize(
    "broken",
    [{"schema_version": "0"}, {"verdict": "green"}, {"exit_code": "0"}, {"checks": [{}]}],
)
def test_the_schema_refuses_what_is_not_a_result(broken: dict[str, Any]) -> None:
    document = json.loads(render_json(results.passing())) | broken
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(document)


@pytest.mark.parametrize("missing", ["schema_version", "verdict", "sentence", "run"])
def test_the_schema_asks_for_the_verdict_and_why(missing: str) -> None:
    document = json.loads(render_json(results.passing()))
    del document[missing]
    with pytest.raises(jsonschema.ValidationError, match=missing):
        jsonschema.Draft202012Validator(schema()).validate(document)


def test_a_result_is_read_back_as_it_was_written(result: RunResult, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(render_json(result), encoding="utf-8")
    assert read_result(path) == result


def test_all_reports_are_written_and_nothing_else(tmp_path: Path) -> None:
    write_reports(results.hostile(), RunFolder(tmp_path))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "allure-results",
        "findings.sarif",
        "junit.xml",
        "rbac-minimal.diff",
        "rbac-minimal.yaml",
        "report.html",
        "result.json",
        "summary.md",
    ]


def test_an_unwritable_folder_is_an_evidence_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"result\.json") as caught:
        write_reports(results.passing(), RunFolder(tmp_path / "absent"))
    assert "harness report" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"schema_version": "99"}', "schema version '99'"),
        (b"{}", "schema version ''"),
        (b'{"schema_version": "1", "verdict": "green"}', "green"),
        (b'{"schema_version": "1"', "truncated"),
        (b"\xff\xfe", "result.json"),
    ],
)
def test_what_is_not_a_result_is_refused_with_a_hint(
    content: bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(EvidenceError, match=said) as caught:
        read_result(path)
    assert caught.value.hint


def test_an_absent_result_is_an_evidence_error(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="No such file"):
        read_result(tmp_path / "result.json")
