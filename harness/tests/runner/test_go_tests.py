"""What `go test -json` tells, and which commands are made to tell it."""

from __future__ import annotations

import json

import pytest

from harness.runner.gotest import GoTests, as_json


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("go test ./...", "go test -json ./..."),
        ("go test -json ./...", "go test -json ./..."),
        ("env CGO_ENABLED=0 go test -race ./a", "env CGO_ENABLED=0 go test -json -race ./a"),
        ("/usr/local/go/bin/go test", "/usr/local/go/bin/go test -json"),
        ("make test", ""),
        ("python3 -m pytest tests", ""),
        ("go vet ./...", ""),
    ],
)
def test_only_go_test_tells_events(command: str, told: str) -> None:
    assert as_json(command.split()) == tuple(told.split())


def event(action: str, test: str = "", **fields: str) -> str:
    return json.dumps({"Action": action, "Package": "shop", "Test": test, **fields})


def taken(*lines: str) -> GoTests:
    tests = GoTests()
    for line in lines:
        tests.take(line)
    return tests


def test_tests_are_counted_without_those_that_hold_others() -> None:
    tests = taken(
        event("run", "TestA"),
        event("pass", "TestA/one"),
        event("skip", "TestA/two"),
        event("pass", "TestA"),
        event("pass", "TestB"),
        event("pass"),
    )
    assert (tests.passed, tests.skipped, list(tests.failures())) == (2, 1, [])


def test_a_failed_test_comes_with_its_output() -> None:
    tests = taken(
        event("output", "TestA/one", Output="want 2\n"),
        event("output", "TestA/one", Output="got 3\n"),
        event("fail", "TestA/one"),
        event("fail", "TestA"),
        event("fail"),
    )
    assert list(tests.failures()) == [("shop TestA/one", "want 2\ngot 3")]


def test_a_test_that_fails_beside_its_parts_is_a_failure_of_its_own() -> None:
    tests = taken(event("pass", "TestA/one"), event("fail", "TestA"), event("fail"))
    assert [name for name, _ in tests.failures()] == ["shop TestA"]


def test_a_package_that_does_not_build_is_a_failure_with_the_compiler_s_words() -> None:
    built = {"ImportPath": "shop [shop.test]"}
    tests = taken(
        json.dumps({"Action": "build-output", "Output": "undefined: x\n", **built}),
        json.dumps({"Action": "build-fail", **built}),
        event("fail", FailedBuild="shop [shop.test]"),
    )
    assert list(tests.failures()) == [("shop (doesn't build)", "undefined: x")]


def test_a_package_that_dies_is_a_failure_with_its_last_words() -> None:
    tests = taken(
        event("run", "TestA"),
        event("output", "TestA", Output="panic: no shelf\n"),
        event("output", Output="FAIL\tshop\n"),
        event("fail"),
    )
    ((name, text),) = tests.failures()
    assert name == "shop"
    assert "panic: no shelf" in text


def test_people_read_what_was_printed() -> None:
    tests = GoTests()
    assert tests.take(event("output", "TestA", Output="=== RUN   TestA\n")) == "=== RUN   TestA"
    assert tests.take(event("run", "TestA")) is None
    assert tests.take("go: downloading example.org/x v1.0.0") == (
        "go: downloading example.org/x v1.0.0"
    )
