"""Commands that run tests are asked for their cases, and JUnit is read whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.kube.credentials import credentials
from harness.runner.junit import read_junit
from harness.runner.testcommands import is_kuttl, with_report

FILE = Path("/room/junit.xml")
GINKGO = ("--junit-report=junit.xml", "--output-dir=/room")
KUTTL = ("--report", "xml", "--report-name", "junit", "--artifacts-dir", "/room")
PYTEST = ("--junitxml=/room/junit.xml",)


@pytest.mark.parametrize(
    ("before", "options", "after"),
    [
        ("pytest", PYTEST, "-q e2e"),
        ("/usr/bin/python3 -m pytest", PYTEST, "-q e2e"),
        ("ginkgo", GINKGO, "-v ./..."),
        ("ginkgo run", GINKGO, "./..."),
        ("go run github.com/onsi/ginkgo/v2/ginkgo", GINKGO, "."),
        ("go run github.com/onsi/ginkgo/v2/ginkgo@v2.27.2 run", GINKGO, "."),
        ("kuttl test", KUTTL, "--config kuttl-test.yaml"),
        ("kubectl kuttl test", KUTTL, ""),
        ("env A=b /opt/bin/kubectl-kuttl test", KUTTL, "tests"),
        ("go test ./test/e2e -ginkgo.v", ("-ginkgo.junit-report=/room/junit.xml",), ""),
    ],
)
def test_a_command_that_is_recognised_is_asked_for_junit(
    before: str, options: tuple[str, ...], after: str
) -> None:
    words = (*before.split(), *after.split())
    assert with_report(words, FILE) == (*before.split(), *options, *after.split())


@pytest.mark.parametrize(
    "words",
    [
        "make test-e2e",
        "sh -c pytest-e2e",
        "go test ./...",
        "ginkgo build ./...",
        "kuttl assert file.yaml",
        "pytest --junitxml=mine.xml",
        "kuttl test --report json",
        "go test ./e2e --ginkgo.junit-report=mine.xml",
        "ls -k pytest-cases",
    ],
)
def test_any_other_command_is_left_alone(words: str) -> None:
    assert with_report(words.split(), FILE) == tuple(words.split())


def test_kuttl_is_known_by_its_command() -> None:
    assert is_kuttl(("go", "run", "github.com/kudobuilder/kuttl/cmd/kubectl-kuttl@v0.22.0", "test"))
    assert not is_kuttl(("kuttl", "version"))
    assert not is_kuttl(("make", "kuttl"))


REPORTS = {
    "pytest": (
        """<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite
        name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.9">
        <testcase classname="test_a" name="test_ok" time="0.25"/>
        <testcase classname="test_a" name="test_bad" time="0.5"><failure message="assert 1 == 2">def
 test_bad():
E   assert 1 == 2</failure></testcase>
        <testcase classname="test_a" name="test_broken" time="0"><error message="boom"/></testcase>
        <testcase classname="test_a" name="test_later" time="0"><skipped message="no"/></testcase>
        </testsuite></testsuites>""",
        [
            ("test_a test_ok", "passed", ""),
            ("test_a test_bad", "failed", "def\n test_bad():\nE   assert 1 == 2"),
            ("test_a test_broken", "failed", "boom"),
            ("test_a test_later", "skipped", ""),
        ],
    ),
    "ginkgo": (
        """<testsuites tests="2"><testsuite name="application" tests="2">
        <testcase name="[It] works" classname="application" status="passed" time="1.1">
        <system-err>log</system-err></testcase>
        <testcase name="[It] waits" classname="application" status="pending" time="0"/>
        <testcase name="[It] fails" classname="application" status="failed" time="2">
        <failure message="Expected 1 to equal 2" type="failed">there</failure>
        <system-err>said more</system-err></testcase></testsuite></testsuites>""",
        [
            ("application [It] works", "passed", ""),
            ("application [It] waits", "skipped", ""),
            ("application [It] fails", "failed", "Expected 1 to equal 2\nthere\nsaid more"),
        ],
    ),
    "kuttl": (
        """<testsuites name="" tests="1" failures="1" time="4.2"><properties></properties>
        <testsuite tests="1" failures="1" time="4.2" name="e2e"><testsuite tests="2" name="page">
        <testcase classname="page" name="setup" time="0.1" assertions="0"></testcase>
        <testcase classname="page" name="step 0-install" time="4,000.1"><failure message="failed in
 step 0-install">resource Deployment: .spec.replicas: value mismatch</failure></testcase>
        </testsuite></testsuite></testsuites>""",
        [
            ("page setup", "passed", ""),
            (
                "page step 0-install",
                "failed",
                "failed in  step 0-install\nresource Deployment: .spec.replicas: value mismatch",
            ),
        ],
    ),
    "one suite": (
        '<testsuite name="alone"><testcase name="a" time="x"/></testsuite>',
        [("alone a", "passed", "")],
    ),
}


@pytest.mark.parametrize("runner", REPORTS)
def test_the_cases_of_a_report_are_read(runner: str, tmp_path: Path) -> None:
    text, expected = REPORTS[runner]
    file = tmp_path / "junit.xml"
    file.write_text(text, encoding="utf-8")
    cases = read_junit(file)
    assert cases is not None
    assert [(case.title, case.outcome, case.output) for case in cases] == expected


def test_seconds_are_read_with_thousands_and_without_sense(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    times = "".join(f'<testcase name="a" time="{text}"/>' for text in ("4,000.5", "x", "-1", ""))
    file.write_text(f"<testsuite>{times}</testsuite>", encoding="utf-8")
    assert [case.seconds for case in read_junit(file) or ()] == [4000.5, 0, 0, 0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no XML",
        "<html/>",
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><testsuites>&a;</testsuites>',
    ],
)
def test_what_is_no_junit_tells_no_cases(text: str, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text(text, encoding="utf-8")
    assert read_junit(file) is None
    assert read_junit(tmp_path / "absent.xml") is None


def test_a_kubeconfigs_credentials_are_known_in_each_form(tmp_path: Path) -> None:
    key = "-----BEGIN KEY-----\n" + "k" * 64 + "\n-----END KEY-----"
    (tmp_path / "client.key").write_text(f"{key}\n")
    file = tmp_path / "config"
    file.write_text(
        "users:\n- name: a\n  user: {token: secret-token, client-key: client.key}\n"
        "- name: b\n  user: {password: short, client-certificate: c.crt}\n"
    )
    found = credentials(file)
    assert {"secret-token", key, "k" * 64} <= set(found)
    assert "short" not in found, "too short to be told from ordinary words"
    assert credentials(tmp_path / "absent") == []
