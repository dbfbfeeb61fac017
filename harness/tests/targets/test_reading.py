"""YAML is read strictly, with places; what it leaves to guess is a problem with its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.targets.document import dotted
from harness.targets.reading import MAX_BYTES, parse, read

BOMB = "\n".join(
    ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
)

GOOD = [
    ("a: 1", {"a": 1}),
    ("\ufeffa: 1", {"a": 1}),
    ("a: [x, {c: -2}]", {"a": ["x", {"c": -2}]}),
    ("a: 2027-06-01", {"a": "2027-06-01"}),
    ("a: 1:30", {"a": "1:30"}),
    ("a: 0x1F\nb: 0o17\nc: 0", {"a": 31, "b": 15, "c": 0}),
    ("a: 1.5\nb: 2e3\nc: .5\nd: 7.", {"a": 1.5, "b": 2000.0, "c": 0.5, "d": 7.0}),
    ("a: true\nb: FALSE\nc: ~\nd:", {"a": True, "b": False, "c": None, "d": None}),
    ("a: 'yes'\nb: \"010\"", {"a": "yes", "b": "010"}),
    ("a: y\nb: n", {"a": "y", "b": "n"}),
    ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
    ("a: !!str 5", {"a": "5"}),
]

BROKEN = [
    ("", "f: the file is empty"),
    ("# only a comment\n", "f: the file is empty"),
    ("a: 1\na: 2", "f:2:1: a: the key is there twice, first in line 1 (keep one of the two)"),
    ("a:\n\tb: 1", "f:2:1: a tab can't indent YAML (use spaces)"),
    (
        "a: 1\n---\nb: 2",
        "f:2:1: a second document begins here (write one document a file, without ---)",
    ),
    ("on: 1", 'f:1:1: the key on isn\'t a text in YAML (write "on" in quotes if you mean it)'),
    ("1: 1", 'f:1:1: the key 1 isn\'t a text in YAML (write "1" in quotes if you mean it)'),
    (
        "a: yes",
        "f:1:4: a: yes is a boolean to some YAML readers and a text to others "
        '(write true, or "yes" in quotes)',
    ),
    (
        "a: [Off]",
        "f:1:5: a[0]: Off is a boolean to some YAML readers and a text to others "
        '(write false, or "Off" in quotes)',
    ),
    (
        "a: 0644",
        "f:1:4: a: 0644 is an octal number to some YAML readers, not to others "
        '(write it without the leading 0, or "0644" in quotes)',
    ),
    ("[1]: 2", "f:1:1: a key must be a word, not a list or mapping"),
    ("<<: {a: 1}", "f:1:1: merge keys (<<) aren't supported (write the keys out)"),
    ("a: &x [*x]", "f:1:4: the alias refers to a value that it is part of"),
    ("a: &x {b: *x}", "f:1:4: the alias refers to a value that it is part of"),
    (BOMB, "f:1:34: it holds more than 20000 values (aliases?)"),
    ("a: *b", "f:1:4: YAML: undefined alias 'b'"),
    (
        "a: b: c",
        "f:1:5: YAML: mapping values are not allowed here "
        "(check the indentation, or quote a text that holds a colon)",
    ),
    ("a: 'x", "f:1:6: YAML: found unexpected end of stream (while scanning a quoted scalar)"),
    ("a: @x", "f:1:4: YAML: found character '@' that cannot start any token"),
    ("%YAML 9.9\n---\na: 1", "f:1:1: YAML: found incompatible YAML document"),
    ("a: .inf", "f:1:4: a: .inf isn't a value that JSON has"),
    ("a: " + "9" * 5000, f"f:1:4: a: {'9' * 39}… isn't a value that JSON has"),
    ("a: 9223372036854775808", "f:1:4: a: 9223372036854775808 isn't a value that JSON has"),
    ("a: !!bool maybe", "f:1:4: a: maybe isn't a value that JSON has"),
    ("a: !!python/object:os.x {}", "f:1:4: a: the tag !!python/object:os.x isn't allowed"),
    ("a: !!set {x}", "f:1:4: a: the tag !!set isn't allowed"),
    ("a: !x [1]", "f:1:4: a: the tag !x isn't allowed"),
    ("a: !!binary aGVsbG8=", "f:1:4: a: the tag !!binary isn't allowed"),
    ('a: "\\ud800"', "f:1:4: a: the escape is half a surrogate pair, not a character"),
    ('a: "\\Uffffffff"', "f: YAML: an escape or a number is out of range"),
    ("[" * 3000, "f: lists or mappings are nested too deeply"),
    (
        "a: \x00",
        "f:1:4: the character U+0000 isn't allowed in YAML (is this a binary file?)",
    ),
    (b"a: 1\nb: \xff\xfe", "f:2:4: this isn't UTF-8 text"),
    ("a: " + "x" * MAX_BYTES, "f: is larger than 256 KiB"),
]


@pytest.mark.parametrize(("text", "data"), GOOD, ids=[text[:20] for text, _ in GOOD])
def test_plain_values_follow_the_core_schema(text: str, data: object) -> None:
    document = parse(text.encode(), file="f")
    assert document.problems == []
    assert document.data == data


@pytest.mark.parametrize(("text", "problem"), BROKEN, ids=[words[:60] for _, words in BROKEN])
def test_broken_yaml_is_one_problem_with_its_line(text: str | bytes, problem: str) -> None:
    document = parse(text if isinstance(text, bytes) else text.encode(), file="f")
    assert len(document.problems) == 1
    assert str(document.problems[0]).startswith(problem)


def test_every_problem_of_the_values_comes_at_once() -> None:
    document = parse(b"a: yes\na: 1\nb: 010\non: 2\n", file="f")
    assert [problem.line for problem in document.problems] == [1, 2, 3, 4]


def test_manifests_are_read_as_kubernetes_tools_read_them() -> None:
    document = parse(b"a: yes\nb: 010\non: 1\n2: 3\n", file="f", guesses=True)
    assert document.problems == []
    assert document.data == {"a": True, "b": 8, "on": 1, "2": 3}


def test_values_keys_and_items_have_places() -> None:
    document = parse(b"a:\n  - b: 1\n  -   c\n", file="f")
    assert document.place(("a", 0, "b")) == (2, 8)
    assert document.place(("a", 0, "b"), of_key=True) == (2, 5)
    assert document.place(("a", 1)) == (3, 7)
    assert document.place(("a", 9, "nothing")) == (2, 3), "the nearest parent's"


def test_a_key_path_reads_like_an_expression() -> None:
    assert dotted(("kinds", 0, "ready", "condition")) == "kinds[0].ready.condition"


def test_what_is_no_regular_file_is_a_problem(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert str(read(tmp_path / "pipe", shown="p").problems[0]) == "p: isn't a regular file"
    assert "No such file" in str(read(tmp_path / "none").problems[0])
    assert "a NUL" in str(read(Path("a\0b"), shown="p").problems[0])
