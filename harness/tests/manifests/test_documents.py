"""Manifests are read as Kubernetes reads them, and problems name their line."""

from __future__ import annotations

import pytest

from harness.manifests.documents import ManifestSyntaxError, parse

OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def test_documents_are_taken_apart_and_empty_ones_left_out() -> None:
    found = parse(f"---\n{OBJECT}---\n# nothing\n---\n{OBJECT}", file="x.yaml")
    assert [obj["metadata"]["name"] for obj in found] == ["a", "a"]


def test_lists_are_taken_apart() -> None:
    item = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}"
    text = f"apiVersion: v1\nkind: List\nitems: [{item % 'a'}, {item % 'b'}]\n"
    assert [obj["metadata"]["name"] for obj in parse(text, file="x")] == ["a", "b"]


def test_values_are_those_that_kubernetes_reads() -> None:
    text = (
        f"{OBJECT}spec:\n  day: 2024-01-02\n  equal: =\n  clock: 12:30:00\n  number: 1.5\n"
        "  whole: 42\n  octal: 0644\n  truth: yes\n  exponent: 1e3\n  nothing:\n"
    )
    assert parse(text, file="x")[0]["spec"] == {
        "day": "2024-01-02",
        "equal": "=",
        "clock": "12:30:00",
        "number": 1.5,
        "whole": 42,
        "octal": 0o644,
        "truth": True,
        "exponent": 1000.0,
        "nothing": None,
    }


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x: 1\na: b: c\n", 2, "mapping values are not allowed"),
        (f"{OBJECT}---\n- 1\n", 5, "a document is a list"),
        ("kind: ConfigMap\n", 1, "apiVersion"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", 3, "metadata.name"),
        (f"{OBJECT}\tx: 1\n", 4, "cannot start any token"),
    ],
)
def test_what_is_no_object_is_named_by_line(text: str, line: int, message: str) -> None:
    with pytest.raises(ManifestSyntaxError, match=message) as error:
        parse(text, file="x.yaml")
    assert error.value.problem.line == line
    assert error.value.problem.file == "x.yaml"
