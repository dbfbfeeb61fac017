"""The detection matrix: every check has a faulty twin, and what the runs say is told as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from detection import plan, running
from detection.__main__ import main
from detection.matrix import Matrix, markdown, matrix
from detection.plan import Job, Outcome, fingerprint, jobs, known, sampled
from detection.running import Pool
from detection.twins import (
    EXEMPTIONS,
    TwinFile,
    exemptions,
    suites_for,
    twin_files,
    unproven,
)

from harness.catalogue import load_catalogue
from harness.resources import bundled
from harness.targets import load

ROOT = Path(plan.__file__).resolve().parents[2]
EXEMPT = exemptions(Path(plan.__file__).with_name(EXEMPTIONS))
STATIC = "imoocpod/takes-anything"  # its manifests are files, so nothing renders them
RIGHTS = re.compile(r"RBA-1\d\d|RBA-004|SCO-\d\d\d")


def test_every_check_has_a_twin_or_is_exempt_for_a_reason() -> None:
    assert unproven(twin_files(), EXEMPT) == ()


def test_no_check_that_has_a_twin_is_exempt() -> None:
    proven = {check for twin in twin_files() for check in twin.expect}
    assert [item.check for item in EXEMPT if item.check in proven] == []


@pytest.mark.parametrize("item", EXEMPT, ids=lambda item: item.check)
def test_what_proves_an_exempt_check_is_there(item: Any) -> None:
    file, _, name = item.proven_by.partition("::")
    assert item.check in load_catalogue()
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("twin", twin_files(), ids=lambda twin: twin.id)
def test_a_twin_is_sound_and_some_suite_judges_what_it_expects(twin: TwinFile) -> None:
    target = load(str(bundled("operators_under_test") / twin.operator), twin=twin.name)
    assert target.twin is not None
    assert set(twin.expect) <= set(load_catalogue())
    assert suites_for(twin.expect)


LONG = {
    "guestbook/leaks-memory": "harness/tests/runner/test_soak.py",
    "reference/leaks-memory": "ci/benchmarks/soak/reference.py",
}
"""Twins that take minutes, and what runs them."""


def test_a_twin_that_takes_minutes_is_run_by_a_test_or_a_benchmark_of_its_own() -> None:
    run = {job.id for job in jobs()}
    assert {twin.id for twin in twin_files()} - run == set(LONG)
    for twin, file in LONG.items():
        assert f'"{twin.partition("/")[2]}"' in (ROOT / file).read_text(encoding="utf-8")


def test_there_are_as_many_twins_as_were_promised() -> None:
    rights = [twin for twin in twin_files() if any(map(RIGHTS.fullmatch, twin.expect))]
    static = [job for job in jobs() if job.static and job.twin is not None]
    assert len(rights) >= 30
    assert len(static) >= 20


def test_ci_runs_every_static_twin_and_some_that_need_a_cluster() -> None:
    every = jobs()
    chosen = sampled(every)
    assert {job.id for job in chosen if not job.static} == set(plan.SAMPLE)
    assert {job.id for job in every if job.static and job.twin} <= {job.id for job in chosen}


@pytest.mark.parametrize(
    ("expect", "suites"),
    [
        (("API-005",), ("unit",)),
        (("UPG-001", "API-013"), ("unit",)),
        (("REC-001", "LIF-001"), ("smoke",)),
        (("RBA-103",), ("smoke",)),
        (("SEC-002", "RBA-103"), ("unit", "smoke")),
        (("SCO-106", "LIF-009"), ("scope",)),
    ],
)
def test_a_twin_is_run_in_the_cheapest_suites_that_judge_it(
    expect: tuple[str, ...], suites: tuple[str, ...]
) -> None:
    assert suites_for(expect) == suites


def test_a_check_that_no_suite_judges_is_told() -> None:
    with pytest.raises(ValueError, match="no suite judges XXX-001"):
        suites_for(("XXX-001",))


def test_only_the_upgrade_is_compared_with_the_release_before() -> None:
    by_id = {job.id: job for job in jobs()}
    assert by_id["guestbook/narrows-a-bound"].follows
    assert by_id["guestbook: unit"].follows
    assert not by_id["guestbook/takes-messages-of-any-length"].follows
    assert not by_id["guestbook: smoke"].follows


def job(operator: str = "shop", *expect: str) -> Job:
    twin = TwinFile(operator=operator, name="bad", title="A | B", expect=expect) if expect else None
    name = twin.id if twin else f"{operator}: smoke"
    return Job(id=name, operator=operator, suites=("smoke",), static=False, twin=twin)


def outcome(of: Job, *failed: str, **more: Any) -> Outcome:
    given = {"verdict": "fail", "exit_code": 1, "seconds": 3.0, "ended": "now", "fingerprint": "f"}
    return Outcome(job=of.id, failed=failed, **{**given, **more})


def told(of: Job, **what: Any) -> Matrix:
    end = outcome(of, *what.pop("failed", ()), **what)
    return matrix([of], {of.id: end}, unproven=(), exempt=EXEMPT, complete=True)


@pytest.mark.parametrize(
    ("expect", "failed", "words", "holds"),
    [
        (("REC-001",), ("REC-001",), "found REC-001", True),
        (("REC-001",), ("OBS-006", "REC-001"), "found REC-001 (beside: OBS-006)", True),
        (("REC-001", "RBA-004"), ("RBA-004",), "found RBA-004; MISSED REC-001", False),
        (("REC-001",), (), "MISSED REC-001", False),
        ((), (), "no finding", True),
        ((), ("API-006",), "false alarm: API-006", False),
    ],
)
def test_an_outcome_is_held_against_what_its_twin_expects(
    expect: tuple[str, ...], failed: tuple[str, ...], words: str, *, holds: bool
) -> None:
    (row,) = told(job("shop", *expect), failed=failed).rows
    assert (row.words, row.holds) == (words, holds)


def test_a_run_that_broke_proves_nothing() -> None:
    found = told(job("shop", "REC-001"), failed=("REC-001",), verdict="error", exit_code=3)
    assert found.rows[0].words == "no answer: verdict error, exit 3"
    assert found.failed == 1


def test_a_check_without_a_twin_fails_the_matrix() -> None:
    whole = told(job())
    assert (whole.passed, whole.failed) == (2, 0)
    lacking = msgspec.structs.replace(whole, unproven=("REC-001",))
    assert (lacking.passed, lacking.failed) == (1, 1)
    assert "**Without a twin: REC-001.**" in markdown(lacking)


def test_the_document_counts_found_and_expected_by_check_and_operator() -> None:
    twins = [job("shop", "REC-001", "RBA-004"), job("mill", "REC-001")]
    ends = {item.id: outcome(item, "REC-001") for item in twins}
    page = markdown(matrix(twins, ends, unproven=(), exempt=EXEMPT, complete=False))
    assert "1 of 2 faulty twins were found" in page
    assert "Only a choice of twins was run." in page
    assert "| [REC-001](checks.md#rec-001) | 1/1 | 1/1 | 0 |" in page
    assert "| [RBA-004](checks.md#rba-004) | 0/1 |  | 0 |" in page
    assert "| [WAI-001](checks.md#wai-001) | no twin |  | 0 |" in page
    assert "A \\| B" in page, "a title can't break the table"


@pytest.fixture
def seeded(tmp_path: Path) -> Job:
    (tmp_path / "twins").mkdir()
    (tmp_path / "twins" / "bad.yaml").write_text("one")
    (tmp_path / "main.go").write_text("one")
    return job(str(tmp_path), "REC-001")


@pytest.mark.parametrize(
    ("file", "another"),
    [("twins/bad.yaml", True), ("main.go", True), ("bin/manager", False), ("twins/x.yaml", False)],
)
def test_an_outcome_holds_as_long_as_the_sources_are_the_same(
    seeded: Job, tmp_path: Path, file: str, *, another: bool
) -> None:
    before = fingerprint(seeded)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("two")
    plan.forget()
    assert (fingerprint(seeded) != before) is another


def test_kept_outcomes_are_those_that_were_decided_on_the_same_sources(
    seeded: Job, tmp_path: Path
) -> None:
    file = tmp_path / "results.ndjson"
    ends = [
        outcome(seeded, fingerprint="of other sources"),
        outcome(seeded, fingerprint=fingerprint(seeded), verdict="interrupted"),
    ]
    lines = [msgspec.json.encode(end) for end in ends]
    file.write_bytes(b"\n".join([*lines, b'{"job": "cut o']))
    assert known(file, [seeded]) == {}
    assert known(file, [seeded], earlier=True) == {seeded.id: ends[0]}
    whole: dict[str, Any] = {
        "unproven": (),
        "exempt": EXEMPT,
        "complete": True,
        "earlier": [seeded.id],
    }
    page = markdown(matrix([seeded], {seeded.id: ends[0]}, **whole))
    assert "1 of these runs are older than some of the sources." in page
    kept = outcome(seeded, "REC-001", fingerprint=fingerprint(seeded))
    file.write_bytes(msgspec.json.encode(kept) + b"\n")
    assert known(file, [seeded]) == {seeded.id: kept}


def test_a_twin_is_run_found_and_not_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--only", STATIC, "--output", str(tmp_path)]
    assert main(words) == 0
    first = capsys.readouterr().out
    assert f"[1/1] ok   {STATIC}: found API-002" in first
    assert first.endswith("2 passed, 0 failed\n")
    assert "| takes-anything |" in (tmp_path / "matrix.md").read_text()
    kept = (tmp_path / "results.ndjson").read_bytes()
    assert main(words) == 0
    assert "1 of them known from earlier runs" in capsys.readouterr().out
    assert (tmp_path / "results.ndjson").read_bytes() == kept
    found = msgspec.json.decode((tmp_path / "matrix.json").read_bytes(), type=Matrix)
    assert found.rows[0].found == ("API-002",)


def test_a_pattern_that_matches_nothing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--only", "nothing", "--output", str(tmp_path)]) == 4
    assert "No run matches 'nothing'." in capsys.readouterr().err


def test_who_stops_a_series_keeps_what_is_done_and_leaves_nothing_running(tmp_path: Path) -> None:
    def stop(_: Outcome) -> None:
        raise KeyboardInterrupt

    static = [item for item in jobs() if item.static and item.operator == "imoocpod" and item.twin]
    pool = Pool(tmp_path, places=2, on_outcome=stop)
    with pytest.raises(KeyboardInterrupt):
        pool.run(static)
    assert len(known(pool.results, static)) == 1
    assert all(started.process.poll() is not None for started in pool._running)


def test_a_run_without_a_result_says_what_it_printed(tmp_path: Path) -> None:
    (tmp_path / "output.txt").write_text("No such target.\n")
    item = next(item for item in jobs() if item.id == STATIC)
    end = running.outcome_of(item, tmp_path, 4, 0.5)
    assert (end.verdict, end.exit_code, end.said, end.decided) == (
        "none",
        4,
        "No such target.",
        False,
    )
