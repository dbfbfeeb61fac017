"""Whatever is in the file, loading it gives a target or a TargetError with problems."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import TargetError
from harness.targets import load
from harness.targets.reading import parse
from harness.tests.targets.test_loading import FULL

ROUNDS = 60
WORDS = [
    *(b": ", b"- ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"!!int ", b"!<a> ", b"<<", b"?", b"%"),
    *(b"\t", b"\n", b"---\n", b"#", b"|", b"'", b'"', b"\\U", b"\x85", b"\xff", b"\x00"),
    *(b"yes", b"0x", b"1e999", b"null", b"-0", b"~", b".nan", b"9" * 20),
]


def _edited(text: bytes, draw: random.Random) -> bytes:
    kind = draw.randrange(6)
    at = draw.randrange(len(text))
    if kind == 0:
        return text[:at]
    if kind == 1:
        flipped = bytearray(text)
        for _ in range(draw.randint(1, 4)):
            flipped[draw.randrange(len(text))] ^= 1 << draw.randrange(8)
        return bytes(flipped)
    if kind == 2:
        return text[:at] + draw.choice(WORDS) + text[at:]
    lines = text.splitlines(keepends=True)
    line = draw.randrange(len(lines))
    if kind == 3:
        lines[line] = lines[line].replace(b":", draw.choice([b"x:", b"", b": 1:", b" :"]), 1)
    elif kind == 4:
        lines.insert(draw.randrange(len(lines)), lines[line])
    else:
        name, _, _ = lines[line].partition(b":")
        lines[line] = (
            name + b": " + draw.choice([*WORDS, b"[]", b"{}", b"1", b"true", b"x"]) + b"\n"
        )
    return b"".join(lines)


def _outcome(text: bytes) -> TargetError | None:
    Path("target.yaml").write_bytes(text)
    try:
        msgspec.json.encode(load("."))  # what loads can also be kept as evidence
    except TargetError as error:
        return error
    return None


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("seed", range(10))
def test_an_edited_file_never_gives_another_error(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose
    refused = 0
    for _ in range(ROUNDS):
        text = FULL.encode()
        for _ in range(draw.randint(1, 3)):
            text = _edited(text, draw) or b" "
        error = _outcome(text)
        if error is not None:
            refused += 1
            assert error.problems, text
            assert all(problem.message for problem in error.problems)
    assert refused > ROUNDS / 2


def _places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    entries = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else entries:
        yield from _places(item, (*path, key))


def _replaced(value: Any, path: tuple[str | int, ...], other: Any) -> Any:
    if not path:
        return other
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(copy[path[0]], path[1:], other)
    return copy


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("other", [None, True, 7, "x", "", [], [[1]], {}, {"a": None}], ids=repr)
def test_a_value_of_another_shape_is_a_problem_or_fits(other: Any) -> None:
    full = parse(FULL.encode(), file="f").data
    for path in _places(full):
        error = _outcome(json.dumps(_replaced(full, path, other)).encode())
        assert error is None or error.problems, path
