"""The integration suite: what is declared, and the operator's own end-to-end tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from harness import command
from harness.model.findings import Status
from harness.model.verdict import Verdict
from harness.resources import bundled
from harness.targets import load
from harness.tests.runner.running import SHORT, Finished, Home, Runs, guestbook, twins_of

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENT_S = 900.0  # kuttl and ginkgo are built on first use
_OWN = "integration: [test/e2e/kuttl, test, --config, test/e2e/kuttl-test.yaml]"
_PRINTS_ITS_KEY = """\
key=$(sed -n "s/.*client-key: *//p" "$KUBECONFIG"); cat "$KUBECONFIG" "$key"; sleep 300 & wait"""
_TWINS = {
    "validates-nothing": "guestbook",
    "rewrites-the-spec": "guestbook",
    "shortens-names": "fixtures/multi-version",
}
"""A sample; the matrix of all twins is made by `make detection`."""

needs_go = pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build operators")


def integration(target: str, *words: str) -> Callable[[Home], Any]:
    folder = bundled("operators_under_test", *target.split("/"))
    return lambda home: home.run("--suite", "integration", *words, *SHORT, target=folder).finish(
        within=_PATIENT_S
    )


def hangs(home: Home) -> Finished:
    script = f"integration: [sh, -c, '{_PRINTS_ITS_KEY}']"
    target = guestbook(home, (_OWN, script))
    words = ("--suite", "integration", "-k", "test_is_ready", "--timeout", "tests=3")
    return home.run(*words, target=target).finish()


SCENARIOS = {
    "kuttl": integration("guestbook"),
    "kuttl, red": integration("guestbook", "--twin", "forgets-to-shrink"),
    "ginkgo": integration("application", "-k", "test_is_ready"),
    "pytest": integration("reference"),
    "hangs": hangs,
    **{
        name: integration(target, "--no-own-tests", "--twin", name)
        for name, target in _TWINS.items()
    },
}


def statuses(done: Finished) -> dict[str, Status]:
    return {item.check.id: item.status for item in done.result.checks}


def own_cases(done: Finished) -> dict[str, set[str]]:
    """Returns the cases of the operator's own tests in junit.xml, with the tags of their ends."""
    root = ET.parse(done.run.path / "junit.xml").getroot()  # noqa: S314 - our own file
    return {
        case.get("name", ""): {child.tag for child in case}
        for case in root.iter("testcase")
        if case.get("classname") == "integration.INT-001"
        and "end-to-end" not in case.get("name", "")
    }


@needs_go
@pytest.mark.controlplane
def test_a_healthy_operator_passes_with_its_own_kuttl_tests(runs: Runs) -> None:
    done: Finished = runs["kuttl"]
    assert done.exit_code == 0, done.stdout + done.stderr
    assert done.result.findings == ()
    found = statuses(done)
    assert found.pop("WEB-006") is Status.NOT_APPLICABLE, "it has one version"
    assert set(found.values()) == {Status.PASS, Status.WAIVED}
    assert "guestbook" in done.result.sentence
    assert {"page step 0-install", "page step 1-shrink", "refusal step 0-refuse"} <= set(
        own_cases(done)
    )
    assert not any(own_cases(done).values()), "all passed"


@needs_go
@pytest.mark.controlplane
def test_what_kuttl_needs_stays_private(runs: Runs) -> None:
    done: Finished = runs["kuttl"]
    assert runs["kuttl, red"], "it runs beside this one, in the same folder"
    folder = bundled("operators_under_test", "guestbook")
    assert not (folder / "kubeconfig").exists(), "kuttl writes one where it runs"
    kept = [path for path in done.run.path.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"client-key-data" in path.read_bytes()]
    assert done.home.files() == []


@needs_go
@pytest.mark.controlplane
def test_a_case_that_fails_is_named_in_every_report(runs: Runs) -> None:
    done: Finished = runs["kuttl, red"]
    assert done.exit_code == 1, done.stdout + done.stderr
    assert done.failing == {"INT-001"}
    assert "page step 1-shrink failed" in done.finding("INT-001")
    assert own_cases(done)["page step 1-shrink"] == {"failure"}
    assert "page step 1-shrink" in (done.run.path / "report.html").read_text(encoding="utf-8")
    assert done.home.start("report", done.run.path).finish().exit_code == 1


@needs_go
@pytest.mark.controlplane
def test_the_cases_of_ginkgo_are_told(runs: Runs) -> None:
    done: Finished = runs["ginkgo"]
    assert statuses(done)["INT-001"] is Status.PASS, done.stdout
    assert any("gets a Deployment with its replicas" in name for name in own_cases(done))


@pytest.mark.controlplane
def test_an_operator_in_python_passes_with_its_own_pytest_tests(runs: Runs) -> None:
    done: Finished = runs["pytest"]
    assert done.exit_code == 0, done.stdout + done.stderr
    assert done.result.findings == ()
    # Their module is named from the next folder with settings of pytest, here or in a checkout.
    wanted = "e2e.test_boards test_a_board_shows_its_notes"
    assert any(case.endswith(wanted) for case in own_cases(done))


@needs_go
@pytest.mark.controlplane
def test_tests_that_hang_are_stopped_with_all_they_started(runs: Runs) -> None:
    done: Finished = runs["hangs"]
    assert done.exit_code == 1, done.stdout + done.stderr
    assert done.result.verdict is Verdict.FAIL
    assert "end-to-end tests took longer than 3 s and were stopped" in done.finding("INT-001")
    done.home.await_quiet()
    assert done.home.files() == []


@needs_go
@pytest.mark.controlplane
def test_credentials_that_they_print_are_not_kept(runs: Runs) -> None:
    log = runs["hangs"].run.own_e2e_log.read_text(encoding="utf-8")
    assert "apiVersion: v1" in log, "the kubeconfig was printed"
    assert "[redacted]" in log
    assert not re.search(r"^[A-Za-z0-9+/=]{40,}$", log, re.MULTILINE)


@needs_go
@pytest.mark.controlplane
@pytest.mark.parametrize(("name", "target"), _TWINS.items(), ids=_TWINS)
def test_a_faulty_twin_fails_exactly_the_checks_that_it_declares(
    name: str, target: str, runs: Runs
) -> None:
    done: Finished = runs[name]
    declared = load(str(bundled("operators_under_test", *target.split("/"))), twin=name).twin
    assert declared is not None
    assert done.exit_code == 1, done.stdout + done.stderr
    assert done.failing == set(declared.expect)


def test_a_command_that_is_missing_is_told_before_anything_runs(home: Home) -> None:
    target = guestbook(home, (_OWN, "integration: [no-such-program, test]"))
    done = home.run("--suite", "integration", target=target).finish()
    assert done.exit_code == 4
    assert "The end-to-end tests of guestbook need 'no-such-program'" in done.stderr
    assert "change tests.integration" in done.stderr
    assert not done.home.runs.exists()


def test_every_check_of_the_suite_that_is_new_to_it_has_a_twin() -> None:
    expected = {
        check
        for target in ("guestbook", "application", "imoocpod", "fixtures/multi-version")
        for name in twins_of(target, "integration")
        if (twin := load(str(bundled("operators_under_test", *target.split("/"))), twin=name).twin)
        for check in twin.expect
    }
    features = {"API-011", *(f"API-{number:03}" for number in range(17, 22)), "INT-001", "STA-007"}
    assert features | {"WEB-003", "WEB-004", "WEB-006", "WEB-008"} <= expected
