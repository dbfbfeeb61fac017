"""The judge on real runs: each faulty twin is caught by its check, the healthy operator passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from harness import verdict
from harness.analysis import convergences, judge_run, load_catalogue, measure
from harness.evidence.folder import RunFolder
from harness.evidence.reader import Evidence
from harness.model.findings import Status
from harness.tests.analysis import corpus

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.result import RunResult

_MAX_BYTES = 300 * 1024
_LEADS_TO = {"hot-loop": {"REC-004"}}  # what writes at rest writes after a restart, too


def result_of(name: str, folder: Path) -> RunResult:
    evidence = Evidence(RunFolder(corpus.unpack(name, folder)))
    return verdict.decide(
        evidence=evidence,
        outcomes=judge_run(evidence, evidence.manifest.checks),
        catalogue=load_catalogue(),
        measurements=measure(evidence),
        convergences=convergences(evidence),
    )


@pytest.mark.parametrize("name", corpus.names())
def test_the_checks_that_its_twin_expects_fail_and_no_other(name: str, tmp_path: Path) -> None:
    result = result_of(name, tmp_path)

    failed = {item.check.id for item in result.checks if item.status is Status.FAIL}
    assert failed - _LEADS_TO.get(name, set()) == corpus.expected(name)
    assert result.exit_code == (1 if corpus.expected(name) else 0)
    assert {finding.check for finding in result.findings} == failed


def test_of_the_healthy_operator_every_check_passes(tmp_path: Path) -> None:
    result = result_of(corpus.HEALTHY, tmp_path)

    assert {item.status for item in result.checks} == {Status.PASS}
    assert result.sentence.startswith("All 12 checks passed: guestbook installs, converges in ")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("never-ready", "Guestbook guestbook-sample did not become ready for generation 1 within"),
        ("leaves-an-orphan", "Deleting Guestbook guestbook-sample left ConfigMap guestbook-"),
        ("loses-a-status-update", "Guestbook guestbook-sample still has observedGeneration 1, "),
        ("lacks-a-permission", "The operator was denied create events.events.k8s.io "),
        ("hot-loop", "The operator wrote 3 times in 3 s at rest: update ConfigMap guestbook-"),
    ],
)
def test_a_finding_says_what_is_wrong_with_the_object_by_its_short_name(
    name: str, title: str, tmp_path: Path
) -> None:
    first = result_of(name, tmp_path).findings[0]

    assert first.title.startswith(title)
    assert "harness-" not in first.title
    assert first.remedy
    assert first.evidence


def test_a_run_is_judged_as_it_was_judged_while_it_ran(tmp_path: Path) -> None:
    for name in corpus.names():
        evidence = Evidence(RunFolder(corpus.unpack(name, tmp_path)))
        again = {(o.check, o.window): o.status for o in judge_run(evidence, ())}
        for record in evidence.judged():
            outcome = record.outcome
            assert again.get((outcome.check, outcome.window), outcome.status) is outcome.status


def test_judging_the_same_run_twice_gives_the_same_result(tmp_path: Path) -> None:
    first = result_of("hot-loop", tmp_path / "a")
    second = result_of("hot-loop", tmp_path / "b")

    assert msgspec.json.encode(first) == msgspec.json.encode(second)


@pytest.mark.parametrize("name", corpus.names())
def test_a_corpus_is_small(name: str) -> None:
    assert corpus.archive(name).stat().st_size <= _MAX_BYTES
